"""The benchmarks fit the code: what they import is there."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_it_can_be_imported(name, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER.parent)
    importlib.import_module(f"{FOLDER.name}.{name}")
