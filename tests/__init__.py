"""Tests. What they share is in `conftest.py`."""
