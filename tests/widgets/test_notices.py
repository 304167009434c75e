"""napari shows a notice for a few seconds: it is to be read in that time."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from napari_probinst import widgets

SOURCES = sorted(Path(widgets.__file__).parent.rglob("*.py"))
SHOWING = {"show_info", "show_warning", "show_error"}
#: Characters, without the names and numbers that are put in.
LONGEST = 115


def notices(source):
    """Line and length of every text that is shown as it is written."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in SHOWING:
            parts = (part for given in node.args for part in ast.walk(given))
            texts = [part.value for part in parts if isinstance(part, ast.Constant)]
            yield node.lineno, sum(len(text) for text in texts if isinstance(text, str))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_notices_are_a_sentence_or_two(source):
    assert [line for line, length in notices(source) if length > LONGEST] == []
