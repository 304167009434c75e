"""Instances as a label image to look at; the session's masks are the truth.

A pixel shows the id of the one instance that holds it, or `OVERLAP` where several do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils import DirectLabelColormap

from napari_probinst.core.boxes import intersect, window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.curation.session import CurationSession

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


def label_colours(ids: Iterable[int], chosen: Mapping[int, int]) -> DirectLabelColormap:
    """Colours of the instances with these ids, and of some that edits will add.

    Parameters
    ----------
    ids : iterable of int
        Ids of the current instances.
    chosen : mapping of int to int
        Place in the palette of ids that have one of their own; others take turns.
    """
    highest = min(max(ids, default=0) + _ROOM, _HIGHEST)
    places = {label: label % len(PALETTE) for label in range(1, highest + 1)} | dict(chosen)
    colours: dict[int | None, str] = {None: OVERLAP_COLOUR, 0: "transparent"}
    colours |= {label: PALETTE[place] for label, place in places.items() if label <= _HIGHEST}
    return DirectLabelColormap(color_dict=colours)


def distinct_place(session: CurationSession, identifier: int, chosen: Mapping[int, int]) -> int:
    """Place in the palette that no instance beside or across this one has, where there is one."""
    y0, x0, y1, x1 = session.instances[identifier].bbox
    beside = session.instances_within((y0 - 1, x0 - 1, y1 + 1, x1 + 1))
    n_places = len(PALETTE)
    taken = {chosen.get(other, other % n_places) for other in beside if other != identifier}
    turns = ((identifier + step) % n_places for step in range(n_places))
    return next((place for place in turns if place not in taken), identifier % n_places)


def has_colour(colours: DirectLabelColormap, identifier: int, chosen: Mapping[int, int]) -> bool:
    """Whether an id is shown in its colour, and not as an overlap or in that of its turn."""
    in_turn = chosen.get(identifier, identifier % len(PALETTE)) == identifier % len(PALETTE)
    return (in_turn and identifier in colours.color_dict) or identifier > _HIGHEST
