"""Our docks, one of each kind in a window, whichever way they are opened."""

from __future__ import annotations

from typing import Any, TypeVar

from qtpy.QtWidgets import QDockWidget, QWidget

D = TypeVar("D", bound=QWidget)


def open_dock(viewer: Any, name: str, kind: type[D]) -> D:
    """Open a dock, or bring the one that is open to the front.

    napari gives a dock of its menu another title than one that is opened from a program, and
    takes them for two.

    Parameters
    ----------
    viewer : napari.Viewer
        In whose window.
    name : str
        Name of the widget in the manifest.
    kind : type
        Its class.
    """
    opened = opened_dock(viewer, kind)
    if opened is not None:
        parent = opened.parent()
        if isinstance(parent, QDockWidget):
            parent.show()
            parent.raise_()
        return opened
    _, made = viewer.window.add_plugin_dock_widget("napari-probinst", name)
    dock: D = made
    return dock


def opened_dock(viewer: Any, kind: type[D]) -> D | None:
    """Return the dock of a class that is open in a viewer's window, None if there is none."""
    docks = viewer.window.dock_widgets.values()
    return next((dock for dock in docks if isinstance(dock, kind)), None)
