"""Imports inside the core point one way: stages know nothing of what is built upon them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import napari_probinst

PACKAGE = "napari_probinst.core"
CORE = Path(napari_probinst.__file__).parent / "core"
ABOVE = ("batch", "curation", "evaluation", "training")


def _imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("folder", ["data", "inference", "network"])
def test_lower_parts_import_none_of_the_upper_ones(folder):
    forbidden = tuple(f"{PACKAGE}.{name}" for name in ABOVE)
    paths = sorted((CORE / folder).glob("*.py"))
    assert paths
    wrong = {
        f"{path.name}: {module}"
        for path in paths
        for module in _imported(path)
        if module.startswith(forbidden)
    }
    assert not wrong
