"""Whatever stands in a file's name is harmless on a screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscam.screen import printable, shown

CONTROLS = {
    "escape": ("\x1b[31m", "\\x1b[31m"),
    "bell": ("\x07", "\\x07"),
    "title": ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
    "bidi": ("a\u202eb", "a\\u202eb"),
    "broken": ("\udce9", "\\udce9"),
    "line": ("a\r\nb", "a\\r\\nb"),
    "c1": ("\x9b2J", "\\x9b2J"),
}


@pytest.mark.parametrize(("text", "escaped"), CONTROLS.values(), ids=CONTROLS)
def test_marks_are_escaped(text, escaped):
    assert printable(text) == escaped


@given(st.text())
def test_any_text_is_one_harmless_line(text):
    assert printable(text).isprintable()
    if text.isprintable():
        assert printable(text) == text


def test_blanks_in_a_path_can_be_seen():
    assert shown("a/b c.jpg") == "a/b c.jpg"
    assert shown("a  b") == "'a  b'"
    assert shown("a ") == "'a '"
    assert shown("a\r") == "'a\\r'"
