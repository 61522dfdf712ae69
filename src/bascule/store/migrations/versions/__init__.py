"""One module per migration, named by its number.

A migration spells its tables out and imports nothing from Bascule, so that it goes on doing what it did when it was
written. MariaDB cannot take back the change of a table: every statement must be one that may run again after a crash.
A new migration also moves `HEAD` in `bascule.store.migrate`.
"""
