"""Before and after: the scores of a session's state, and of each stop on the way there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.before_after import BeforeAfter, stop_numbers
from napari_probinst.core.curation.edits import Delete, Merge, SplitAlongLine
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.errors import EditRefusedError, InputError
from napari_probinst.core.evaluation.segmentation import score_image
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import InstanceSet, Peak
from napari_probinst.core.prediction import Prediction

SHAPE = (20, 60)


def bars(*spans):
    masks = np.zeros((len(spans), *SHAPE), dtype=bool)
    for mask, (y, start, stop) in zip(masks, spans, strict=True):
        mask[y : y + 6, start:stop] = True
    return InstanceSet.from_masks(list(masks), SHAPE)


#: A merge of two worms, one that is right, and one that is nothing.
TRUTH = bars((2, 0, 20), (2, 20, 40), (12, 5, 30))


def made_prediction():
    instances = agglomerate([bars((2, 0, 40), (12, 5, 30), (12, 40, 56))] * 2)
    peaks = tuple(
        Peak(y, x, (index,), 0.6, mass=1.0, rank=index + 1, kind="merge", reason="")
        for index, (y, x) in enumerate([(4, 20), (12, 8), (12, 44)])
    )
    return Prediction("A01", instances, peaks)


def dsb(session):
    return score_image("A01", session.current(), TRUTH).dsb


@pytest.fixture
def session():
    return CurationSession(made_prediction())


def test_the_curve_has_a_point_a_stop(session):
    scores = BeforeAfter(session.prediction, TRUTH)
    before = dsb(session)
    assert scores.before.dsb == before
    assert (scores.before.errors.false_merges, scores.before.errors.spurious) == (1, 1)
    session.apply(SplitAlongLine(1, ((0, 20), (10, 20))))
    session.decide(0, "accepted")
    split = dsb(session)
    session.position = 1
    session.decide(1, "accepted")
    session.position = 2
    session.apply(Delete((3,)))
    scores.catch_up(session.steps)
    assert [score.dsb for score in scores.curve] == [before, split, split, 1]
    assert scores.now.errors.false_merges == scores.now.errors.spurious == 0
    session.undo()
    assert scores.catch_up(session.steps).dsb == split
    assert len(scores.curve) == 3
    # What is done anew takes the place of what was taken back.
    session.apply(Merge((1, 2)))
    scores.catch_up(session.steps)
    assert [score.dsb for score in scores.curve] == [before, split, split, dsb(session)]


def test_stops():
    session = CurationSession(made_prediction())
    session.decide(1, "skipped")
    session.decide(1, "accepted")
    session.decide(0, "accepted")
    session.decide(1, "flagged")
    assert stop_numbers(session.steps) == [1, 1, 2, 3]
    assert stop_numbers([]) == []
    # Edits away from the peaks are one each.
    empty = CurationSession(Prediction("A01", session.prediction.instances, ()))
    empty.apply(Delete((1,)))
    empty.apply(Delete((2,)))
    assert stop_numbers(empty.steps) == [1, 2]


def test_truth_of_another_image_is_refused():
    with pytest.raises(InputError, match="truth is 5 x 6 pixels, but the prediction of A01 is 20"):
        BeforeAfter(made_prediction(), InstanceSet((5, 6), ()))


ACTIONS = (
    lambda session: session.apply(SplitAlongLine(1, ((0, 20), (10, 20)))),
    lambda session: session.apply(Delete((3,))),
    lambda session: session.apply(Merge((1, 2))),
    lambda session: session.decide(1, "accepted"),
    lambda session: session.decide(2, "flagged"),
    lambda session: session.undo(),
    lambda session: session.redo(),
)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.booleans()), max_size=12))
def test_following_is_the_same_as_starting_anew(actions):
    """Whether it looks after every step or seldom, as while a file is being read."""
    session = CurationSession(made_prediction())
    followed = BeforeAfter(session.prediction, TRUTH)
    for action, looks in actions:
        try:
            action(session)
        except EditRefusedError:
            continue
        if looks:
            assert followed.catch_up(session.steps).dsb == dsb(session)
    followed.catch_up(session.steps)
    anew = BeforeAfter(session.prediction, TRUTH)
    anew.catch_up(session.steps)
    assert followed.curve == anew.curve
    assert followed.now.dsb == dsb(session)
