"""A mark says whose something is, and fits where it is written."""

from __future__ import annotations

import uuid

import pytest

from bascule.south import marks
from bascule.south.marks import Mark
from tests.south.as3.checks import _LABEL


def test_a_mark_is_read_as_it_was_written_and_fits_into_a_label() -> None:
    made = Mark("0123456789ab", str(uuid.uuid4()))
    assert marks.read(str(made)) == made
    assert _LABEL.fullmatch(str(made))
    assert not _LABEL.fullmatch(str(made) * 2)


@pytest.mark.parametrize(
    "text", ["", "bascule", "bascule was tried here", "bascule here ", "bascule HERE x", " bascule here x", "basculehere x"]
)
def test_what_others_write_is_no_mark(text: str) -> None:
    assert marks.read(text) is None
