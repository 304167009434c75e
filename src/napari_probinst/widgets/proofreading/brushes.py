"""Tools that paint with napari's own brush, in a layer that is thrown away afterwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils import DirectLabelColormap
from napari.utils.notifications import show_warning

from napari_probinst.core.curation.edits import Add, GiveOverlap, Repaint
from napari_probinst.core.instances import Instance
from napari_probinst.widgets.label_view import SELECTION_COLOUR
from napari_probinst.widgets.placement import placement
from napari_probinst.widgets.proofreading.canvas import object_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.curation.edits import Edit
    from napari_probinst.widgets.proofreading.workbench import Workbench


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
    #: What to do, shown in the dock.
    banner: str
    #: What the layer is called, behind the name of the image.
    title: str

    def __init__(self, bench: Workbench, identifier: int | None = None) -> None:
        self._bench = bench
        self._identifier = identifier
        #: Whether the layer is left to the user when the tool stops.
        self.stays = False
        page = np.zeros(bench.session.shape, dtype=np.uint8)
        if identifier is not None:
            bench.session.instances[identifier].paint(page, 1)
        self._start = Instance.from_mask(page)
        self.layer = Labels(
            page,
            name=f"{bench.shown.title} | {self.title}",
            colormap=DirectLabelColormap(color_dict={None: SELECTION_COLOUR, 0: "transparent"}),
            opacity=0.5,
            **placement(bench.shown.instances),
        )

    @abstractmethod
    def edit(self, painted: Instance) -> Edit | None:
        """Make an edit of the painting; None if that needs more, which is said."""

    def start(self) -> None:
        """Give the user a brush as wide as an object."""
        bench = self._bench
        bench.select(() if self._identifier is None else (self._identifier,))
        bench.add_below_peaks(self.layer)
        bench.viewer.layers.selection.active = self.layer
        self.layer.selected_label = 1
        self.layer.brush_size = round(object_width(bench.session.instances.values()))
        self.layer.mode = "paint"

    def stop(self) -> None:
        """Remove the layer, and with it napari's history of the strokes, unless it stays."""
        if not self.stays:
            self._bench.remove(self.layer)
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

    def _painted(self) -> Instance:
        # Of the page as it is: a comparison would make another one as large.
        return Instance.from_mask(self.layer.data)


class AddTool(BrushTool):
    """Paint an instance that was missed."""

    name = "add"
    banner = "ADD: paint a missed instance, then Finish"
    title = "new"

    def edit(self, painted: Instance) -> Edit:
        """Add what is painted."""
        return Add(painted)


class RepaintTool(BrushTool):
    """Paint or erase one instance."""

    name = "repaint"
    banner = "REPAINT: paint or erase the selected instance, then Finish"
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
    banner = "OVERLAP: paint what belongs to both, touching both, then Finish"
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
