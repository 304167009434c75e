"""The mouse on the canvas: clicks select, drags go to the tool that is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_probinst.widgets.canvas import pixel_at
from napari_probinst.widgets.proofreading.cursor_pixel import CursorPixel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from napari_probinst.widgets.proofreading.tool_switch import ToolSwitch
    from napari_probinst.widgets.proofreading.workbench import Workbench

#: Screen pixels that a hand may move during a click.
_CLICK_TOLERANCE = 4


class CanvasMouse:
    """Leads the mouse to a bench, or to the tool that is on there.

    Parameters
    ----------
    bench : Workbench
        Where clicks select.
    tools : ToolSwitch
        Knows which tool is on.

    Attributes
    ----------
    hovered : psygnal.Signal
        The cursor has moved.
    """

    hovered = Signal()

    def __init__(self, bench: Workbench, tools: ToolSwitch) -> None:
        self._bench = bench
        self._tools = tools
        self._cursor = CursorPixel(bench.viewer, bench.shown.instances)
        bench.viewer.mouse_drag_callbacks.append(self._press)
        bench.viewer.mouse_move_callbacks.append(self._hover)

    def close(self) -> None:
        """Let go of the viewer's mouse."""
        self._bench.viewer.mouse_drag_callbacks.remove(self._press)
        self._bench.viewer.mouse_move_callbacks.remove(self._hover)

    @property
    def pixel(self) -> tuple[int, int] | None:
        """Pixel (y, x) under the cursor; None outside."""
        return self._cursor.pixel

    def view_moved(self, *, on_canvas: bool) -> None:
        """Take the pixel that has come under the cursor, unless it isn't on the canvas."""
        self._cursor.view_moved(on_canvas=on_canvas)

    def _hover(self, _viewer: Any, event: Any) -> None:
        self._cursor.moved_to(event.position)
        self.hovered.emit()

    def _press(self, _viewer: Any, event: Any) -> Iterator[None]:
        """Follow a button from its press to its release. The camera keeps what nobody wants."""
        if event.button != 1 or not self._bench.is_active:
            return
        tool = self._tools.tool
        start = np.array(event.pos)
        dragging = False
        # From the press on: when a quick drag is first heard of, it is well on its way.
        while event.type != "mouse_release":
            dragging = dragging or _is_away(event.pos, start)
            if tool is not None:
                tool.dragged(event.position)
            yield
        if self._tools.tool is not tool:
            return
        # Of a drag while the window was busy no move may be heard of at all.
        if not dragging and _is_away(event.pos, start):
            dragging = True
            if tool is not None:
                tool.dragged(event.position)
        pixel = pixel_at(self._bench.shown.instances, event.position)
        if tool is not None:
            self._tools.release_mouse(pixel, clicked=not dragging)
        elif not dragging and pixel is not None:
            self._bench.cycle(pixel, extend="Shift" in event.modifiers)


def _is_away(pos: ArrayLike, start: NDArray[Any]) -> bool:
    """Whether the hand has left the place of the press, more than it moves during a click."""
    return bool(np.abs(np.asarray(pos) - start).max() > _CLICK_TOLERANCE)
