"""Events of a viewer's list of layers."""

from __future__ import annotations

from typing import Any


def layer_events(viewer: Any, *names: str) -> list[Any]:
    """Return the events of these names, as far as this version of napari has them.

    Before napari 0.7 none tells that a layer was renamed.
    """
    found = (getattr(viewer.layers.events, name, None) for name in names)
    return [event for event in found if event is not None]
