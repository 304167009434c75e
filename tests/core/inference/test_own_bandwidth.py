from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.inference.embeddings import Embeddings
from napari_probinst.core.inference.foreground import Foreground
from napari_probinst.core.inference.own_bandwidth import part_outsized

#: y0, x0, y1, x1 of four worms of 24 pixels; the last two cross where nobody has an embedding.
WORMS = ((0, 0, 2, 12), (4, 0, 6, 12), (12, 0, 14, 14), (8, 6, 20, 8))
SHAPE = (20, 14)


def _page(centres, spread=0.1):
    """Labels and pixels: the crossing worms have one label, and embeddings around ``centres``."""
    labels = np.zeros(SHAPE, np.int32)
    embeddings = np.zeros((2, *SHAPE), np.float32)
    for number, (y0, x0, y1, x1) in enumerate(WORMS):
        labels[y0:y1, x0:x1] = min(number, 2) + 1
        embeddings[:, y0:y1, x0:x1] = np.reshape(centres[number], (2, 1, 1))
    overlap = np.zeros(SHAPE, bool)
    overlap[12:14, 6:8] = True
    labels[overlap] = 0
    embeddings += np.random.default_rng(0).normal(0, spread, embeddings.shape).astype(np.float32)
    return labels, Foreground.select(Embeddings(embeddings), labels > 0, overlap)


def _part(labels, foreground, min_size=10):
    return part_outsized(labels, foreground, bandwidth=2.0, min_size=min_size)


def test_crossing_worms_in_one_cluster_are_parted_where_their_embeddings_are():
    labels, foreground = _page([(0, 0), (9, 0), (5, 5), (5, 6.5)])
    parted = _part(labels, foreground)
    assert parted.max() == 4
    lying, standing = parted[12, 0], parted[8, 6]
    assert lying != standing
    assert (parted[12:14, 8:14] == lying).all()
    assert (parted[14:20, 6:8] == standing).all()
    # The others, and what nobody has.
    np.testing.assert_array_equal(parted > 0, labels > 0)
    assert len(np.unique(parted[:6])) == 3


@pytest.mark.parametrize(
    ("centres", "spread"),
    [
        pytest.param([(0, 0), (9, 0), (5, 5), (5, 5)], 0.1, id="one group"),
        pytest.param([(0, 0), (9, 0), (5, 5), (5, 6.5)], 0.8, id="not well separated"),
    ],
)
def test_what_is_not_separated_stays_one(centres, spread):
    labels, foreground = _page(centres, spread)
    np.testing.assert_array_equal(_part(labels, foreground), labels)


def test_parts_that_would_be_too_small_stay():
    labels, foreground = _page([(0, 0), (9, 0), (5, 5), (5, 6.5)])
    np.testing.assert_array_equal(_part(labels, foreground, min_size=22), labels)


def test_an_instance_of_the_usual_size_stays_whatever_its_embeddings():
    labels, foreground = _page([(0, 0), (9, 0), (5, 5), (5, 6.5)])
    # Two more of the size of the crossing ones make that the usual one.
    larger = np.where(labels == 3, labels, 0)
    larger[:7, :7] = 1
    larger[:7, 7:] = 2
    pixels = Foreground.select(
        Embeddings(np.random.default_rng(0).normal(0, 0.1, (2, *SHAPE)).astype(np.float32)),
        larger > 0,
        foreground.overlap(),
    )
    np.testing.assert_array_equal(_part(larger, pixels), larger)


@pytest.mark.parametrize("numbers", [(), (3,), (1, 3)])
def test_of_fewer_than_three_none_is_far_larger_than_usual(numbers):
    labels, _ = _page([(0, 0)] * 4)
    few = np.where(np.isin(labels, numbers), labels, 0)
    nothing = Embeddings(np.zeros((2, *SHAPE), np.float32))
    pixels = Foreground.select(nothing, few > 0, np.zeros(SHAPE, bool))
    np.testing.assert_array_equal(_part(few, pixels), few)
