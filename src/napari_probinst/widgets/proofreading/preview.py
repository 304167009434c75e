"""What an edit would make of the instances, shown on the canvas before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils import DirectLabelColormap

from napari_probinst.core.boxes import enclose
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.widgets.label_view import PALETTE
from napari_probinst.widgets.pages import levels, page_of
from napari_probinst.widgets.placement import placement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.curation.edits import Edit
    from napari_probinst.widgets.proofreading.workbench import Workbench

#: Label and colour of points that were clicked; no part of an instance gets so high a label.
_MARK, _MARK_COLOUR = 255, "#FFFFFF"
#: Half the side of the square that marks a point, pixels.
_MARK_REACH = 1


class EditPreview:
    """A layer that fills what an edit would make, each instance in another colour.

    Parameters
    ----------
    bench : Workbench
        Session and viewer.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._box: BBox = (0, 0, 0, 0)
        self.layer: Labels = bench.scratch.take("preview", self._make_layer)

    def _make_layer(self) -> Labels:
        shown = self._bench.shown
        colours: dict[int | None, str] = {None: "transparent", 0: "transparent"}
        colours |= {label: PALETTE[label % len(PALETTE)] for label in range(1, _MARK)}
        layer = Labels(
            levels(np.zeros(shown.session.shape, dtype=np.uint8)),
            name=f"{shown.title} | preview",
            colormap=DirectLabelColormap(color_dict=colours | {_MARK: _MARK_COLOUR}),
            opacity=0.6,
            **placement(shown.instances),
        )
        layer.editable = False
        return layer

    def show(self, edit: Edit | None, points: Iterable[tuple[int, int]] = ()) -> str:
        """Show what an edit would make, and points (y, x) that were clicked.

        Returns
        -------
        str
            Why the edit would be refused; empty if it would not, or if there is none.
        """
        session, page = self._bench.session, page_of(self.layer)
        y0, x0, y1, x1 = self._box
        page[y0:y1, x0:x1] = 0
        refusal, boxes = "", []
        if edit is not None:
            try:
                delta = session.preview(edit)
            except EditRefusedError as error:
                refusal = str(error)
            else:
                after = delta.apply(session.instances)
                for label, instance in enumerate(filter(None, after.values()), start=1):
                    instance.paint(page, min(label, _MARK - 1))
                    boxes.append(instance.bbox)
        for y, x in points:
            box = (
                max(y - _MARK_REACH, 0),
                max(x - _MARK_REACH, 0),
                y + _MARK_REACH + 1,
                x + _MARK_REACH + 1,
            )
            page[box[0] : box[2], box[1] : box[3]] = _MARK
            boxes.append(box)
        self._box = enclose(boxes)
        self.layer.refresh(extent=False)
        return refusal
