"""Names of the work at hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from bascule.model import trace


def test_a_name_lasts_as_long_as_its_work() -> None:
    assert trace.current() == ""
    with trace.named("outer"):
        with trace.named("inner"):
            assert trace.current() == "inner"
        assert trace.current() == "outer"
    assert trace.current() == ""


def test_other_threads_are_at_it_only_where_it_is_carried_to_them() -> None:
    def look(_item: int) -> str:
        return trace.current()

    with ThreadPoolExecutor(1) as pool, trace.named("here"):
        assert list(pool.map(look, [1])) == [""]
        assert list(pool.map(trace.carried(look), [1])) == ["here"]
        assert list(pool.map(look, [1])) == [""]


def test_new_names_are_new() -> None:
    assert trace.new("pass").startswith("pass-")
    assert trace.new("pass") != trace.new("pass")
