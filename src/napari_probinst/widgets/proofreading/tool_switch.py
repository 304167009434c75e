"""Turns tools on and off, and makes unmistakable which one is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info

from napari_probinst.widgets.proofreading.brushes import BrushTool
from napari_probinst.widgets.proofreading.canvas_message import CanvasMessage

if TYPE_CHECKING:
    from napari_probinst.widgets.proofreading.keys import KeyBindings
    from napari_probinst.widgets.proofreading.tools import Tool
    from napari_probinst.widgets.proofreading.workbench import Workbench

#: Colour of the banner in the dock and of the text on the canvas.
BANNER_COLOUR = "#E69F00"


class ToolSwitch:
    """At most one tool is on at a time.

    Parameters
    ----------
    bench : Workbench
        Where the tools work.
    keys : KeyBindings
        Gets the keys that confirm and leave while a tool is on.
    """

    def __init__(self, bench: Workbench, keys: KeyBindings) -> None:
        self._bench = bench
        self._keys = keys
        self._tool: Tool | None = None
        self._message = CanvasMessage(bench.viewer)
        self._warned = False
        self._starting = False
        layers = bench.viewer.layers
        layers.selection.events.active.connect(self._active_changed)
        layers.events.removed.connect(self._layer_removed)

    @property
    def tool(self) -> Tool | None:
        """Tool that is on."""
        return self._tool

    def close(self) -> None:
        """Turn the tool off, and stop watching the layers; unfinished work stays as a layer."""
        layers = self._bench.viewer.layers
        layers.selection.events.active.disconnect(self._active_changed)
        layers.events.removed.disconnect(self._layer_removed)
        if isinstance(self.tool, BrushTool):
            self.tool.stays = self.tool.unfinished()
        self._stop()

    def start(self, tool: Tool) -> None:
        """Turn on a tool, unless another one holds unfinished work."""
        if not self.leave():
            return
        self._tool = tool
        self._bench.refused = ""
        self._starting = True
        self._bench.activate()
        tool.start()
        self._starting = False
        mode = tool.banner.partition(":")[0]
        self._message.show(f"{mode} – Esc leaves", BANNER_COLOUR)
        self._bench.viewer.help = tool.banner
        self._keys.bind_mode(*self._bench.own_layers)
        if isinstance(tool, BrushTool):
            self._keys.bind_mode_layer(tool.layer)
            tool.layer.events.mode.connect(self._brush_mode_changed)
        self._bench.changed.emit()

    def confirm(self) -> None:
        """Make the tool's edit; a refused one leaves the tool on."""
        with self._bench.one_change():
            if self.tool is not None and self.tool.confirm():
                self._stop()

    def release_mouse(self, pixel: tuple[int, int] | None, *, clicked: bool) -> None:
        """Tell the tool that the mouse button was let go, which may complete its edit.

        Parameters
        ----------
        pixel : (int, int) or None
            y and x; None outside of the image.
        clicked : bool
            Whether the mouse stood still.
        """
        with self._bench.one_change():
            if self._tool is not None and self._tool.released(pixel, clicked=clicked):
                self._stop()

    def leave(self, *, discard: bool = False) -> bool:
        """Turn the tool off.

        Parameters
        ----------
        discard : bool, default False
            Throw strokes away, when asked for the second time.

        Returns
        -------
        bool
            Whether no tool is on now.
        """
        if self.tool is not None and self.tool.unfinished() and not (discard and self._warned):
            self._warned = self._warned or discard
            times = "again" if self._warned else "twice"
            show_info(f"Press Finish, or Esc {times} to discard.")
            return False
        self._stop()
        return True

    def _stop(self) -> None:
        tool = self.tool
        if tool is None:
            return
        # First of all: removing its layer calls back.
        self._tool = None
        self._warned = False
        self._message.clear()
        self._bench.viewer.help = ""
        self._keys.release_mode()
        if isinstance(tool, BrushTool):
            tool.layer.events.mode.disconnect(self._brush_mode_changed)
        tool.stop()
        self._bench.changed.emit()

    def _brush_mode_changed(self, _event: Any) -> None:
        """Leave Enter and Escape to napari while it draws a polygon."""
        tool = self.tool
        if not isinstance(tool, BrushTool):
            return
        self._keys.release(tool.layer)
        if str(tool.layer.mode) != "polygon":
            self._keys.bind_mode_layer(tool.layer)

    def _active_changed(self, _event: Any) -> None:
        """Turn off a tool that works on the instances when another layer becomes active."""
        tool = self.tool
        if tool is None or self._starting or isinstance(tool, BrushTool):
            return
        if self._bench.viewer.layers.selection.active != self._bench.shown.instances:
            self._stop()

    def _layer_removed(self, event: Any) -> None:
        if self.tool is not None and event.value is self.tool.layer:
            self._stop()
