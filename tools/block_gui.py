"""Make napari, Qt and what belongs to them impossible to import.

A pytest plugin (``pytest -p block_gui``), and a module whose import is enough anywhere else:
what runs after it proves that it needs no GUI.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder

BLOCKED = frozenset(
    {
        "napari",
        "qtpy",
        "magicgui",
        "superqt",
        "npe2",
        "app_model",
        "vispy",
        "PyQt5",
        "PyQt6",
        "PySide2",
        "PySide6",
    }
)


class GuiBlocker(MetaPathFinder):
    """Refuse every module of the GUI, before any other finder is asked."""

    def find_spec(self, fullname: str, *_: object) -> None:
        """Raise ModuleNotFoundError for the GUI, as if it were not installed."""
        if fullname.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{fullname} is blocked: this must run headless")


sys.meta_path.insert(0, GuiBlocker())
