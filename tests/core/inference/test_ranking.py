"""Ranking of peaks: small pages by hand, and a brute-force oracle for the local maxima."""

from dataclasses import replace

import numpy as np
import pytest

from napari_probinst.core.bernoulli import entropy_levels
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import (
    rank_across,
    rank_peaks,
)
from napari_probinst.core.inference.votes import votes_in_words
from napari_probinst.core.instances import Instance, InstanceSet, Peak

EIGHT = entropy_levels(8)


def worm(shape, *boxes):
    """Page with label k on the k-th box (y0, x0, y1, x1)."""
    page = np.zeros(shape, dtype=int)
    for label, (y0, x0, y1, x1) in enumerate(boxes, start=1):
        page[y0:y1, x0:x1] = label
    return page


def ranked(*pages, **options):
    """Peaks of one draw a page; label k of a page is its instance k - 1."""
    draws = [
        InstanceSet.from_masks([p == k for k in range(1, p.max(initial=0) + 1)], p.shape)
        for p in pages
    ]
    return rank_peaks(agglomerate(draws), **options)


BLOCK = worm((12, 12), (4, 4, 8, 8))
NOTHING = worm((12, 12))
LONG = worm((4, 12), (0, 0, 4, 12))
HALVES = worm((4, 12), (0, 0, 4, 8), (0, 8, 4, 12))


def test_missed_worm():
    (peak,) = ranked(*[BLOCK] * 3, *[NOTHING] * 5)
    assert (peak.y, peak.x, peak.instances, peak.rank) == (4, 4, (0,), 1)
    assert peak.entropy == pytest.approx(EIGHT[3], abs=1e-8)
    assert peak.mass == pytest.approx(16 * EIGHT[3], abs=1e-6)
    assert peak.kind == "missed"
    assert peak.reason == "5 of 8 draws see no instance here, 3 see one"


def test_worm_of_five_draws_is_not_predicted_and_missed():
    (peak,) = ranked(*[BLOCK] * 5, *[NOTHING] * 3)
    assert peak.kind == "missed"
    assert peak.reason == "5 of 8 draws see one instance here, 3 see none"


def test_spurious_worm():
    (peak,) = ranked(*[BLOCK] * 6, *[NOTHING] * 2)
    assert peak.kind == "spurious"
    assert peak.reason == "6 of 8 draws see one instance here, 2 see none"


def test_votes_that_share_no_pixel_by_half():
    # Five draws see a fifth each of what the first sees whole: two votes of six a pixel.
    shape = (4, 40)
    fifths = [worm(shape, (0, x, 4, x + 8)) for x in range(0, 40, 8)]
    peaks = ranked(worm(shape, (0, 0, 4, 40)), *fifths, *[worm(shape)] * 2)
    assert {(peak.kind, peak.instances) for peak in peaks} == {("missed", (0,))}


def test_threshold_decides_what_is_predicted():
    (peak,) = ranked(*[BLOCK] * 5, *[NOTHING] * 3, threshold=0.5)
    assert peak.kind == "spurious"


def test_false_merge_is_one_peak_of_both_instances():
    (peak,) = ranked(*[LONG] * 5, *[HALVES] * 3)
    assert (peak.y, peak.x, peak.instances) == (0, 8, (0, 1))
    assert peak.entropy == pytest.approx(EIGHT[3], abs=1e-8)
    assert peak.mass == pytest.approx(2 * 16 * EIGHT[3], abs=1e-6)
    assert peak.kind == "merge"
    assert peak.reason == "5 of 8 draws see one instance here, 3 see two"


def test_false_split():
    (peak,) = ranked(*[LONG] * 2, *[HALVES] * 6)
    assert peak.instances == (0, 1)
    assert peak.kind == "split"
    assert peak.reason == "6 of 8 draws see two instances here, 2 see one"


def test_single_votes_are_singular():
    (peak,) = ranked(BLOCK, NOTHING)
    assert peak.reason == "1 of 2 draws sees one instance here, 1 sees none"


def test_three_opinions():
    (peak,) = ranked(*[LONG] * 2, *[HALVES] * 5, worm((4, 12)))
    assert peak.reason == "5 of 8 draws see two instances here, 2 see one, 1 sees none"


def test_votes_are_about_all_that_one_draw_sees_as_one():
    """Draw 8 joins the long one, which all draws see, with the short one beside it."""
    apart = worm((4, 20), (0, 0, 4, 12), (0, 12, 4, 20))
    peaks = ranked(*[apart] * 7, worm((4, 20), (0, 0, 4, 20)))
    assert {peak.reason for peak in peaks} == {"7 of 8 draws see two instances here, 1 sees one"}


def test_draws_that_see_as_many_but_others_are_told_apart():
    left, right = worm((4, 12), (0, 0, 4, 9)), worm((4, 12), (0, 7, 4, 12))
    peaks = ranked(*[left] * 5, *[right] * 2, worm((4, 12)))
    assert {peak.reason for peak in peaks} == {
        "5 of 8 draws see one instance here, 2 see one differently, 1 sees none"
    }


def test_the_only_draw_differs_from_none():
    bars = [Instance.from_mask(worm((4, 12), box) > 0) for box in ((0, 0, 4, 8), (0, 4, 4, 8))]
    assert votes_in_words([bars]) == "the only draw sees two instances here"


def test_moving_outline():
    narrow, wide = worm((4, 12), (0, 0, 4, 4)), worm((4, 12), (0, 0, 4, 5))
    (peak,) = ranked(*[narrow] * 4, *[wide] * 4)
    assert (peak.y, peak.x) == (0, 4)
    assert peak.entropy == pytest.approx(np.log(2) / 4)
    assert peak.kind == "contour"
    assert peak.reason == "all 8 draws see one instance here, its outline differs"


def test_moving_border_between_two_worms():
    left = worm((4, 12), (0, 0, 4, 6), (0, 6, 4, 12))
    right = worm((4, 12), (0, 0, 4, 7), (0, 7, 4, 12))
    (peak,) = ranked(left, right)
    assert peak.instances == (0, 1)
    assert peak.kind == "contour"
    assert peak.reason == "both draws see two instances here, their outlines differ"


@pytest.mark.parametrize("n_draws", [1, 2, 8])
def test_agreement_has_no_peaks(n_draws):
    assert ranked(*[HALVES] * n_draws) == ()


def test_no_instances_no_peaks():
    assert ranked(NOTHING, NOTHING) == ()


def test_patches_at_the_edge_are_averaged_over_the_pixels_that_exist():
    (peak,) = ranked(worm((5, 6), (4, 4, 5, 6)), worm((5, 6)))
    assert (peak.y, peak.x) == (4, 4)
    assert peak.entropy == pytest.approx(np.log(2))
    assert peak.entropy <= np.log(2)


def test_grid_starts_at_the_image_and_not_at_the_instance():
    # Three of four columns of the block lie in patch column 1, one in patch column 2.
    (peak,) = ranked(worm((4, 12), (0, 5, 4, 9)), worm((4, 12)))
    assert (peak.y, peak.x) == (0, 4)
    assert peak.entropy == pytest.approx(0.75 * np.log(2))


def test_another_patch_size():
    (peak,) = ranked(BLOCK, NOTHING, patch=2)
    assert peak.entropy == pytest.approx(np.log(2))
    # Four patches tie; the first of those nearest to the middle is named.
    assert (peak.y, peak.x) == (4, 4)


def test_plateau_is_one_peak_in_its_middle():
    (peak,) = ranked(worm((4, 20), (0, 0, 4, 20)), worm((4, 20)))
    assert (peak.y, peak.x) == (0, 8)
    assert peak.mass == pytest.approx(80 * np.log(2))


def test_unrelated_neighbours_are_two_peaks():
    both = worm((4, 8), (0, 0, 4, 4), (0, 4, 4, 8))
    peaks = ranked(both, worm((4, 8)))
    assert [peak.instances for peak in peaks] == [(0,), (1,)]


@pytest.mark.parametrize("ranking", ["mass", "entropy"])
def test_ties_of_entropy_are_ranked_by_mass_then_position(ranking):
    boxes = [(0, 0, 4, 4), (8, 0, 12, 4), (0, 16, 4, 24)]
    peaks = ranked(worm((12, 24), *boxes), worm((12, 24)), ranking=ranking)
    assert [(peak.rank, peak.y, peak.x) for peak in peaks] == [(1, 0, 16), (2, 0, 0), (3, 8, 0)]
    assert len({peak.entropy for peak in peaks}) == 1


SMALL_AND_LARGE = [
    *[worm((4, 24), (0, 8, 4, 24), (0, 0, 4, 4))] * 4,
    *[worm((4, 24), (0, 8, 4, 24))] * 3,
    worm((4, 24)),
]


def test_large_place_in_some_doubt_comes_before_a_small_one_in_more():
    peaks = ranked(*SMALL_AND_LARGE)
    assert [(peak.rank, peak.x) for peak in peaks] == [(1, 12), (2, 0)]
    assert peaks[0].entropy < peaks[1].entropy


def test_ranking_of_the_paper_is_by_entropy():
    peaks = ranked(*SMALL_AND_LARGE, ranking="entropy")
    assert [(peak.rank, peak.x) for peak in peaks] == [(1, 0), (2, 12)]


def test_unknown_ranking():
    with pytest.raises(ValueError, match="rankings are mass, entropy, got 'size'"):
        ranked(BLOCK, ranking="size")


def test_far_ends_of_a_worm_are_two_peaks_of_one_instance():
    body = worm((4, 28), (0, 4, 4, 24))
    left, right = worm((4, 28), (0, 0, 4, 24)), worm((4, 28), (0, 4, 4, 28))
    peaks = ranked(left, right, body, body)
    assert [(peak.x, peak.instances) for peak in peaks] == [(0, (0,)), (24, (0,))]


def test_same_votes_tie_exactly_wherever_their_pixels_lie():
    rng = np.random.default_rng(0)
    pages = [np.zeros((4, 24), int) for _ in range(7)]
    votes = rng.integers(0, 8, 16)
    for x, order in ((0, votes), (8, votes[::-1]), (16, 7 - rng.permutation(votes))):
        for draw, page in enumerate(pages):
            page[:, x : x + 4][(order > draw).reshape(4, 4)] = x // 8 + 1
    entropies = {peak.entropy for peak in ranked(*pages)}
    assert len(entropies) == 1


def test_patch_must_be_positive():
    with pytest.raises(ValueError, match="at least one pixel"):
        ranked(BLOCK, patch=0)


def peak_at(y, x, entropy, mass):
    return Peak(y, x, (0,), entropy, mass, 1, "contour", "")


def test_rank_across_images():
    a = (peak_at(0, 4, 0.5, 2.0), peak_at(0, 0, 0.3, 9.0))
    b = (peak_at(8, 0, 0.6, 1.0), peak_at(0, 0, 0.5, 3.0), peak_at(0, 0, 0.5, 2.0))
    by_entropy = rank_across([("B", b), ("A", a)], "entropy")
    assert [(name, peak.entropy, peak.mass) for name, peak in by_entropy] == [
        ("B", 0.6, 1.0),
        ("B", 0.5, 3.0),
        ("A", 0.5, 2.0),
        ("B", 0.5, 2.0),
        ("A", 0.3, 9.0),
    ]
    assert [peak.rank for _, peak in by_entropy] == [1, 2, 3, 4, 5]
    by_mass = rank_across([("B", b), ("A", a)])
    assert [(name, peak.mass) for name, peak in by_mass] == [
        ("A", 9.0),
        ("B", 3.0),
        ("A", 2.0),
        ("B", 2.0),
        ("B", 1.0),
    ]


def test_equal_mass_is_ranked_by_entropy():
    low, high = peak_at(0, 0, 0.3, 2.0), peak_at(4, 0, 0.6, 2.0)
    assert [peak.entropy for _, peak in rank_across([("A", [low, high])])] == [0.6, 0.3]


def test_rank_across_ties_by_position_inside_an_image():
    peaks = [peak_at(4, 0, 0.5, 1.0), peak_at(0, 8, 0.5, 1.0), peak_at(0, 4, 0.5, 1.0)]
    result = rank_across([("A", peaks)])
    assert [(peak.y, peak.x) for _, peak in result] == [(0, 4), (0, 8), (4, 0)]
    assert rank_across([]) == ()


def test_rank_across_one_image_keeps_its_order():
    peaks = ranked(*[LONG] * 5, *[HALVES] * 3)
    assert rank_across([("A", [replace(peak, rank=0) for peak in peaks])]) == tuple(
        ("A", peak) for peak in peaks
    )
