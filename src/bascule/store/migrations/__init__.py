"""The steps by which a database becomes what `tables.py` says, run by Alembic through `bascule.store.migrate`."""
