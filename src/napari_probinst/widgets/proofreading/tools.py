"""Tools that take the mouse for a while; here those that pick and cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from napari.layers import Labels, Shapes
from napari.utils.notifications import show_warning

from napari_probinst.core.curation.edits import Merge, SplitAlongLine
from napari_probinst.widgets.canvas import point_at
from napari_probinst.widgets.placement import placement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.widgets.proofreading.workbench import Workbench

#: Colours of a cut and of the halo around it: black, which nothing else on the canvas has, between
#: white is seen on bright and on dark images, and by colour-blind eyes.
CUT_COLOUR, HALO_COLOUR = "#000000", "#FFFFFF"
#: Width of the cut and of its halo, pixels.
_CUT_WIDTH, _HALO_WIDTH = 0.8, 2.0


class Tool(Protocol):
    """Something that takes the mouse until it is confirmed or left."""

    #: Name of the action, e.g. "merge".
    name: str
    #: Temporary layer, None if it needs none.
    layer: Labels | Shapes | None

    @property
    def banner(self) -> str:
        """What to do now, shown in the dock and in the status line."""
        ...

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
        #: Picked before the tool was on, and not clicked since.
        self._brought = bench.selected if bench.by_hand else ()

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
        """Pick or unpick the instance under the mouse; the first pick replaces a suggestion.

        The first click on what was picked before the tool was on keeps it: "click the pieces".
        """
        if not clicked or pixel is None:
            return False
        if not self._bench.by_hand:
            self._bench.select(())
        if set(self._brought) & set(self._bench.session.instances_at(*pixel)):
            self._brought = ()
        else:
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
        self.layer: Shapes = bench.scratch.take("cut", self._make_layer)

    def start(self) -> None:
        """Show a cross, and keep the camera still."""
        self._bench.show_scratch(self.layer)
        instances = self._bench.shown.instances
        instances.cursor = "cross"
        instances.mouse_pan = False

    def stop(self) -> None:
        """Erase the line and let the camera go."""
        instances = self._bench.shown.instances
        instances.cursor = "standard"
        instances.mouse_pan = True
        # Without a line nothing is seen of the layer: hiding it would draw the scene anew.
        self._erase()

    def dragged(self, position: Sequence[float]) -> None:
        """Draw on: the line, above its halo."""
        self._line.append(point_at(self._bench.shown.instances, position))
        if len(self._line) > 1:
            self._erase()
            self.layer.add_paths(
                [np.array(self._line)] * 2,
                edge_color=[HALO_COLOUR, CUT_COLOUR],
                edge_width=[_HALO_WIDTH, _CUT_WIDTH],
                z_index=[0, 1],
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
        target = self._target()
        if not target:
            return self._bench.refuse("No instance lies under the line: drag it right across one.")
        return self._bench.apply(SplitAlongLine(target, tuple(self._line)))

    def unfinished(self) -> bool:
        """Return False: a line is quickly drawn again."""
        return False

    def _make_layer(self) -> Shapes:
        shown = self._bench.shown
        return Shapes(
            ndim=2,
            name=f"{shown.title} | cut",
            opacity=1,
            **placement(shown.instances),
        )

    def _erase(self) -> None:
        if self.layer.nshapes:
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
