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


def flag() -> None:
    """Flag the place."""
    _act("flag")


def jump() -> None:
    """Zoom to the place again."""
    _act("jump")


def isolate() -> None:
    """Show the selected instances alone, or all again."""
    _act("isolate")


def uncertainty() -> None:
    """Show or hide the uncertainty."""
    _act("uncertainty")


def merge() -> None:
    """Merge instances."""
    _act("merge")


def split() -> None:
    """Split an instance along a line."""
    _act("split")


def split_points() -> None:
    """Split an instance by a point on each part."""
    _act("split_points")


def split_parts() -> None:
    """Split an instance into a number of parts."""
    _act("split_parts")


def add() -> None:
    """Paint an instance that was missed."""
    _act("add")


def repaint() -> None:
    """Paint or erase the selected instance."""
    _act("repaint")


def delete() -> None:
    """Delete the selected instances."""
    _act("delete")


def fill() -> None:
    """Fill the holes of the selected instance."""
    _act("fill")


def grow() -> None:
    """Grow the selected instance by a pixel."""
    _act("grow")


def shrink() -> None:
    """Shrink the selected instance by a pixel."""
    _act("shrink")


def overlap_one() -> None:
    """Give an overlap to one instance."""
    _act("overlap_one")


def overlap_both() -> None:
    """Give an overlap to both instances."""
    _act("overlap_both")


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
