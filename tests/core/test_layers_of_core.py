"""Imports point one way, and to where a name is defined.

Stages of the core know nothing of what is built upon them.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import napari_probinst

PACKAGE = "napari_probinst.core"
CORE = Path(napari_probinst.__file__).parent / "core"
#: Modules that gather names of others for all who need them.
DOORS = {f"{PACKAGE}.data.io", f"{PACKAGE}.curation.edits"}
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


def _names(nodes):
    """Modules of the package, and what is imported from them."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("napari_probinst."):
            yield from ((node.module, alias.name) for alias in node.names)


def test_names_are_imported_from_where_they_are_defined():
    folder = CORE.parent
    trees = {
        ".".join(("napari_probinst", *path.relative_to(folder).with_suffix("").parts)): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in folder.rglob("*.py")
    }
    borrowed = {module: {name for _, name in _names(tree.body)} for module, tree in trees.items()}
    wrong = [
        f"{user}: {name} of {module}"
        for user, tree in trees.items()
        for module, name in _names(ast.walk(tree))
        if module not in DOORS and name in borrowed.get(module, ())
    ]
    assert not wrong
