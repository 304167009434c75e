"""Tools that take the mouse for a while: pick to merge, cut to split, paint to add or repaint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from napari.layers import Labels, Shapes
from napari.utils import DirectLabelColormap
from napari.utils.notifications import show_warning

from napari_probinst.core.curation.edits import Add, Merge, Repaint, SplitAlongLine
from napari_probinst.core.instances import Instance
from napari_probinst.widgets.label_view import SELECTION_COLOUR
from napari_probinst.widgets.layers import placement
from napari_probinst.widgets.proofreading.canvas import point_at, typical_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.widgets.proofreading.workbench import Workbench

#: Width of the drawn line, pixels.
_LINE_WIDTH = 1.0


class Tool(Protocol):
    """Something that takes the mouse until it is confirmed or left."""

    #: Name of the action, e.g. "merge".
    name: str
    #: What to do now, shown in the dock and on the canvas.
    banner: str
    #: Temporary layer, None if it needs none.
    layer: Labels | Shapes | None

    def start(self) -> None:
        """Prepare canvas and cursor."""
        ...

    def stop(self) -> None:
        """Leave no trace of the tool."""
        ...

    def dragged(self, position: Sequence[float]) -> None:
        """Follow the mouse, at ``position`` in the world, with its button down."""
        ...

    def released(self, pixel: tuple[int, int] | None, *, clicked: bool) -> bool:
        """Mouse button let go over ``pixel``, without a drag if ``clicked``.

        Returns whether that completed the edit.
        """
        ...

    def confirm(self) -> bool:
        """Make the edit; return whether the tool is done."""
        ...

    def unfinished(self) -> bool:
        """Whether leaving now would lose work."""
        ...


class PickTool:
    """Click the instances to merge; G or Enter merges them."""

    name = "merge"
    banner = "MERGE: click the instances that are one, then Enter or G"
    layer = None

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def start(self) -> None:
        """Show a pointing hand; suggest what the peak is about, unless the user picked."""
        if not self._bench.by_hand:
            self._bench.select(self._bench.peak_ids())
        self._bench.shown.instances.cursor = "pointing"

    def stop(self) -> None:
        """Give the cursor back."""
        self._bench.shown.instances.cursor = "standard"

    def dragged(self, position: Sequence[float]) -> None:
        """Leave drags to the camera."""

    def released(self, pixel: tuple[int, int] | None, *, clicked: bool) -> bool:
        """Pick or unpick the instance under the mouse; the first pick replaces a suggestion."""
        if clicked and pixel is not None:
            if not self._bench.by_hand:
                self._bench.select(())
            self._bench.cycle(pixel, extend=True)
        return False

    def confirm(self) -> bool:
        """Merge what is picked."""
        return self._bench.apply(Merge(self._bench.selected))

    def unfinished(self) -> bool:
        """Return False: picks are quickly made again."""
        return False


class CutTool:
    """Drag a line across the current instance; letting go splits it."""

    name = "split"
    banner = "SPLIT: drag a line right across the selected instance"

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._line: list[tuple[float, float]] = []
        self.layer = Shapes(
            ndim=2,
            name=f"{bench.shown.title} | cut",
            edge_color=SELECTION_COLOUR,
            edge_width=_LINE_WIDTH,
            **placement(bench.shown.instances),
        )

    def start(self) -> None:
        """Show a cross, and keep the camera still."""
        self._bench.add_below_peaks(self.layer)
        instances = self._bench.shown.instances
        instances.cursor = "cross"
        instances.mouse_pan = False

    def stop(self) -> None:
        """Remove the line and let the camera go."""
        instances = self._bench.shown.instances
        instances.cursor = "standard"
        instances.mouse_pan = True
        self._bench.remove(self.layer)

    def dragged(self, position: Sequence[float]) -> None:
        """Draw on."""
        self._line.append(point_at(self._bench.shown.instances, position))
        if len(self._line) > 1:
            self._erase()
            self.layer.add_paths(
                [np.array(self._line)], edge_color=SELECTION_COLOUR, edge_width=_LINE_WIDTH
            )

    def released(self, pixel: tuple[int, int] | None, *, clicked: bool) -> bool:
        """Split along the line; a click selects the instance to split."""
        if clicked:
            if pixel is not None:
                self._bench.cycle(pixel, extend=False)
            done = False
        else:
            done = self.confirm()
        self._line.clear()
        self._erase()
        return done

    def confirm(self) -> bool:
        """Split along the line that is drawn."""
        if len(self._line) < 2:
            show_warning("No line is drawn yet: drag one right across the instance.")
            return False
        return self._bench.apply(SplitAlongLine(self._target(), tuple(self._line)))

    def unfinished(self) -> bool:
        """Return False: a line is quickly drawn again."""
        return False

    def _erase(self) -> None:
        self.layer.selected_data = set(range(self.layer.nshapes))
        self.layer.remove_selected()

    def _target(self) -> int:
        """Instance the user means: the one selected by hand, else one under the line.

        What the peak suggested comes before other instances under the line; 0 if there is none.
        """
        current = self._bench.current
        if current is not None and self._bench.by_hand:
            return current
        steps = [
            np.linspace(start, stop, 1 + int(np.abs(np.subtract(stop, start)).max()))
            for start, stop in zip(self._line, self._line[1:], strict=False)
        ]
        pixels = np.floor(np.concatenate(steps) + 0.5).astype(int)
        hits = [i for y, x in pixels for i in self._bench.session.instances_at(int(y), int(x))]
        if current in hits:
            return current
        return max(dict.fromkeys(hits), key=hits.count, default=0)


class BrushTool:
    """Paint with napari's own brush in a layer that is thrown away afterwards.

    Parameters
    ----------
    bench : Workbench
        Where it works.
    identifier : int or None
        Instance to repaint; None to paint a new one.
    """

    def __init__(self, bench: Workbench, identifier: int | None = None) -> None:
        self._bench = bench
        self._identifier = identifier
        self.name = "add" if identifier is None else "repaint"
        what = "a missed instance" if identifier is None else "or erase the selected instance"
        self.banner = f"{self.name.upper()}: paint {what}, then Finish"
        shown, session = bench.shown, bench.session
        page = np.zeros(session.shape, dtype=np.uint8)
        if identifier is not None:
            session.instances[identifier].paint(page, 1)
        self._start = page.copy()
        self.layer = Labels(
            page,
            name=f"{shown.title} | {'new' if identifier is None else 'repaint'}",
            colormap=DirectLabelColormap(color_dict={None: SELECTION_COLOUR, 0: "transparent"}),
            opacity=0.5,
            **placement(shown.instances),
        )

    def start(self) -> None:
        """Give the user a brush as wide as an object."""
        bench = self._bench
        bench.select(() if self._identifier is None else (self._identifier,))
        bench.add_below_peaks(self.layer)
        bench.viewer.layers.selection.active = self.layer
        self.layer.selected_label = 1
        self.layer.brush_size = round(typical_width(list(bench.session.instances.values())))
        self.layer.mode = "paint"

    def stop(self) -> None:
        """Remove the layer, and with it napari's history of the strokes."""
        self._bench.remove(self.layer)
        self._bench.activate()

    def dragged(self, position: Sequence[float]) -> None:
        """Leave the mouse to napari's brush."""

    def released(
        self,
        pixel: tuple[int, int] | None,  # noqa: ARG002 - the brush has painted already
        *,
        clicked: bool,  # noqa: ARG002
    ) -> bool:
        """Leave the mouse to napari's brush."""
        return False

    def confirm(self) -> bool:
        """Add the painted instance, or give the current one its new mask."""
        painted = Instance.from_mask(self.layer.data > 0)
        if self._identifier is None:
            return self._bench.apply(Add(painted))
        return self._bench.apply(Repaint(self._identifier, painted))

    def unfinished(self) -> bool:
        """Whether anything was painted."""
        return not np.array_equal(self.layer.data > 0, self._start > 0)
