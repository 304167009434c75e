"""When preliminary results are made, and that they are what the draws made so far say."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_probinst.core.config import ChannelConfig, InferenceConfig
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import InstanceSet
from napari_probinst.widgets.prediction.events import Progress
from napari_probinst.widgets.prediction.selected_images import images_of
from napari_probinst.widgets.prediction.streaming import MOST_PIXELS, Preliminary, is_worth_a_look
from napari_probinst.widgets.prediction.time_left import TimeLeft
from napari_probinst.widgets.prediction.words import expected_width, misfit

SMALL = (500, 700)


@pytest.mark.parametrize(
    ("a_look", "looks"), [(None, [2, 4, 8]), (5.0, [2, 4, 8]), (0.5, list(range(2, 10)))]
)
def test_dear_looks_come_after_powers_of_two_and_cheap_ones_after_every_draw(a_look, looks):
    assert [n for n in range(11) if is_worth_a_look(n, 10, SMALL, 10.0, a_look)] == looks


def test_large_images_are_not_shown_before_the_end():
    assert not is_worth_a_look(2, 8, (2, MOST_PIXELS // 2 + 1), 10.0, None)
    assert is_worth_a_look(2, 8, (2, MOST_PIXELS // 2), 10.0, None)


def test_a_look_shows_what_the_draws_made_so_far_agree_on():
    #  a draw that sees two pixels and one that sees three
    draws = [
        InstanceSet.from_masks([np.array([[1, 1, 0, 0]])], (1, 4)),
        InstanceSet.from_masks([np.array([[1, 1, 1, 0]])], (1, 4)),
    ]
    seen = Preliminary.of(3, draws, 8, InferenceConfig(min_size=1, probability_threshold=0.75))
    assert seen.words == "2 of 8 draws"
    np.testing.assert_array_equal(seen.probability, [[1, 1, 0.5, 0]])
    np.testing.assert_allclose(seen.entropy, [[0, 0, np.log(2), 0]], rtol=1e-6)
    np.testing.assert_array_equal(seen.labels, [[1, 1, 0, 0]])
    assert seen.instances.instances[0].matches == agglomerate(draws).instances[0].matches


def test_progress_in_words():
    assert Progress(0, 2, 8).words == "draw 3 of 8"
    assert Progress(0, 2, 8, 1, 9).words == "draw 3 of 8, tile 2 of 9"
    assert Progress(0, 2, 8, 9, 9).words == "draw 3 of 8, tile 9 of 9"
    assert Progress(0, 8, 8).words == "putting the draws together"
    assert Progress(0, 2, 8, 2, 4).share == 2.5 / 8


def test_time_left_follows_the_draws_of_all_images():
    now = 0.0
    left = TimeLeft(lambda: now)
    left.note(Progress(0, 0, 4))
    assert left.seconds() is None
    now = 10.0
    left.note(Progress(0, 1, 4))
    assert left.seconds() == 30
    assert left.seconds(n_waiting=2) == 110
    now = 20.0
    left.note(Progress(0, 4, 4))
    left.end_image()
    assert left.seconds() is None
    left.note(Progress(1, 0, 4))
    assert left.seconds() == 20


BRIGHT = ChannelConfig(name="bright field", suffix="w2")
FLUORESCENCE = ChannelConfig(name="fluorescence", suffix="w1", required=False)


def test_selected_layers_are_grouped_into_images_by_their_names():
    page = np.zeros((4, 6))
    a1, a2 = Image(page, name="A01 fluorescence"), Image(page, name="A01 bright field")
    b1, b2 = Image(page, name="B02_w1"), Image(page, name="B02_w2")
    both, alone = Image(np.zeros((2, 4, 6)), name="both"), Image(page, name="alone")
    images = images_of([a1, b2, both, a2, alone, b1], [BRIGHT, FLUORESCENCE])
    layers = [[source and source.layer for source in sources] for sources in images]
    assert layers == [[a2, a1], [b2, b1], [both, both], [alone, None]]
    assert [source.index for source in images[2]] == [0, 1]
    assert images_of([a1], [BRIGHT]) != images_of([a2], [BRIGHT])


def test_another_scale_than_the_models_is_told():
    assert misfit(None, 10) == misfit(14, 10) == misfit(7, 10) == ""
    assert "about 20 pixels wide" in misfit(20, 10)
    assert "0.5 times its size" in misfit(20, 10)
    assert "2 times its size" in misfit(5, 10)
    assert expected_width(10.2, None) == "The model knows objects about 10 pixels wide."
    assert "6.5 µm" in expected_width(10, (0.6, 0.7))
