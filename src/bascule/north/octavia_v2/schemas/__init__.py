"""What each noun of the API takes and gives.

A module per noun: the bodies of POST and PUT, how they become objects of the model, and how a row becomes an answer.
"""
