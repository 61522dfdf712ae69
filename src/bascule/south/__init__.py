"""Backends: one package per kind of data plane. They know the model, and nothing of the database or of each other."""
