"""SQL. Knows the model and nothing else of Bascule.

No rule of what users may ask for, no device, no HTTP. Functions take a connection and never commit: who opened the transaction
decides what belongs in it.
"""
