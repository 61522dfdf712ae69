"""Tokens that are kept in the process."""

from __future__ import annotations

from bascule.cmd.tokens import MOST, Confirmed


def test_tokens_are_kept_for_their_time() -> None:
    kept = Confirmed()
    kept.set("ended", b"1", -1)
    kept.set("ending", b"2", 60)
    kept.set("ending", b"3", 60)
    assert (kept.get("ended"), kept.get("ending"), kept.get("unknown")) == (None, b"3", None)
    endless = Confirmed()
    endless.set("token", b"4")
    assert endless.get("token") == b"4"


def test_the_oldest_tokens_go_when_there_are_too_many() -> None:
    kept = Confirmed()
    for number in range(MOST):
        kept.set(f"token {number}", b"", 60)
    kept.set("token 0", b"again", 60)
    kept.set("new", b"", 60)
    assert (kept.get("token 0"), kept.get("token 1"), kept.get("token 2")) == (b"again", None, b"")
