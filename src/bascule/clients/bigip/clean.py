"""Clears what devices say of what must not be shown: they quote what they were sent, keys included."""

from __future__ import annotations

import logging
import re

_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_ENCODED = re.compile(r"[A-Za-z0-9+/=]{60,}")
"""Long enough for a line of a key, and longer than any name."""
_CRYPTOGRAM = re.compile(r"\$M\$\S+")
_URL_PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")
_TOKEN_PATH = re.compile(r"(?<=/authz/tokens/)[^/?\s\"']+")
_LONGEST = 2000


def clean(text: str) -> str:
    """A text of a device, without keys, cut to a length that fits into a fault."""
    for pattern in (_PEM, _CRYPTOGRAM, _ENCODED, _TOKEN_PATH):
        text = pattern.sub("***", text)
    return _URL_PASSWORD.sub("***@", text)[:_LONGEST]


class _Paths(logging.Filter):
    """urllib3 writes the path of every request into its debug log, and two of ours end in a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_TOKEN_PATH.sub("***", one) if isinstance(one, str) else one for one in record.args)
        return True


def keep_tokens_out_of_logs() -> None:
    """Has to be called before the first request; calling it again does nothing."""
    logger = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(one, _Paths) for one in logger.filters):
        logger.addFilter(_Paths())
