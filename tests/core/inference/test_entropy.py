"""Entropy, maps and confidence: by hand, against scipy, and on full pages."""

import math

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from napari_probinst.core.bernoulli import bernoulli_entropy, entropy_levels
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.entropy import (
    confidence,
    entropy_map,
    probability_map,
)
from napari_probinst.core.instances import (
    InstanceSet,
    ProbabilisticInstance,
    ProbabilisticInstances,
)


def page(*rows):
    return np.array([[int(letter) if letter != "." else 0 for letter in row] for row in rows])


def draws_of(*pages):
    """One draw a page; label k of a page is its instance k - 1."""
    return [
        InstanceSet.from_masks([p == k for k in range(1, p.max(initial=0) + 1)], p.shape)
        for p in pages
    ]


def test_five_levels_with_eight_draws():
    levels = bernoulli_entropy(np.arange(9), 8)
    expected = [0, 0.377, 0.562, 0.662, 0.693, 0.662, 0.562, 0.377, 0]
    np.testing.assert_allclose(levels, expected, atol=5e-4)
    assert levels.dtype == np.float32


@pytest.mark.parametrize("n_draws", [1, 2, 3, 10, 255])
def test_agrees_with_scipy(n_draws):
    p = np.arange(n_draws + 1) / n_draws
    np.testing.assert_allclose(
        entropy_levels(n_draws), scipy_entropy(np.stack([p, 1 - p])), atol=1e-12
    )


@pytest.mark.parametrize("n_draws", [3, 10, 49, 255])
def test_levels_are_exactly_symmetric_and_at_most_ln_2(n_draws):
    levels = entropy_levels(n_draws)
    np.testing.assert_array_equal(levels, levels[::-1])
    assert levels.max() <= math.log(2)


def test_agreement_has_no_entropy():
    assert bernoulli_entropy(np.array([[0, 5], [5, 0]]), 5).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("counts", "n_draws"), [([9], 8), ([-1], 8), ([0], 0)])
def test_impossible_counts_are_refused(counts, n_draws):
    with pytest.raises(ValueError, match=r"counts must lie|at least one draw"):
        bernoulli_entropy(np.array(counts), n_draws)


def overlapping():
    first = ProbabilisticInstance((0, 0, 2, 3), np.array([[4, 2, 1], [4, 4, 0]]), (0, 0, 0, 0))
    second = ProbabilisticInstance((0, 1, 1, 4), np.array([[3, 3, 4]]), (1, 1, 1, 1))
    draw = InstanceSet((2, 5), ())
    return ProbabilisticInstances((2, 5), (first, second), (draw,) * 4)


def test_probability_map_is_the_maximum():
    expected = [[1, 0.75, 0.75, 1, 0], [1, 1, 0, 0, 0]]
    result = probability_map(overlapping())
    np.testing.assert_array_equal(result, np.array(expected, np.float32))
    assert result.dtype == np.float32


def test_entropy_map_is_the_maximum_and_not_the_entropy_of_the_maximum():
    quarter, half = entropy_levels(4)[1:3]
    expected = [[0, half, quarter, 0, 0], [0, 0, 0, 0, 0]]
    result = entropy_map(overlapping())
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    assert result.dtype == np.float32


@pytest.mark.parametrize("draws", [(), (InstanceSet((3, 2), ()),)])
def test_maps_without_instances_are_zero(draws):
    nothing = ProbabilisticInstances((3, 2), (), draws)
    for result in (probability_map(nothing), entropy_map(nothing)):
        assert result.shape == (3, 2)
        assert not result.any()
    assert confidence(nothing).shape == (0,)


def test_confidence_of_one_draw_and_of_equal_draws_is_one():
    same = page("11..", "11.2")
    assert confidence(agglomerate(draws_of(same))).tolist() == [1, 1]
    assert confidence(agglomerate(draws_of(same, same, same))).tolist() == [1, 1]


def test_confidence_by_hand():
    # IoU of the three pairs: 2/4, 2/3 and 2/3.
    draws = draws_of(page("111."), page(".111"), page(".11."))
    assert confidence(agglomerate(draws)) == pytest.approx([(1 / 2 + 2 / 3 + 2 / 3) / 3])


def test_draw_without_a_match_counts_as_zero():
    draws = draws_of(page("11"), page("11"), page(".."), page(".."))
    assert confidence(agglomerate(draws)) == pytest.approx([1 / 6])


def test_instance_of_a_single_draw_has_no_confidence():
    assert confidence(agglomerate(draws_of(page("11"), page("..")))).tolist() == [0]


def test_confidence_agrees_with_full_pages():
    rng = np.random.default_rng(0)
    pages = []
    for _ in range(5):
        p = np.zeros((12, 14), int)
        for label, (y, x) in enumerate([(1, 1), (6, 2), (4, 9)], start=1):
            dy, dx = rng.integers(-1, 2, 2)
            p[y + dy : y + dy + 4, x + dx : x + dx + 4] = label
        pages.append(p)
    result = agglomerate(draws_of(*pages))
    for score, instance in zip(confidence(result), result.instances, strict=True):
        masks = [
            draw.instances[match].full(draw.shape) if match is not None else None
            for draw, match in zip(result.draws, instance.matches, strict=True)
        ]
        total = 0.0
        for i in range(5):
            for j in range(i):
                if masks[i] is not None and masks[j] is not None:
                    total += (masks[i] & masks[j]).sum() / (masks[i] | masks[j]).sum()
        assert score == pytest.approx(total / 10)
