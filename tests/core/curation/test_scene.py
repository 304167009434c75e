"""One place as every draw sees it: who belongs to it, and what adopting a draw replaces."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.curation.edits import SplitAlongLine
from napari_probinst.core.curation.scene import scene_at
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.core.instances import (
    Instance,
    InstanceSet,
    ProbabilisticInstance,
    ProbabilisticInstances,
)
from napari_probinst.core.prediction import Prediction

#: Three draws see two worms and a third that lies across the right one; the fourth sees one worm.
VIEWS = [("###.......", "...###....", "....######")] * 3 + [("######....", "....######")]
MATCHES = [(0, 0, 0, 0), (1, 1, 1, None), (2, 2, 2, 1)]


@pytest.fixture
def prediction(picture):
    draws = tuple(
        InstanceSet((1, 10), tuple(Instance.from_mask(picture(text)) for text in view))
        for view in VIEWS
    )
    agglomerated = []
    for match in MATCHES:
        seen = [
            draw.instances[index].full((1, 10))
            for draw, index in zip(draws, match, strict=True)
            if index is not None
        ]
        counts = np.sum(seen, axis=0).astype(np.uint8)
        agglomerated.append(ProbabilisticInstance((0, 0, 1, 10), counts, match))
    instances = ProbabilisticInstances((1, 10), tuple(agglomerated), draws)
    return Prediction("well", instances, (), InferenceConfig(min_size=0))


def pictures(session):
    return {
        key: "".join("#" if pixel else "." for pixel in instance.full((1, 10))[0])
        for key, instance in session.instances.items()
    }


def test_every_draw_is_asked_about_all_that_one_of_them_sees_as_one(prediction):
    """Draw 4 counts for instance 1 only, but what it sees there covers instance 2."""
    scene = scene_at(prediction.instances, (0,))
    assert scene.ids == (1, 2)
    assert [len(view) for view in scene.views] == [2, 2, 2, 1]


def test_adopting_a_draw_leaves_the_worm_across_alone_and_is_undone(prediction):
    session = CurationSession(prediction)
    before = pictures(session)
    scene = scene_at(prediction.instances, (0,))
    change = session.apply(scene.adopt(3, session.instances))
    assert change.ids == (1, 2)
    assert pictures(session) == {1: "######....", 3: "....######"}
    session.undo()
    assert pictures(session) == before


def test_parts_of_an_earlier_split_make_room(prediction):
    session = CurationSession(prediction)
    session.apply(SplitAlongLine(2, ((-1, 4), (1, 4))))
    assert set(session.instances) == {1, 2, 3, 4}
    scene = scene_at(prediction.instances, (0,))
    assert scene.adopt(3, session.instances).replaced == (1, 2, 4)
    session.apply(scene.adopt(0, session.instances))
    assert pictures(session) == {1: "###.......", 2: "...###....", 3: "....######"}


def test_no_such_draw(prediction):
    scene = scene_at(prediction.instances, (0,))
    for draw in (-1, 4):
        with pytest.raises(EditRefusedError, match="choose one from 1 to 4"):
            scene.adopt(draw, {})
