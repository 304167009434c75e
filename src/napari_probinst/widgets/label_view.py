"""Instances as a label image to look at; the session's masks are the truth.

A pixel shows the id of the one instance that holds it, or `OVERLAP` where several do.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
from napari.utils import DirectLabelColormap

from napari_probinst.core.box_pairs import meeting_boxes
from napari_probinst.core.boxes import clip_box, intersect, sampled_shape, sampled_windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari.layers import Labels
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


def label_page(session: CurationSession, bbox: BBox, step: int = 1) -> NDArray[np.int32]:
    """Labels of every ``step``-th row and column inside ``bbox`` (y0, x0, y1, x1), int32."""
    page = np.zeros(sampled_shape(bbox, step), dtype=np.int32)
    for identifier in session.instances_within(bbox):
        instance = session.instances[identifier]
        windows = sampled_windows(instance.bbox, bbox, step)
        if windows is not None:
            own, target = windows
            part, mask = page[target], instance.mask[own]
            part[mask] = np.where(part[mask] == 0, identifier, OVERLAP)
    return page


def refresh_within(layer: Labels, *boxes: BBox) -> None:
    """Show what has changed in the data of a layer inside boxes (y0, x0, y1, x1).

    `Labels.refresh` draws the contours of the whole page anew, which takes seconds with tens of
    millions of pixels. napari's own brush refreshes the part that it has painted, and so do we.
    """
    part = getattr(layer, "_partial_labels_refresh", None)
    filled = [box for box in boxes if box[0] < box[2] and box[1] < box[3]]
    # Of a layer with levels, no more than the view is drawn in any case; what lies outside is
    # drawn when the view comes there.
    # Of filled labels, napari's own refresh of a part shows what its brush has put there itself.
    if part is None or layer.contour == 0 or layer.multiscale:
        if not layer.multiscale or any(intersect(box, _view(layer)) for box in filled):
            layer.refresh(extent=False)
        return
    # A hidden layer is refreshed as a whole when it is shown again.
    for bbox in filled if layer.visible else ():
        reach = layer.contour
        around = (bbox[0] - reach, bbox[1] - reach, bbox[2] + reach, bbox[3] + reach)
        y0, x0, y1, x1 = clip_box(around, layer.data.shape)
        layer._updated_slice = (slice(y0, y1), slice(x0, x1))
        part()


def _view(layer: Labels) -> BBox:
    """Box of the pixels that are drawn of a layer with levels."""
    step = np.round(layer.downsample_factors[layer.data_level]).astype(int)
    (y0, x0), (y1, x1) = (layer.corner_pixels * step).tolist()
    return (y0, x0, y1 + int(step[0]), x1 + int(step[1]))


def add_colours(layer: Labels, colours: DirectLabelColormap) -> None:
    """Give a layer a colormap that has further ids and shows the others as before.

    napari draws the whole page anew for any other colormap, which takes seconds with tens of
    millions of pixels. Those of new ids are drawn by `refresh_within`, after this.
    """
    block = getattr(layer, "_block_refresh", nullcontext)
    with block():
        layer.colormap = colours


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


def distinct_places(
    session: CurationSession, n_predicted: int, before: Mapping[int, int] | None = None
) -> dict[int, int]:
    """Places in the palette of all instances that don't have the colour of their turn.

    These are the instances beside or across another one of the same turn, those with ids above
    ``n_predicted``, which edits have made, and those that have a place from ``before``: they keep
    it, unless others beside or across them have the same.
    """
    ids = sorted(session.instances)
    boxes = np.array([session.instances[identifier].bbox for identifier in ids], np.int64)
    boxes = boxes.reshape(-1, 4)
    # One pixel wider: instances that touch are beside each other.
    pairs = meeting_boxes(np.maximum(np.add(boxes, [-1, -1, 1, 1]), 0), boxes)
    starts = np.searchsorted(pairs[:, 0], np.arange(1, len(ids)))
    chosen = dict(before or {})
    for identifier, beside in zip(ids, np.split(pairs[:, 1], starts), strict=bool(ids)):
        place = _free_place(session, identifier, [ids[index] for index in beside], chosen)
        if identifier > n_predicted or place != chosen.get(identifier, identifier % len(PALETTE)):
            chosen[identifier] = place
    return chosen


def distinct_place(session: CurationSession, identifier: int, chosen: Mapping[int, int]) -> int:
    """Place in the palette that no instance beside or across this one has.

    Where every place is taken, the one whose instances share the fewest pixels with this one.
    """
    y0, x0, y1, x1 = session.instances[identifier].bbox
    beside = session.instances_within((y0 - 1, x0 - 1, y1 + 1, x1 + 1))
    return _free_place(session, identifier, beside, chosen)


def _free_place(
    session: CurationSession, identifier: int, beside: Iterable[int], chosen: Mapping[int, int]
) -> int:
    n_places = len(PALETTE)
    having: dict[int, list[int]] = {}
    for other in beside:
        if other != identifier:
            having.setdefault(chosen.get(other, other % n_places), []).append(other)
    first = chosen.get(identifier, identifier)
    turns = [(first + step) % n_places for step in range(n_places)]
    free = [place for place in turns if place not in having]
    if free:
        return free[0]
    instance = session.instances[identifier]
    return min(
        turns,
        key=lambda place: sum(
            instance.intersection(session.instances[other]) for other in having[place]
        ),
    )


def has_colour(colours: DirectLabelColormap, identifier: int, chosen: Mapping[int, int]) -> bool:
    """Whether an id is shown in its colour, and not as an overlap or in that of its turn."""
    in_turn = chosen.get(identifier, identifier % len(PALETTE)) == identifier % len(PALETTE)
    return (in_turn and identifier in colours.color_dict) or identifier > _HIGHEST
