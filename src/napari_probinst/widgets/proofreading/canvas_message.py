"""A text on the canvas that can't be missed."""

from __future__ import annotations

from typing import Any


class CanvasMessage:
    """Text on the canvas while a mode is on; gives back the user's own text afterwards."""

    def __init__(self, viewer: Any) -> None:
        self._overlay = text_overlay(viewer)
        self._before: dict[str, Any] | None = None

    def show(self, text: str, colour: str) -> None:
        """Show a text in large dark letters at the top, in a box of a colour."""
        wanted = {
            "text": text,
            "color": "black",
            "font_size": 16,
            "position": "top_center",
            "visible": True,
        }
        if hasattr(self._overlay, "box_color"):
            wanted |= {"box": True, "box_color": colour}
        else:  # Older versions of napari have no box: the text must stand out by itself.
            wanted["color"] = colour
        if self._before is None:
            self._before = {name: getattr(self._overlay, name) for name in wanted}
        for name, value in wanted.items():
            setattr(self._overlay, name, value)

    def clear(self) -> None:
        """Take the text away."""
        if self._before is not None:
            for name, value in self._before.items():
                setattr(self._overlay, name, value)
            self._before = None


def text_overlay(viewer: Any) -> Any:
    """Text that a viewer shows on its canvas."""
    overlays = getattr(getattr(viewer, "canvas", None), "overlays", None)
    # `viewer.text_overlay` is deprecated since napari 0.9.
    return viewer.text_overlay if overlays is None else overlays.text
