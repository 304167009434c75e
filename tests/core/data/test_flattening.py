import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.data.flattening import exported_instances, flatten, label_type
from napari_probinst.core.instances import (
    InstanceSet,
    ProbabilisticInstance,
    ProbabilisticInstances,
)
from napari_probinst.core.prediction import Prediction

SHAPE = (3, 6)


def prediction(*pages, min_size=0, threshold=0.5, n_draws=4):
    """One instance of 4 draws for each page of counts; boxes larger than the content."""
    instances = tuple(
        ProbabilisticInstance((0, 0, *SHAPE), np.asarray(page, np.uint8), (0,) * n_draws)
        for page in pages
    )
    draws = (InstanceSet(SHAPE, ()),) * n_draws
    return Prediction(
        "a",
        ProbabilisticInstances(SHAPE, instances, draws),
        (),
        InferenceConfig(min_size=min_size, probability_threshold=threshold, n_draws=n_draws),
    )


LEFT = [[4, 4, 3, 2, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
RIGHT = [[0, 3, 3, 4, 4, 1], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
FAINT = [[1, 1, 1, 1, 1, 1]] * 3


def test_an_overlap_goes_to_the_most_probable_and_ties_to_the_lowest():
    flat = flatten(prediction(LEFT, RIGHT))
    assert flat.labels.tolist()[0] == [1, 1, 1, 2, 2, 0]
    assert not flat.labels[1:].any()
    assert flat.n_overlap == 3
    assert flat.labels.dtype == np.uint16


def test_labels_are_indices_plus_one_also_after_unlikely_instances():
    both = prediction(FAINT, LEFT)
    assert flatten(both).labels.tolist()[0] == [2, 2, 2, 2, 0, 0]
    assert list(exported_instances(both)) == [1]


def test_instances_under_half_of_the_minimum_size_are_left_out():
    assert list(exported_instances(prediction(LEFT, RIGHT, min_size=8))) == [0, 1]
    assert list(exported_instances(prediction(LEFT, RIGHT, min_size=8, threshold=0.75))) == [1]
    assert list(exported_instances(prediction(LEFT, RIGHT, min_size=10))) == []
    assert list(exported_instances(prediction(FAINT, min_size=0))) == []


def test_nothing_gives_an_empty_label_image():
    flat = flatten(prediction())
    assert not flat.labels.any()
    assert (flat.labels.shape, flat.n_overlap) == (SHAPE, 0)


@pytest.mark.parametrize(("highest", "bits"), [(0, 16), (65535, 16), (65536, 32)])
def test_labels_have_as_many_bits_as_they_need(highest, bits):
    assert np.iinfo(label_type(highest)).bits == bits


def test_the_rule_against_a_loop_over_pixels():
    generator = np.random.default_rng(3)
    pages = generator.integers(0, 5, (7, *SHAPE))
    flat = flatten(prediction(*pages))
    n_overlap = 0
    for y, x in np.ndindex(SHAPE):
        inside = [i for i in range(7) if pages[i, y, x] >= 2]
        winner = max(inside, key=lambda i: (pages[i, y, x], -i)) + 1 if inside else 0
        n_overlap += len(inside) > 1
        assert flat.labels[y, x] == winner
    assert flat.n_overlap == n_overlap
