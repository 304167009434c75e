"""Instances as a label image to look at; the session's masks are the truth.

A pixel shows the id of the one instance that holds it, or `OVERLAP` where several do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils import DirectLabelColormap

from napari_probinst.core.instances import intersect, window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.instances import BBox

#: Label of pixels that two or more instances hold. No id comes near, so that the colormap shows
#: it with the colour it has for all unknown labels.
OVERLAP = np.iinfo(np.int32).max
OVERLAP_COLOUR = "#FFFFFF"
#: Colours by Okabe and Ito that hold for colour-blind eyes. Their vermilion, which can be seen
#: on bright and dark images, marks the selection; their yellow the peaks.
PALETTE = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2")
SELECTION_COLOUR = "#D55E00"
#: Ids beyond the highest that get a colour in advance: colours are made anew only rarely.
_ROOM = 256
#: Highest id with a colour of its own: without numba, napari takes no higher labels.
_HIGHEST = 2**16 - 1


def label_page(session: CurationSession, bbox: BBox) -> NDArray[np.int32]:
    """Labels of the pixels inside ``bbox`` (y0, x0, y1, x1), int32."""
    page = np.zeros((bbox[2] - bbox[0], bbox[3] - bbox[1]), dtype=np.int32)
    for identifier in session.instances_within(bbox):
        instance = session.instances[identifier]
        both = intersect(instance.bbox, bbox)
        if both is None:
            continue
        part = page[window(both, bbox)]
        mask = instance.mask[window(both, instance.bbox)]
        part[mask] = np.where(part[mask] == 0, identifier, OVERLAP)
    return page


def label_colours(ids: Iterable[int]) -> DirectLabelColormap:
    """Colours of the instances with these ids, and of some that edits will add."""
    highest = min(max(ids, default=0) + _ROOM, _HIGHEST)
    colours: dict[int | None, str] = {None: OVERLAP_COLOUR, 0: "transparent"}
    colours |= {label: PALETTE[label % len(PALETTE)] for label in range(1, highest + 1)}
    return DirectLabelColormap(color_dict=colours)


def has_colour(colours: DirectLabelColormap, identifier: int) -> bool:
    """Whether an id would not be shown as an overlap."""
    return identifier in colours.color_dict or identifier > _HIGHEST
