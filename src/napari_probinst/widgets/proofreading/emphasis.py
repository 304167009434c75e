"""What is looked at on the canvas: the selection, the instances of the place, their overlaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils import DirectLabelColormap

from napari_probinst.core.boxes import enclose, window
from napari_probinst.widgets.finding import METADATA_KEY
from napari_probinst.widgets.label_view import (
    OVERLAP,
    OVERLAP_COLOUR,
    PALETTE,
    SELECTION_COLOUR,
    label_page,
    refresh_within,
)
from napari_probinst.widgets.pages import levels, page_of
from napari_probinst.widgets.placement import placement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox
    from napari_probinst.widgets.layers import ShownPrediction

#: Opacity of all other instances while some are looked at.
_FAINT = 0.35
#: Labels of the layer: selected instances from 1 on, the place's from here on, overlaps.
_AT_PLACE, _OVERLAP = 200, 255


class Emphasis:
    """A layer above the instances with those that are looked at; the others become fainter.

    Colours of single labels can't be changed without drawing the whole page anew. Here no more
    than what was and what is looked at is drawn.

    Parameters
    ----------
    shown : ShownPrediction
        The prediction that is proofread.
    """

    def __init__(self, shown: ShownPrediction) -> None:
        self._shown = shown
        self._box: BBox = (0, 0, 0, 0)
        self._was_seen = False
        self._opacity = shown.instances.opacity
        colours: dict[int | None, str] = {None: SELECTION_COLOUR, 0: "transparent"}
        colours |= {_AT_PLACE + place: colour for place, colour in enumerate(PALETTE)}
        self.layer = Labels(
            levels(np.zeros(shown.session.shape, dtype=np.uint8)),
            name=f"{shown.title} | selection",
            colormap=DirectLabelColormap(color_dict=colours | {_OVERLAP: OVERLAP_COLOUR}),
            opacity=1,
            visible=False,  # until there is something to show; see `instances_layer`
            **placement(shown.instances),
        )
        self.layer.contour = 2
        self.layer.editable = False
        self.layer.metadata[METADATA_KEY] = {"shown": None}  # no truth

    def show(self, selected: Sequence[int], beside: Sequence[int]) -> None:
        """Emphasise instances.

        Parameters
        ----------
        selected : sequence of int
            Selected instances, in the order they were picked.
        beside : sequence of int
            Others that are looked at; they keep their colours.
        """
        session, page, before = self._shown.session, page_of(self.layer), self._box
        page[window(before, (0, 0, 0, 0))] = 0
        others = [identifier for identifier in beside if identifier not in selected]
        seen = [session.instances[identifier] for identifier in (*others, *selected)]
        numbers = [_AT_PLACE + self._place(identifier) for identifier in others]
        numbers += [min(number, _AT_PLACE - 1) for number in range(1, len(selected) + 1)]
        for instance, number in zip(seen, numbers, strict=True):
            instance.paint(page, number)
        # Above all: where the selection lies on another instance is what has to be looked at.
        for instance in seen:
            part: NDArray[np.uint8] = page[window(instance.bbox, (0, 0, 0, 0))]
            part[instance.mask & (label_page(session, instance.bbox) == OVERLAP)] = _OVERLAP
        self._box = enclose(instance.bbox for instance in seen)
        self._make_others_faint(bool(seen))
        if seen and not self._was_seen:
            self.layer.visible = self._was_seen = True
            return
        refresh_within(self.layer, before, self._box)

    def close(self) -> None:
        """Show all instances as before."""
        self._make_others_faint(False)

    def _place(self, identifier: int) -> int:
        return self._shown.colours.get(identifier, identifier % len(PALETTE))

    def _make_others_faint(self, faint: bool) -> None:
        # Where the user has chosen another opacity, it stays.
        layer = self._shown.instances
        now, wanted = (self._opacity, _FAINT) if faint else (_FAINT, self._opacity)
        if layer.opacity == now:
            layer.opacity = wanted
