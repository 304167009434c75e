"""Actions of the open Proofread dock as commands: napari's palette lists them."""

from __future__ import annotations

import napari
from napari.utils.notifications import show_warning

from napari_probinst.widgets.open_dock import opened_dock
from napari_probinst.widgets.proofreading.dock import ProofreadWidget


def next_place() -> None:
    """Go to the next place."""
    _act("next")


def previous_place() -> None:
    """Go to the previous place."""
    _act("previous")


def accept() -> None:
    """Accept the place."""
    _act("accept")


def skip() -> None:
    """Skip the place."""
    _act("skip")


def merge() -> None:
    """Merge instances."""
    _act("merge")


def split() -> None:
    """Split an instance along a line."""
    _act("split")


def undo() -> None:
    """Undo the last correction."""
    _act("undo")


def redo() -> None:
    """Redo what was undone."""
    _act("redo")


def save() -> None:
    """Write the results."""
    _act("save")


def export() -> None:
    """Export the corrected masks in a format of another program."""
    _act("export")


def _act(name: str) -> None:
    viewer = napari.current_viewer()
    dock = None if viewer is None else opened_dock(viewer, ProofreadWidget)
    if dock is None:
        show_warning(
            "Proofread isn't open: open it under Plugins ▸ Probabilistic Instances ▸ Proofread."
        )
        return
    dock.act(name)
