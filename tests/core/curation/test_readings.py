"""What is said of one pixel where two instances overlap."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from napari_probinst.core.curation.edits import Add, Delete, Repaint
from napari_probinst.core.curation.readings import Reading, Readings
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.instances import (
    Instance,
    InstanceSet,
    ProbabilisticInstance,
    ProbabilisticInstances,
)
from napari_probinst.core.prediction import Prediction

SHAPE = (5, 6)
#: Draws of eight that hold each pixel of the boxes (1, 0, 4, 4) and (0, 2, 5, 5).
FLAT = np.array([[0, 8, 8, 7], [8, 8, 8, 6], [1, 8, 8, 8]], dtype=np.uint8)
UPRIGHT = np.array([[8, 8, 3], [8, 6, 0], [2, 8, 8], [8, 8, 8], [8, 8, 1]], dtype=np.uint8)


@pytest.fixture
def session():
    draws = (InstanceSet(SHAPE, ()),) * 8
    instances = ProbabilisticInstances(
        SHAPE,
        (
            ProbabilisticInstance((1, 0, 4, 4), FLAT, (0,) * 8),
            ProbabilisticInstance((0, 2, 5, 5), UPRIGHT, (0,) * 8),
        ),
        draws,
    )
    prediction = Prediction("well", instances, ())
    settings = prediction.settings.model_copy(update={"min_size": 0})
    object.__setattr__(prediction, "settings", settings)
    return CurationSession(prediction)


def read(session, y, x):
    return Readings(session.prediction.instances).at(session, y, x)


def test_where_two_overlap_both_are_read(session):
    readings = read(session, 1, 3)
    assert readings == (Reading(1, 7, 8, True), Reading(2, 6, 8, True))
    assert [each.probability for each in readings] == [0.875, 0.75]


def test_the_unlikely_one_is_read_too_and_comes_last(session):
    assert read(session, 2, 2) == (Reading(1, 8, 8, True), Reading(2, 2, 8, False))
    # Inside both boxes and the first mask, but in no draw of the second instance.
    assert read(session, 1, 4) == ()
    assert read(session, 4, 0) == ()


def test_every_pixel_equals_the_full_pages(session):
    pages = np.zeros((2, *SHAPE), dtype=int)
    pages[0, 1:4, 0:4] = FLAT
    pages[1, 0:5, 2:5] = UPRIGHT
    readings = partial(read, session)
    for y, x in np.ndindex(SHAPE):
        found = {each.id: (each.votes, each.is_current) for each in readings(y, x)}
        counts = pages[:, y, x]
        assert found == {i + 1: (n, n >= 6) for i, n in enumerate(counts) if n}


def test_edits_are_followed(session):
    readings = partial(read, session)
    session.apply(Add(Instance((1, 3, 2, 6), np.ones((1, 3), dtype=bool))))
    assert readings(1, 3)[-1] == Reading(3, None, 8, True)
    assert readings(1, 3)[-1].probability is None
    session.apply(Repaint(2, Instance((0, 5, 5, 6), np.ones((5, 1), dtype=bool))))
    assert readings(0, 5) == (Reading(2, 0, 8, True),)
    session.apply(Delete((1,)))
    assert readings(2, 1) == (Reading(1, 8, 8, False),)
