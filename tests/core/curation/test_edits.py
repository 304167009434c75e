"""Each edit on pictures: what it does, which ids it keeps, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_probinst.core.curation.edits import (
    Add,
    AdoptDraw,
    Delete,
    FillHoles,
    GiveOverlap,
    Grow,
    Merge,
    Repaint,
    Shrink,
    SplitAlongLine,
    SplitBySeeds,
    SplitIntoParts,
    parameters,
)
from napari_probinst.core.curation.geometry import least_part
from napari_probinst.core.curation.table import InstanceTable
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.core.instances import Instance


def make_table(picture, *pictures):
    masks = [picture(text) for text in pictures]
    instances = {number: Instance.from_mask(mask) for number, mask in enumerate(masks, start=1)}
    return InstanceTable(masks[0].shape, instances, len(masks) + 1)


def after(table, edit):
    """Current pictures after the edit, by id."""
    table.apply(edit.delta(table))
    return {
        identifier: " ".join(
            "".join("#" if pixel else "." for pixel in row) for row in instance.full(table.shape)
        )
        for identifier, instance in sorted(table.instances.items())
    }


def test_merge_keeps_the_id_of_the_largest(picture):
    table = make_table(picture, "##......", "...###..", ".......#")
    assert after(table, Merge((1, 2, 3))) == {2: "##.###.#"}


def test_merge_of_equals_keeps_the_lowest_id(picture):
    assert after(make_table(picture, "##..", "..##"), Merge((2, 1))) == {1: "####"}


def test_merge_of_overlapping_instances_counts_shared_pixels_once(picture):
    table = make_table(picture, "###..", ".###.", "..###")
    assert after(table, Merge((1, 2))) == {1: "####.", 3: "..###"}


def test_line_splits_and_the_larger_part_keeps_the_id(picture):
    table = make_table(picture, "####### ####### #######", "..##... ..##... ..##...")
    result = after(table, SplitAlongLine(1, ((-1, 2), (3, 2))))
    whole = np.array([list(result[1]), list(result[3])]) == "#"
    assert whole.any(axis=0).sum() == 21
    assert whole.all(axis=0).sum() == 0
    assert result[1][3:7] == "####"
    assert result[3][:2] == "##"
    assert result[2] == "..##... ..##... ..##..."


def test_two_cuts_in_one_line_give_three_parts(picture):
    table = make_table(picture, "######### #########")
    zigzag = SplitAlongLine(1, ((-1, 2), (3, 2), (3, 6), (-1, 6)))
    assert len(after(table, zigzag)) == 3
    assert table.next_id == 4


def test_seeds_split_at_equal_distance_inside_the_mask(picture):
    table = make_table(picture, "########")
    assert after(table, SplitBySeeds(1, ((0, 0), (0, 7)))) == {1: "####....", 2: "....####"}


def test_said_to_be_two_it_is_parted_in_the_middle(picture):
    table = make_table(picture, "##########", "....##....")
    assert after(table, SplitIntoParts(1, 2)) == {
        1: "#####.....",
        2: "....##....",
        3: ".....#####",
    }


def test_overlap_goes_to_one(picture):
    table = make_table(picture, "####....", "..####..", "...#####")
    result = after(table, GiveOverlap((1, 2), (2,)))
    assert result == {1: "##......", 2: "..####..", 3: "...#####"}


def test_overlap_of_three_is_what_all_of_them_hold(picture):
    table = make_table(picture, "####..", ".####.", "..####")
    result = after(table, GiveOverlap((1, 2, 3), (1,)))
    assert result == {1: "####..", 2: ".#..#.", 3: "....##"}


def test_crossing_goes_to_both(picture):
    """A worm that the model cut in two where another lies on it; the region is drawn loosely."""
    table = make_table(picture, "..#.. ..#.. ..#..", "..... ##.## .....", "..... .#... .....")
    region = Instance.from_mask(picture("..... .###. ....."))
    result = after(table, GiveOverlap((1, 2), (1, 2), region))
    assert result == {
        1: "..#.. .###. ..#..",
        2: "..... ##### .....",
        3: "..... .#... .....",
    }


def test_drawn_region_goes_to_one_and_takes_no_background(picture):
    table = make_table(picture, "###....", "...###.")
    region = Instance.from_mask(picture("..##..#"))
    assert after(table, GiveOverlap((1, 2), (2,), region)) == {1: "##.....", 2: "..####."}


def test_delete_of_several_is_one_step(picture):
    table = make_table(picture, "##..", ".##.", "..##")
    before = dict(table.instances)
    delta = Delete((1, 3)).delta(table)
    table.apply(delta)
    assert set(table.instances) == {2}
    table.apply(delta.inverse)
    assert all(table.instances[key].same_pixels(before[key]) for key in before)


def test_added_instance_may_overlap(picture):
    table = make_table(picture, "####")
    assert after(table, Add(Instance.from_mask(picture(".##.")))) == {1: "####", 2: ".##."}


def test_repaint_changes_one_instance_only(picture):
    table = make_table(picture, "##..", ".##.")
    result = after(table, Repaint(1, Instance.from_mask(picture(".###"))))
    assert result == {1: ".###", 2: ".##."}


def test_holes_grow_and_shrink(picture):
    table = make_table(picture, "..... .###. .#.#. .###. .....")
    assert after(table, FillHoles(1)) == {1: "..... .###. .###. .###. ....."}
    assert after(table, Shrink(1, 1)) == {1: "..... ..... ..#.. ..... ....."}
    assert after(table, Grow(1, 1)) == {1: "..... ..#.. .###. ..#.. ....."}


def test_adopted_instances_keep_the_ids_of_those_they_resemble(picture):
    table = make_table(picture, "######..", "......##")
    taken = tuple(Instance.from_mask(picture(text)) for text in ("##......", "..####.."))
    result = after(table, AdoptDraw(4, (1, 2), taken))
    assert result == {1: "..####..", 3: "##......"}


def test_adopting_nothing_removes(picture):
    assert after(make_table(picture, "##..", "..##"), AdoptDraw(0, (2,), ())) == {1: "##.."}


DOT = Instance.from_mask(np.ones((1, 1), bool))
NOTHING = Instance.from_mask(np.zeros((1, 1), bool))
OUTSIDE = Instance.from_mask(np.ones((1, 1), bool), (0, 99))
BAR = Instance.from_mask(np.array([[1, 1, 1, 1, 0, 0]]))


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (Merge((1,)), "two or more"),
        (Merge(()), "two or more"),
        (Merge((1, 1)), "itself"),
        (Merge((0, 1)), "background"),
        (Merge((1, 7)), "no instance 7"),
        (SplitAlongLine(7, ((0, 0), (0, 9))), "no instance 7"),
        (SplitAlongLine(1, ((0, 0),)), "two or more points"),
        (SplitAlongLine(1, ((0, 0), (0, float("nan")))), "two or more points"),
        (SplitAlongLine(1, ((0, 0), (0, float("inf")))), "two or more points"),
        (SplitAlongLine(1, ((2, 0), (2, 9))), "misses"),
        (SplitAlongLine(1, ((0, 0), (0, 9))), "doesn't cut"),
        (SplitBySeeds(1, ((0, 0),)), "two or more points"),
        (SplitBySeeds(1, ((0, 0), (0.2, 0.2))), "same pixel"),
        (SplitBySeeds(1, ((0, 0), (0, 5))), "not on instance 1"),
        (SplitBySeeds(1, ((0, 0), (0, -1))), "not on instance 1"),
        (SplitIntoParts(0, 2), "background"),
        (SplitIntoParts(1, 1), "choose 2 to 20"),
        (SplitIntoParts(1, 21), "choose 2 to 20"),
        (SplitIntoParts(1, 5), "no room for 5 parts"),
        (GiveOverlap((1,), (1,)), "two or more"),
        (GiveOverlap((1, 1), (1,)), "itself"),
        (GiveOverlap((1, 0), (1,)), "background"),
        (GiveOverlap((1, 9), (1,)), "no instance 9"),
        (GiveOverlap((1, 2), ()), "choose which"),
        (GiveOverlap((1, 2), (1, 3)), "choose which"),
        (GiveOverlap((1, 2), (1, 2)), "belong to 1 and 2 already"),
        (GiveOverlap((1, 2), (1,)), "left of instance 2"),
        (GiveOverlap((1, 3), (1,)), "1 and 3 share no pixels"),
        (GiveOverlap((1, 2), (1,), NOTHING), "no pixels"),
        (GiveOverlap((1, 2), (1,), OUTSIDE), "outside"),
        (GiveOverlap((2, 3), (2,), DOT), "misses"),
        (Delete(()), "picked"),
        (Delete((1, 9)), "no instance 9"),
        (Delete((1, 1)), "deleted twice"),
        (Add(NOTHING), "no pixels"),
        (Add(OUTSIDE), "outside"),
        (Add(BAR), "Instance 1 has exactly these"),
        (Repaint(7, DOT), "no instance 7"),
        (Repaint(1, NOTHING), "delete it instead"),
        (Repaint(1, OUTSIDE), "outside"),
        (Repaint(1, BAR), "nothing would change"),
        (FillHoles(1), "no holes"),
        (FillHoles(0), "background"),
        (Grow(1, 0), "1 or more"),
        (Shrink(1, -2), "1 or more"),
        (Shrink(2, 3), "delete it"),
        (AdoptDraw(0, (9,), ()), "no instance 9"),
        (AdoptDraw(2, (1,), (BAR,)), "Draw 3 sees exactly"),
        (AdoptDraw(2, (), (NOTHING,)), "nothing to adopt"),
        (AdoptDraw(2, (), (OUTSIDE,)), "outside"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(picture, edit, sentence):
    table = make_table(picture, "####.. ......", "...#.. ......", "...... .....#")
    with pytest.raises(EditRefusedError, match=sentence) as refusal:
        edit.delta(table)
    assert str(refusal.value).count(".") == 1
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    "edit",
    [
        *(kind(1, number) for kind in (Grow, Shrink) for number in (1.5, 1.0, float("nan"), "1")),
        *(SplitIntoParts(1, number) for number in (2.0, float("inf"), None)),
    ],
)
def test_numbers_that_are_not_whole_are_refused(picture, edit):
    with pytest.raises(EditRefusedError, match=r"no whole number of (pixels|parts): choose one\.$"):
        edit.delta(make_table(picture, "####.."))


def test_numbers_of_other_types_that_are_whole_are_taken(picture):
    table = make_table(picture, "####..")
    assert after(table, Grow(1, np.int64(1))) == {1: "#####."}


def test_point_that_gets_a_sliver_is_refused(picture):
    table = make_table(picture, "#" * 30)
    beside_the_tip = SplitBySeeds(1, ((0, 0), (0, 1)))
    with pytest.raises(EditRefusedError, match="get 1 of the 30 pixels of instance 1: move the"):
        beside_the_tip.delta(table)
    assert len(after(table, SplitBySeeds(1, ((0, 0), (0, 3))))) == 2


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.data())
def test_points_anywhere_on_a_worm_leave_no_slivers(data):
    along = np.linspace(0, np.pi, 200)
    line = np.stack((20 - 14 * np.sin(along), 8 + 14 * along), axis=1)
    rows, columns = np.indices((26, 60))
    mask = (np.hypot(rows[..., None] - line[:, 0], columns[..., None] - line[:, 1]) < 3).any(-1)
    pixels = np.argwhere(mask)
    chosen = data.draw(st.lists(st.integers(0, len(pixels) - 1), min_size=2, max_size=5))
    seeds = tuple((int(y), int(x)) for y, x in pixels[chosen])
    table = InstanceTable(mask.shape, {1: Instance.from_mask(mask)}, 2)
    try:
        table.apply(SplitBySeeds(1, seeds).delta(table))
    except EditRefusedError:
        return
    parts = [part.full(mask.shape) for part in table.instances.values()]
    assert len(parts) == len(seeds)
    assert np.array_equal(np.sum(parts, axis=0), mask)
    assert min(np.count_nonzero(part) for part in parts) >= least_part(mask) == 5
    assert all(ndimage.label(part, np.ones((3, 3)))[1] == 1 for part in parts)


def test_filling_the_whole_image_can_neither_grow_nor_shrink(picture):
    table = make_table(picture, "##")
    for edit in (Grow(1, 10**12), Shrink(1, 1)):
        with pytest.raises(EditRefusedError, match="fills the image"):
            edit.delta(table)


def test_parameters_are_plain_json(picture):
    table = make_table(picture, "####")
    edit = Merge((np.int64(1), np.int64(2)))
    assert parameters(edit) == {"ids": [1, 2]}
    assert parameters(GiveOverlap((1, 2), (1,))) == {"ids": [1, 2], "to": [1], "region": None}
    assert parameters(Add(BAR)) == {"instance": {"bbox": [0, 0, 1, 4], "area": 4}}
    line = SplitAlongLine(np.int64(1), ((np.float32(0.5), 1), (2, 3)))
    assert json.loads(json.dumps(parameters(line)))["line"] == [[0.5, 1], [2, 3]]
    flip = Delete((np.int64(1),)).delta(table).flips[0]
    assert json.dumps([flip.id, flip.bbox]) == "[1, [0, 0, 1, 4]]"
