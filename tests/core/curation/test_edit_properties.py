"""Any sequence of edits, undo and redo, against sets of pixels and plain loops."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
)
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.core.instances import Instance

HEIGHT, WIDTH = 9, 12
PAGE = frozenset(product(range(HEIGHT), range(WIDTH)))

ids = st.integers(0, 6)
pixels = st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1))
boxes = st.tuples(pixels, pixels).map(lambda ends: np.sort(np.array(ends), axis=0))


def ring(corners):
    """Box with a hole in its middle, if it is large enough for one."""
    (y0, x0), (y1, x1) = corners
    mask = np.ones((y1 - y0 + 1, x1 - x0 + 1), bool)
    mask[2:-2, 2:-2] = False
    return Instance.from_mask(mask, (int(y0), int(x0)))


shapes = boxes.map(ring)
pairs = st.lists(ids, min_size=2, max_size=3).map(tuple)
edits = st.one_of(
    st.builds(Merge, pairs),
    st.builds(SplitAlongLine, ids, st.tuples(*[st.tuples(*[st.integers(-2, 13)] * 2)] * 2)),
    st.builds(SplitBySeeds, ids, st.lists(pixels, min_size=2, max_size=3).map(tuple)),
    st.builds(SplitIntoParts, ids, st.integers(2, 4)),
    st.builds(Delete, st.tuples(ids)),
    st.builds(Add, shapes),
    st.builds(Repaint, ids, shapes),
    st.builds(FillHoles, ids),
    st.builds(Grow, ids, st.integers(1, 3)),
    st.builds(Shrink, ids, st.integers(1, 2)),
    pairs.flatmap(
        lambda some: st.builds(
            GiveOverlap,
            st.just(some),
            st.sampled_from([some[:1], some]),
            st.one_of(st.none(), shapes),
        )
    ),
    st.builds(AdoptDraw, st.just(0), st.tuples(ids), st.lists(shapes, max_size=2).map(tuple)),
)


def pixels_of(instance):
    y0, x0 = instance.bbox[:2]
    return frozenset((int(y) + y0, int(x) + x0) for y, x in np.argwhere(instance.mask))


def state_of(session):
    return {key: pixels_of(instance) for key, instance in session.instances.items()}


def near(some, distance):
    """Pixels of the page within a Euclidean distance of any of ``some``."""
    return {
        (y, x)
        for y, x in PAGE
        if any((y - row) ** 2 + (x - column) ** 2 <= distance**2 for row, column in some)
    }


def without_holes(some):
    """Everything that can't be reached from outside the page over edges."""
    outside, front = set(), [(-1, -1)]
    while front:
        y, x = front.pop()
        if -1 <= y <= HEIGHT and -1 <= x <= WIDTH and (y, x) not in some | outside:
            outside.add((y, x))
            front += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    return PAGE - outside


def pieces(some):
    """Number of pieces, joined over edges and corners."""
    left, number = set(some), 0
    while left:
        number += 1
        front = [left.pop()]
        while front:
            y, x = front.pop()
            beside = left & {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
            left -= beside
            front += beside
    return number


def given_away(edit, before):
    named = [before[key] for key in edit.ids]
    region = frozenset.intersection(*named)
    if edit.region is not None:
        region = pixels_of(edit.region) & frozenset.union(*named)
    return {
        key: before[key] | region if key in edit.to else before[key] - region for key in edit.ids
    }


def merged(edit, before):
    kept = max(edit.ids, key=lambda key: (len(before[key]), -key))
    whole = frozenset.union(*(before[key] for key in edit.ids))
    return {key: whole if key == kept else None for key in edit.ids}


#: Instances that an edit changes, by set arithmetic; None where they vanish.
EXPECTED = {
    Merge: merged,
    Delete: lambda edit, _: dict.fromkeys(edit.ids),
    Repaint: lambda edit, _: {edit.id: pixels_of(edit.instance)},
    FillHoles: lambda edit, before: {edit.id: without_holes(before[edit.id])},
    Grow: lambda edit, before: {edit.id: near(before[edit.id], edit.pixels)},
    Shrink: lambda edit, before: {
        edit.id: before[edit.id] - near(PAGE - before[edit.id], edit.pixels)
    },
    GiveOverlap: given_away,
}


def check(edit, before, after, next_id):
    """What an edit did, judged without any code of the program."""
    if type(edit) in EXPECTED:
        exact = before | EXPECTED[type(edit)](edit, before)
        assert after == {key: some for key, some in exact.items() if some}
        return
    changed = {key for key in before | after if before.get(key) != after.get(key)}
    new = {key: after[key] for key in after if key not in before}
    assert set(new) == set(range(next_id, next_id + len(new)))
    if isinstance(edit, Add):
        assert (changed, new) == ({next_id}, {next_id: pixels_of(edit.instance)})
        return
    if isinstance(edit, AdoptDraw):
        assert changed <= set(edit.replaced) | set(new)
        left = [after[key] for key in {*edit.replaced, *new} if key in after]
        assert sorted(map(sorted, left)) == sorted(sorted(pixels_of(each)) for each in edit.taken)
        return
    assert changed == {edit.id, *new}
    parts = [after[edit.id], *new.values()]
    assert len(parts) >= 2
    assert sum(map(len, parts)) == len(before[edit.id])
    assert frozenset.union(*parts) == before[edit.id]
    assert len(parts[0]) == max(map(len, parts))
    if pieces(before[edit.id]) == 1:
        assert all(pieces(part) == 1 for part in parts)


def preview_of(session, edit):
    try:
        return session.preview(edit)
    except EditRefusedError:
        return None


@pytest.fixture(scope="module")
def prediction(make_prediction):
    """Two crossing bars, one of them with a hole, and a dot."""
    masks = np.zeros((3, HEIGHT, WIDTH), bool)
    masks[0, 2:7, 1:8] = True
    masks[0, 4, 3] = False
    masks[1, 1:9, 6:9] = True
    masks[2, 8, 0] = True
    made = make_prediction(list(masks))
    object.__setattr__(made, "settings", made.settings.model_copy(update={"min_size": 0}))
    return made


@settings(derandomize=True, deadline=None, max_examples=70)
@given(st.lists(st.one_of(edits, edits, st.sampled_from(["undo", "redo"])), max_size=12))
def test_any_sequence_of_edits_equals_sets_of_pixels(prediction, actions):
    session = CurationSession(prediction)
    done, undone = [state_of(session)], []
    next_id = 4
    for action in actions:
        before = done[-1]
        if action == "undo":
            if session.undo() is not None:
                undone.append(done.pop())
        elif action == "redo":
            if session.redo() is not None:
                done.append(undone.pop())
        else:
            preview = preview_of(session, action)
            if preview is None:
                with pytest.raises(EditRefusedError, match=r"\.$"):
                    session.apply(action)
            else:
                assert state_of(session) == before
                assert session.apply(action).ids == preview.ids
                check(action, before, state_of(session), next_id)
                next_id = max(next_id, *(key + 1 for key in preview.ids))
                done.append(state_of(session))
                undone.clear()
        assert state_of(session) == done[-1]
    while session.undo():
        done.pop()
        assert state_of(session) == done[-1]
    assert len(done) == 1
