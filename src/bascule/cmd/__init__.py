"""The processes and the command line, the settings, and the wiring that knows everybody.

No rule and no work of its own: what a process does lives in ``core``, ``north`` and ``south``.
"""
