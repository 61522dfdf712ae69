"""Doors: the APIs through which people ask for load balancers.

A door knows the model and core. It knows no other door and no table, and it talks to no device.
"""
