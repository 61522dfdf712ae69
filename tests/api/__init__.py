"""Conversations with the HTTP API: the whole of Bascule on real SQL, with the in-memory data plane."""
