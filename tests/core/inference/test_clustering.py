"""Mean-shift clustering: by hand, and against scikit-learn and scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from sklearn.cluster import MeanShift
from sklearn.metrics import adjusted_rand_score

from napari_probinst.core.inference.clustering import cluster, separate_pieces

SETTINGS = {"bandwidth": 2.0, "threshold": 2.0, "min_size": 1, "n_seeds": 64}


def page(*rows):
    return np.array([[int(letter) if letter != "." else 0 for letter in row] for row in rows])


def embedded(groups, distance=8.0, dimensions=3):
    """Group k (1 to 9) of the page has the embedding k * distance along the first axis."""
    result = np.zeros((dimensions, *groups.shape), dtype=np.float32)
    result[0] = groups * distance
    return result


def clustered(groups, **changes):
    return cluster(embedded(groups), groups > 0, **{**SETTINGS, **changes})


def test_two_worms_side_by_side():
    groups = page(
        "22......",
        "2211....",
        "2211....",
        "..11....",
    )
    expected = page(
        "11......",
        "1122....",
        "1122....",
        "..22....",
    )
    np.testing.assert_array_equal(clustered(groups), expected)


def test_labels_follow_the_first_pixels():
    groups = page(".3.1", ".3.1", "2..1", "2..1")
    np.testing.assert_array_equal(clustered(groups), page(".1.2", ".1.2", "3..2", "3..2"))


def test_result_has_the_documented_type():
    labels = clustered(page("11", "11"))
    assert labels.dtype == np.int32
    assert labels.shape == (2, 2)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (0, 4)])
def test_empty_foreground_has_no_instance(shape):
    labels = cluster(np.zeros((4, *shape), np.float32), np.zeros(shape, bool), **SETTINGS)
    assert labels.shape == shape
    assert not labels.any()


def test_one_pixel():
    assert clustered(page("1")).tolist() == [[1]]


def test_background_is_never_labelled():
    embeddings = np.zeros((2, 4, 4), np.float32)
    foreground = np.eye(4, dtype=bool)
    labels = cluster(embeddings, foreground, **SETTINGS)
    np.testing.assert_array_equal(labels > 0, foreground)


def test_pixel_beyond_the_threshold_stays_unassigned():
    groups = page("1111", "1111")
    embeddings = embedded(groups)
    embeddings[0, 0, 3] += 1.5
    labels = cluster(embeddings, groups > 0, **{**SETTINGS, "threshold": 1.0, "min_size": 2})
    np.testing.assert_array_equal(labels, page("111.", "1111"))


def test_small_clusters_are_dropped():
    groups = page("11..", "11.2", "11.2")
    np.testing.assert_array_equal(clustered(groups, min_size=3), page("11..", "11..", "11.."))


def test_pixels_of_a_dropped_cluster_go_to_another_within_reach():
    embeddings = np.zeros((1, 2, 8), np.float32)
    embeddings[0, 0, 7] = 2.5
    foreground = np.ones((2, 8), bool)
    settings_ = {"bandwidth": 1.0, "n_seeds": 64, "min_size": 2}
    near = cluster(embeddings, foreground, threshold=3.0, **settings_)
    assert (near == 1).all()
    far = cluster(embeddings, foreground, threshold=2.0, **settings_)
    assert far[0, 7] == 0


def test_pieces_apart_are_different_instances():
    groups = page("111...", "111...", "......", "..1111", "..1111")
    expected = page("111...", "111...", "......", "..2222", "..2222")
    np.testing.assert_array_equal(clustered(groups, min_size=4), expected)


def test_diagonal_neighbours_are_one_piece():
    groups = page("1..", ".1.", "..1")
    np.testing.assert_array_equal(clustered(groups), groups)


def test_small_piece_is_dropped():
    groups = page("111..1", "111...")
    np.testing.assert_array_equal(clustered(groups, min_size=3), page("111...", "111..."))


def test_halves_of_a_crossed_worm_are_one_through_the_overlap():
    groups = page(
        "...2...",
        "...2...",
        "1112111",
        "...2...",
        "...2...",
    )
    overlap = np.zeros(groups.shape, bool)
    overlap[2, 3] = True
    apart = clustered(groups, min_size=3)
    assert apart.max() == 3
    bridged = cluster(embedded(groups), groups > 0, **{**SETTINGS, "min_size": 3}, bridge=overlap)
    np.testing.assert_array_equal(
        bridged, page("...1...", "...1...", "2221222", "...1...", "...1...")
    )


def test_bridge_reaches_across_pixels_of_no_cluster():
    groups = page("11..11", "11..11")
    overlap = np.array([[0, 0, 1, 1, 0, 0], [0] * 6], dtype=bool)
    labels = cluster(embedded(groups), groups > 0, **SETTINGS, bridge=overlap)
    np.testing.assert_array_equal(labels, groups)


def test_overlap_pixels_alone_are_no_instance():
    groups = page("1133", "1133", "1122")
    overlap = groups == 3
    labels = cluster(embedded(groups), groups > 0, **SETTINGS, bridge=overlap)
    np.testing.assert_array_equal(labels, page("11..", "11..", "1122"))


def blobs(seed, shape=(16, 30), dimensions=16):
    """Blocks of 8x10 pixels, each with its own embedding and noise; distances about 8."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    group = y // 8 * 3 + x // 10
    centres = rng.normal(size=(9, dimensions))
    centres *= 6 / np.linalg.norm(centres, axis=1, keepdims=True)
    noise = rng.normal(scale=0.2, size=(dimensions, *shape))
    return (centres.T[:, group] + noise).astype(np.float32), group


@pytest.mark.parametrize("seed", range(2))
def test_agrees_with_scikit_learn(seed):
    embeddings, group = blobs(seed)
    foreground = np.ones(group.shape, bool)
    labels = cluster(embeddings, foreground, bandwidth=2.0, threshold=4.0, min_size=1, n_seeds=100)
    oracle = MeanShift(bandwidth=2.0).fit_predict(embeddings.reshape(16, -1).T.astype(float))
    assert adjusted_rand_score(oracle, labels.ravel()) >= 0.999
    assert adjusted_rand_score(group.ravel(), labels.ravel()) >= 0.999


def test_small_worm_without_a_seed_is_found_in_the_second_round():
    groups = np.ones((100, 130), dtype=int)
    groups[41:46, 61:67] = 2
    labels = clustered(groups, n_seeds=4, min_size=20)
    assert sorted(np.bincount(labels.ravel()).tolist()) == [0, 30, 12970]


def test_many_instances_are_all_found():
    y, x = np.indices((70, 90))
    groups = y // 7 * 9 + x // 10 + 1
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(91, 16)) * 5
    embeddings = centres.T[:, groups].astype(np.float32)
    labels = cluster(embeddings, groups > 0, **{**SETTINGS, "n_seeds": 384})
    np.testing.assert_array_equal(labels, groups)


def test_same_input_gives_the_same_bytes_whatever_the_memory_layout():
    embeddings, group = blobs(3)
    foreground = group != 4
    first = cluster(embeddings, foreground, **SETTINGS)
    again = cluster(np.asfortranarray(embeddings), foreground.copy(), **SETTINGS)
    assert first.tobytes() == again.tobytes()


def test_input_is_not_changed():
    embeddings, group = blobs(4)
    before = embeddings.copy()
    cluster(embeddings, group > 0, **SETTINGS)
    np.testing.assert_array_equal(embeddings, before)


def test_embeddings_far_from_zero_lose_no_precision():
    groups = page("1122", "1122")
    labels = cluster(embedded(groups) + np.float32(1000), groups > 0, **SETTINGS)
    np.testing.assert_array_equal(labels, groups)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bandwidth": 0.0}, "positive"),
        ({"threshold": -1.0}, "positive"),
        ({"n_seeds": 0}, "positive"),
        ({"bridge": np.zeros((2, 3), bool)}, "same height and width"),
    ],
)
def test_impossible_arguments_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        clustered(page("11", "11"), **changes)


def separated_by_hand(labels, bridge, min_size):
    """Label each cluster with all bridges on a page of its own."""
    pieces = []
    for label in np.unique(labels[labels > 0]):
        own = labels == label
        components, n = ndimage.label(own | bridge, np.ones((3, 3)))
        for number in range(1, n + 1):
            piece = own & (components == number)
            if piece.any() and (piece & ~bridge).sum() >= max(min_size, 1):
                pieces.append(piece)
    pieces.sort(key=lambda piece: int(np.flatnonzero(piece)[0]))
    result = np.zeros_like(labels)
    for number, piece in enumerate(pieces, start=1):
        result[piece] = number
    return result


@settings(max_examples=150, derandomize=True, deadline=None)
@given(
    labels=arrays(np.int32, (6, 7), elements=st.sampled_from([0, 0, 1, 2])),
    bridge=arrays(bool, (6, 7), elements=st.sampled_from([False, False, False, True])),
    min_size=st.integers(0, 4),
)
def test_pieces_are_those_of_whole_pages(labels, bridge, min_size):
    np.testing.assert_array_equal(
        separate_pieces(labels, bridge, min_size), separated_by_hand(labels, bridge, min_size)
    )
