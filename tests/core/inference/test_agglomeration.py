"""Agglomeration: by hand, and against the dense problem on whole pages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from napari_probinst.core.inference.agglomeration import agglomerate, best_assignment
from napari_probinst.core.instances import Instance, InstanceSet


def page(*rows):
    return np.array([[int(letter) if letter != "." else 0 for letter in row] for row in rows])


def draws_of(*pages):
    """One draw a page; label k of a page is its instance k - 1."""
    return [
        InstanceSet.from_masks([p == k for k in range(1, p.max(initial=0) + 1)], p.shape)
        for p in pages
    ]


def counts_on_pages(result):
    pages = []
    for instance in result.instances:
        full = np.zeros(result.shape, dtype=int)
        y0, x0, y1, x1 = instance.bbox
        full[y0:y1, x0:x1] = instance.counts
        pages.append(full)
    return pages


def test_counts_of_one_instance():
    result = agglomerate(draws_of(page("11..", "11.."), page(".11.", ".11."), page("....", "11..")))
    (counts,) = counts_on_pages(result)
    np.testing.assert_array_equal(counts, page("121.", "231."))
    assert result.instances[0].bbox == (0, 0, 2, 3)
    assert result.instances[0].matches == (0, 0, 0)
    assert result.instances[0].counts.dtype == np.uint8


def test_one_draw_is_taken_as_it_is():
    result = agglomerate(draws_of(page("11.2", "11.2")))
    assert [instance.matches for instance in result.instances] == [(0,), (1,)]
    assert all((instance.counts == 1).all() for instance in result.instances)


def test_base_is_the_draw_with_most_instances():
    result = agglomerate(draws_of(page("1111"), page("1.22"), page("11.2")))
    # Draws 1 and 2 have two instances each: the first of them is the base.
    assert [instance.matches for instance in result.instances] == [(None, 0, 0), (0, 1, 1)]


def test_unmatched_instance_of_a_later_draw_is_added():
    result = agglomerate(draws_of(page("1.2.."), page("1...2")))
    assert [instance.matches for instance in result.instances] == [(0, 0), (1, None), (None, 1)]
    assert counts_on_pages(result)[2].tolist() == [[0, 0, 0, 0, 1]]


def test_largest_iou_gives_way_to_a_larger_sum():
    # IoU 1-1 = 6/12 is the largest; 1-2 = 4/10 and 2-1 = 2/8 together are more.
    base = page("111111111122")
    later = page("222211111111")
    result = agglomerate(draws_of(base, later))
    assert [instance.matches for instance in result.instances] == [(0, 1), (1, 0)]


def test_union_is_what_the_third_draw_is_matched_to():
    # Draw 2 shares no pixel with draw 0, only with draw 1's extension.
    result = agglomerate(draws_of(page("11..."), page(".111."), page("...11")))
    assert [instance.matches for instance in result.instances] == [(0, 0, 0)]
    assert counts_on_pages(result)[0].tolist() == [[1, 2, 1, 2, 1]]


def test_overlapping_boxes_without_common_pixels_are_no_match():
    result = agglomerate(draws_of(page("1..", "1..", "111"), page(".11", "..1", "...")))
    assert [instance.matches for instance in result.instances] == [(0, None), (None, 0)]


def test_overlapping_instances_of_one_draw_stay_apart():
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    a[1:3, :], b[:, 1:3] = True, True
    draw = InstanceSet.from_masks([a, b], (4, 4))
    result = agglomerate([draw, draw])
    assert [instance.matches for instance in result.instances] == [(0, 0), (1, 1)]


@pytest.mark.parametrize("n_draws", [1, 3])
def test_no_instances(n_draws):
    result = agglomerate([InstanceSet((3, 4), ())] * n_draws)
    assert len(result) == 0
    assert result.n_draws == n_draws
    assert result.shape == (3, 4)


def test_empty_instance_matches_nothing():
    empty = InstanceSet((2, 2), (Instance((0, 0, 0, 0), np.zeros((0, 0), bool)),))
    result = agglomerate([empty, *draws_of(page("11", "11"))])
    assert [instance.matches for instance in result.instances] == [(0, None), (None, 0)]


def test_draws_are_kept():
    draws = draws_of(page("1"), page("."))
    assert agglomerate(draws).draws == tuple(draws)


def test_255_draws_fit_into_the_counts():
    result = agglomerate(draws_of(page("1.")) * 255)
    assert result.instances[0].counts.tolist() == [[255]]


@pytest.mark.parametrize("n_draws", [0, 256])
def test_number_of_draws_is_checked(n_draws):
    with pytest.raises(ValueError, match="1 to 255 draws"):
        agglomerate(draws_of(page("1")) * n_draws)


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        agglomerate(draws_of(page("1"), page("1.")))


def dense(draws):
    """Agglomerate full pages with a dense assignment problem a draw, as the paper says."""
    lengths = [len(draw) for draw in draws]
    base = int(np.argmax(lengths))
    stacks, matches = [], []
    for index in [base] + [i for i in range(len(draws)) if i != base]:
        masks = [instance.full(draws[index].shape) for instance in draws[index].instances]
        table = np.array(
            [[((c > 0) & m).sum() / ((c > 0) | m).sum() for m in masks] for c in stacks]
        ).reshape(len(stacks), len(masks))
        rows, columns = linear_sum_assignment(table, maximize=True)
        partner = {c: r for r, c in zip(rows, columns, strict=True) if table[r, c] > 0}
        for position, mask in enumerate(masks):
            if position in partner:
                stacks[partner[position]] = stacks[partner[position]] + mask
                matches[partner[position]][index] = position
            else:
                stacks.append(mask.astype(int))
                matches.append({index: position})
    return stacks, [tuple(m.get(i) for i in range(len(draws))) for m in matches]


def random_draws(seed, n_draws=5, shape=(40, 50)):
    """Overlapping rectangles of odd sizes that move, vanish and merge from draw to draw."""
    rng = np.random.default_rng(seed)
    boxes = [
        (*rng.integers(0, (30, 38)), *rng.integers((5, 5), (17, 21)))
        for _ in range(rng.integers(12))
    ]
    draws = []
    for _ in range(n_draws):
        masks = []
        for y, x, height, width in boxes:
            if rng.random() < 0.8:
                dy, dx = rng.integers(0, 5, 2)
                mask = np.zeros(shape, bool)
                mask[y + dy : y + dy + height, x + dx : x + dx + width] = True
                masks.append(mask & (rng.random(shape) < 0.9))
        draws.append(InstanceSet.from_masks(masks, shape))
    return draws


@pytest.mark.parametrize("seed", range(12))
def test_same_result_as_the_dense_problem(seed):
    draws = random_draws(seed)
    stacks, matches = dense(draws)
    result = agglomerate(draws)
    assert [instance.matches for instance in result.instances] == matches
    for counts, stack in zip(counts_on_pages(result), stacks, strict=True):
        np.testing.assert_array_equal(counts, stack)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    st.dictionaries(st.tuples(st.integers(0, 6), st.integers(0, 6)), st.integers(1, 6), max_size=25)
)
def test_best_assignment_has_the_largest_sum(edges):
    pairs = np.array(list(edges), dtype=np.int64).reshape(-1, 2)
    weights = np.array(list(edges.values()), dtype=float)
    table = np.zeros((7, 7))
    table[tuple(pairs.T)] = weights
    chosen = best_assignment(pairs, weights)
    rows, columns = pairs[chosen].T
    assert len(set(rows)) == len(set(columns)) == len(chosen)
    assert weights[chosen].sum() == table[linear_sum_assignment(table, maximize=True)].sum()


def test_a_touching_crowd_is_solved_without_a_dense_problem():
    # 2500 cells in one connected sheet: dense tables of its size would have 6 million entries.
    shape = (300, 300)
    sheets = [
        InstanceSet(
            shape,
            tuple(
                Instance((y, x, y + 6, x + 6), np.ones((6, 6), bool))
                for y in range(offset, 294, 6)
                for x in range(offset, 294, 6)
            ),
        )
        for offset in (0, 1)
    ]
    result = agglomerate(sheets)
    assert len(result) == len(sheets[0])
    assert all(instance.matches == (i, i) for i, instance in enumerate(result.instances))
