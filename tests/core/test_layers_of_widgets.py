"""Docks know of each other one way: train, predict, proofread; what they share knows none."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import napari_probinst

WIDGETS = Path(napari_probinst.__file__).parent / "widgets"
#: Packages of docks, each followed by those that it may open.
MAY_OPEN = {
    "training": {"prediction"},
    "prediction": {"proofreading"},
    "proofreading": set(),
    "evaluation": set(),
}
#: What napari calls, or the demo: modules that open docks.
ENTRIES = {"demo.py", "reader.py", "writer.py"}


def _docks(path):
    """Packages of docks that a module imports from, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        parts = (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else []
        if parts[:2] == ["napari_probinst", "widgets"] and parts[2:3] and parts[2] in MAY_OPEN:
            yield parts[2]


@pytest.mark.parametrize("package", MAY_OPEN)
def test_docks_import_only_the_one_that_comes_next(package):
    allowed = {package, *MAY_OPEN[package]}
    paths = sorted((WIDGETS / package).glob("*.py"))
    assert paths
    wrong = [
        f"{path.name}: {dock}" for path in paths for dock in _docks(path) if dock not in allowed
    ]
    assert not wrong


def test_what_docks_share_imports_none_of_them():
    shared = {path for path in WIDGETS.glob("*.py") if path.name not in ENTRIES}
    assert shared
    assert not [f"{path.name}: {dock}" for path in shared for dock in _docks(path)]
