"""Backends: one package per kind of data plane. They know the model and clients, and nothing of the database or of each other."""
