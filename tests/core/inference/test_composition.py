from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.composition import compose
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Provenance


def draw(*boxes, shape=(16, 20)):
    masks = []
    for y0, x0, y1, x1 in boxes:
        mask = np.zeros(shape, bool)
        mask[y0:y1, x0:x1] = True
        masks.append(mask)
    return InstanceSet.from_masks(masks, shape)


WHOLE, LEFT, RIGHT = (4, 0, 8, 16), (4, 0, 8, 8), (4, 8, 8, 16)


def test_a_prediction_is_its_parts():
    draws = [draw(WHOLE), draw(LEFT, RIGHT), draw(WHOLE)]
    settings = InferenceConfig(n_draws=8, patch=2, probability_threshold=0.5)
    given = Provenance(program="another")
    made = compose(draws, settings, name="a", provenance=given, pixel_size=(0.5, 0.5))
    assert (made.name, made.provenance, made.pixel_size) == ("a", given, (0.5, 0.5))
    assert made.settings == settings.model_copy(update={"n_draws": 3})
    expected = agglomerate(draws)
    assert [i.matches for i in made.instances.instances] == [i.matches for i in expected.instances]
    assert made.peaks == rank_peaks(expected, 2, 0.5)
    assert made.peaks
    assert made.peaks[0].rank == 1


def test_draws_that_agree_leave_nothing_to_look_at():
    made = compose([draw(LEFT, RIGHT)] * 4, InferenceConfig())
    assert made.peaks == ()
    assert [i.votes for i in made.instances.instances] == [4, 4]


def test_one_draw_is_certain():
    made = compose([draw(LEFT)], InferenceConfig())
    assert made.peaks == ()
    assert made.settings.n_draws == 1
    assert made.provenance == Provenance()
    np.testing.assert_array_equal(made.binary().cover(), draw(LEFT).cover())


@pytest.mark.parametrize("n", [1, 3])
def test_draws_without_an_instance_are_a_prediction(n):
    made = compose([draw()] * n, InferenceConfig())
    assert len(made.instances) == 0
    assert made.shape == (16, 20)


def test_no_draw_and_different_shapes_are_a_bug_of_the_caller():
    with pytest.raises(ValueError, match="1 to 255"):
        compose([], InferenceConfig())
    with pytest.raises(ValueError, match="one shape"):
        compose([draw(), draw(shape=(3, 3))], InferenceConfig())
