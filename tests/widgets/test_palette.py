"""Colours of instances, as people see them who lack one kind of cone."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.prediction import Prediction
from napari_probinst.widgets.label_view import (
    OVERLAP_COLOUR,
    PALETTE,
    SELECTION_COLOUR,
    distinct_places,
)
from napari_probinst.widgets.layers import STATUS_COLOURS
from napari_probinst.widgets.proofreading.tools import CUT_COLOUR, HALO_COLOUR

#: Colours closer than this are hard to tell apart on thin outlines: six times the just noticeable
#: difference of about 2.3 (Mahy et al. 1994), CIE 1976 colour difference.
LEAST = 14
#: Consecutive ids are often beside each other: the network's draws number them along the page.
LEAST_IN_TURN = 17
#: Linear RGB as seen without one kind of cones: Machado et al. 2009, doi:10.1109/TVCG.2009.113,
#: severity 1.
VISION = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
#: Linear sRGB to XYZ with the white of D65 as 1 (IEC 61966-2-1).
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
) / np.array([[0.95047], [1.0], [1.08883]])


def lab(colour, vision):
    """CIE L*a*b* of a colour "#RRGGBB", as it is seen."""
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    x, y, z = TO_XYZ @ np.clip(np.asarray(VISION[vision]) @ linear, 0, 1)
    x, y, z = (
        np.cbrt(value) if value > (6 / 29) ** 3 else value * 841 / 108 + 4 / 29
        for value in (x, y, z)
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one, other, vision):
    return np.linalg.norm(lab(one, vision) - lab(other, vision))


def test_the_difference_is_that_of_textbooks():
    assert np.allclose(lab("#FFFFFF", "usual"), (100, 0, 0), atol=0.01)
    assert np.allclose(lab("#FF0000", "usual"), (53.24, 80.09, 67.20), atol=0.05)
    # Who lacks the cones for long waves sees this red and this green nearly alike.
    assert difference("#A00000", "#4C4000", "protanopia") < 0.3 * difference(
        "#A00000", "#4C4000", "usual"
    )


@pytest.mark.parametrize("vision", VISION)
def test_no_two_colours_on_the_canvas_look_alike(vision):
    shown = (*PALETTE, SELECTION_COLOUR, OVERLAP_COLOUR)
    assert min(difference(*pair, vision) for pair in combinations(shown, 2)) >= LEAST
    neighbours = pairwise((*PALETTE, PALETTE[0]))
    assert min(difference(*pair, vision) for pair in neighbours) >= LEAST_IN_TURN


@pytest.mark.parametrize("vision", VISION)
def test_a_cut_looks_like_nothing_else_on_the_canvas(vision):
    others = (*PALETTE, SELECTION_COLOUR, OVERLAP_COLOUR, HALO_COLOUR, *STATUS_COLOURS.values())
    # The brightness alone tells it from most.
    assert min(difference(CUT_COLOUR, other, vision) for other in others) >= 2 * LEAST


def test_instances_that_cross_never_have_the_same_colour():
    """Six rows far apart, and a column across all of them: id 7 has the turn of id 2."""
    rows = [Instance((10 * y, 0, 10 * y + 4, 40), np.ones((4, 40), bool)) for y in range(6)]
    column = Instance((0, 18, 54, 22), np.ones((54, 4), bool))
    instances = InstanceSet((60, 40), (*rows, column))
    prediction = Prediction("page", agglomerate([instances] * 8), ())
    session = CurationSession(prediction)
    ids = {instance.bbox: key for key, instance in session.instances.items()}
    assert len(ids) == 7
    chosen = distinct_places(session, 7)
    place = {key: chosen.get(key, key % len(PALETTE)) for key in ids.values()}
    across = ids[column.bbox]
    assert all(place[ids[row.bbox]] != place[across] for row in rows)
    # Only what clashed was given another colour.
    assert len(chosen) == 1
