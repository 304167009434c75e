"""Tools that paint with napari's own brush, in a layer that forgets the strokes afterwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils import DirectLabelColormap
from napari.utils.notifications import show_warning

from napari_probinst.core.boxes import clip_box, enclose, window
from napari_probinst.core.curation.edits import Add, GiveOverlap, Repaint
from napari_probinst.core.instances import Instance
from napari_probinst.widgets.canvas import view_box
from napari_probinst.widgets.label_view import SELECTION_COLOUR
from napari_probinst.widgets.placement import placement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.curation.edits import Edit
    from napari_probinst.widgets.proofreading.workbench import Workbench

#: Longest side of an image that the brush reaches as a whole, pixels.
_LARGEST_PAINTED = 4096
#: Of a larger image the brush reaches this many pixels from the middle of the view.
_REACH = 1024


class BrushTool(ABC):
    """Paint; what was painted becomes an edit when it is finished.

    Parameters
    ----------
    bench : Workbench
        Where it works.
    identifier : int or None
        Instance that is painted already when the tool starts; None for an empty page.
    """

    #: Name of the action.
    name: str
    #: What to do.
    instruction: str
    #: What the layer is called, behind the name of the image.
    title: str

    def __init__(self, bench: Workbench, identifier: int | None = None) -> None:
        self._bench = bench
        self._identifier = identifier
        #: Whether the layer is left to the user when the tool stops.
        self.stays = False
        given = None if identifier is None else bench.session.instances[identifier]
        #: The part of the image that can be painted.
        self._box = _paintable(bench, given)
        y0, x0, y1, x1 = self._box
        self._page = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
        if given is not None:
            self._page[window(given.bbox, self._box)] = given.mask
        self._start = Instance.from_mask(self._page, (y0, x0))
        # It isn't moved along: its page may be a part of the image's.
        self.layer: Labels = bench.scratch.take("brush", self._make_layer, follows=False)

    @property
    def banner(self) -> str:
        """What to do, shown in the dock."""
        return f"{self.instruction} (inside the frame)" if self._is_part else self.instruction

    @property
    def _is_part(self) -> bool:
        """Whether a part of the image can be painted only."""
        return self._box != (0, 0, *self._bench.session.shape)

    @abstractmethod
    def edit(self, painted: Instance) -> Edit | None:
        """Make an edit of the painting; None if that needs more, which is said."""

    def start(self) -> None:
        """Give the user a brush as wide as an object."""
        bench, layer = self._bench, self.layer
        bench.select(() if self._identifier is None else (self._identifier,))
        layer.name = f"{bench.shown.title} | {self.title}"
        layer.data = self._page
        for name, value in placement(bench.shown.instances, self._box[:2]).items():
            setattr(layer, name, value)
        layer.editable = True
        # Where the brush ends has to be seen.
        layer.bounding_box.visible = self._is_part
        bench.show_scratch(layer)
        bench.viewer.layers.selection.active = layer
        layer.selected_label = 1
        layer.brush_size = round(bench.width)
        layer.mode = "paint"

    def stop(self) -> None:
        """Hide the layer, and have napari forget the strokes, unless it stays."""
        if self.stays:
            self._bench.scratch.give_away("brush")
        else:
            self.layer.visible = False
            # What can't be edited has no history.
            self.layer.editable = False
            self.layer.data[...] = 0
        self._bench.activate()

    def dragged(self, position: Sequence[float]) -> None:  # noqa: B027 - it has no use for it
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
        """Make the edit."""
        edit = self.edit(self._painted())
        return edit is not None and self._bench.apply(edit)

    def unfinished(self) -> bool:
        """Whether anything was painted."""
        return not self._painted().same_pixels(self._start)

    def _make_layer(self) -> Labels:
        return Labels(
            self._page,
            colormap=DirectLabelColormap(color_dict={None: SELECTION_COLOUR, 0: "transparent"}),
            opacity=0.5,
        )

    def _painted(self) -> Instance:
        # Of the page as it is: a comparison would make another one as large.
        return Instance.from_mask(self.layer.data, self._box[:2])


class AddTool(BrushTool):
    """Paint an instance that was missed."""

    name = "add"
    instruction = "ADD: paint a missed instance, then Finish"
    title = "new"

    def edit(self, painted: Instance) -> Edit:
        """Add what is painted."""
        return Add(painted)


class RepaintTool(BrushTool):
    """Paint or erase one instance."""

    name = "repaint"
    instruction = "REPAINT: paint or erase the selected instance, then Finish"
    title = "repaint"

    def __init__(self, bench: Workbench, identifier: int) -> None:
        super().__init__(bench, identifier)
        self._repainted = identifier

    def edit(self, painted: Instance) -> Edit:
        """Give the instance its new mask."""
        return Repaint(self._repainted, painted)


class SharedTool(BrushTool):
    """Paint where one instance lies on another: all of them hold the pixels afterwards.

    These are the instances selected by hand, if two or more are; else those that are painted on.
    """

    name = "overlap_both"
    instruction = "OVERLAP: paint what belongs to both, touching both, then Finish"
    title = "overlap"

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._chosen = bench.selected if bench.by_hand and len(bench.selected) > 1 else ()

    def edit(self, painted: Instance) -> Edit | None:
        """Give the painted pixels to all."""
        session = self._bench.session
        ids = self._chosen or tuple(
            identifier
            for identifier in session.instances_within(painted.bbox)
            if session.instances[identifier].intersection(painted)
        )
        if len(ids) < 2:
            show_warning(
                "The painting touches fewer than two instances: paint on both, or leave, "
                "select both with Shift, and start again."
            )
            return None
        return GiveOverlap(ids, ids, painted)


def _paintable(bench: Workbench, given: Instance | None) -> BBox:
    """Part of the image for the brush: all of it, or of a large one what is in view and around it.

    A page as large as a slide takes seconds to be shown, and more pixels than a graphics card
    holds are painted coarsely. What is given to be repainted is in it as a whole.
    """
    height, width = shape = bench.session.shape
    if max(shape) <= _LARGEST_PAINTED:
        return (0, 0, height, width)
    y0, x0, y1, x1 = view_box(bench.viewer, bench.shown.instances)
    # Somebody may have moved the image out of view.
    y, x = min(max((y0 + y1) // 2, 0), height), min(max((x0 + x1) // 2, 0), width)
    around = (y - _REACH, x - _REACH, y + _REACH, x + _REACH)
    boxes = [around] if given is None else [around, given.bbox]
    return clip_box(enclose(boxes), shape)
