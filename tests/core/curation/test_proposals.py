"""Opinions of the draws: grouped, counted, put into words, adopted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.curation.proposals import proposals
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.votes import Witness
from napari_probinst.core.instances import (
    Instance,
    InstanceSet,
    Peak,
    ProbabilisticInstance,
    ProbabilisticInstances,
)
from napari_probinst.core.prediction import Prediction


@pytest.fixture
def prediction(picture):
    """Eight draws: five see two worms, two see one (a pixel apart), one sees none."""
    halves = ("####....", "....####")
    views = [halves] * 5 + [("#######.",), ("########",), ()]
    draws = tuple(
        InstanceSet((1, 8), tuple(Instance.from_mask(picture(text)) for text in view))
        for view in views
    )
    matches = [tuple(number if number < len(view) else None for view in views) for number in (0, 1)]
    counts = [sum(picture(view[n]).astype("u1") for view in views if n < len(view)) for n in (0, 1)]
    instances = tuple(
        ProbabilisticInstance((0, 0, 1, 8), page, match)
        for page, match in zip(counts, matches, strict=True)
    )
    peak = Peak(0, 4, (1, 0), 0.6, 2.0, 1, "merge", "")
    return Prediction(
        "well",
        ProbabilisticInstances((1, 8), instances, draws),
        (peak,),
        InferenceConfig(min_size=0, probability_threshold=0.5, existence_threshold=0.5),
    )


def test_opinions_come_by_votes_with_words(prediction):
    found = proposals(prediction, prediction.peaks[0])
    assert [proposal.reason for proposal in found] == [
        "5 of 8 draws see two instances, cut at y 0, x 4",
        "2 of 8 draws see one instance",
        "1 of 8 draws sees nothing",
    ]
    assert [proposal.draws for proposal in found] == [(0, 1, 2, 3, 4), (5, 6), (7,)]
    # Both of the pair are as typical: the lower draw speaks for them.
    assert found[1].draw == 5
    assert found[0].ids == (1, 2)


@pytest.mark.parametrize("involved", [(0,), (0, 1)])
def test_votes_in_words_are_those_of_the_opinions(picture, involved):
    """Also where a peak is of one instance alone, which a draw sees as one with another."""
    views = [("####....", "....####")] * 5 + [("####....",), ("########",), ("########",)]
    draws = [InstanceSet((1, 8), tuple(map(Instance.from_mask, map(picture, v)))) for v in views]
    instances = agglomerate(draws)
    peak = Peak(0, 4, involved, 0.6, 2.0, 1, "merge", "")
    found = proposals(Prediction("well", instances, ()), peak)
    assert [(each.votes, len(each.instances)) for each in found] == [(5, 2), (3, 1)]
    _, reason = Witness(instances, 0.75).testify(involved)
    assert reason == "5 of 8 draws see two instances here, 3 see one"


def test_adopting_an_opinion_is_one_edit(prediction):
    session = CurationSession(prediction)
    before = dict(session.instances)
    one_worm = proposals(prediction, prediction.peaks[0])[1]
    session.apply(one_worm.edit(session.instances))
    assert [instance.area for instance in session.instances.values()] == [7]
    session.undo()
    assert set(session.instances) == set(before)
    with pytest.raises(EditRefusedError, match="Draw 1 sees exactly"):
        session.apply(proposals(prediction, prediction.peaks[0])[0].edit(session.instances))


def test_adopting_leaves_out_instances_that_are_gone(prediction):
    proposal = proposals(prediction, prediction.peaks[0])[0]
    two = Instance.from_mask(np.ones((1, 4), bool), (0, 4))
    assert proposal.edit({2: two}).replaced == (2,)


def test_draws_that_agree_are_one_opinion_without_cuts(make_prediction):
    prediction = make_prediction(["##.##...", ".....###"], [(0, 0, (0,))])
    (only,) = proposals(prediction, prediction.peaks[0])
    assert (only.ids, only.votes, only.cuts) == ((1,), 2, ())
    assert only.reason == "2 of 2 draws see one instance"


@pytest.mark.parametrize(
    ("number", "said"), [(0, "nothing"), (1, "one instance"), (7, "seven instances")]
)
def test_instances_of_an_opinion_are_counted_in_words(prediction, number, said):
    opinion = proposals(prediction, prediction.peaks[0])[2]
    views = list(opinion.scene.views)
    views[opinion.draw] = (prediction.instances.draws[0].instances[0],) * number
    seen = replace(opinion, scene=replace(opinion.scene, views=tuple(views)), cuts=())
    assert seen.reason == f"1 of 8 draws sees {said}"
