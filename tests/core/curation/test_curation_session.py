"""The session: edits, decisions, one history, observers; properties against a plain model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.curation.edits import (
    Add,
    Delete,
    FillHoles,
    Grow,
    Merge,
    Repaint,
    Shrink,
    SplitAlongLine,
    SplitBySeeds,
)
from napari_probinst.core.curation.replay import replay
from napari_probinst.core.curation.session import Change, CurationSession
from napari_probinst.core.errors import EditRefusedError, InputError, OutputError
from napari_probinst.core.instances import Instance

SHAPE = (12, 16)


@pytest.fixture(scope="session")
def small(make_prediction):
    """Prediction with min_size 0, so that few pixels are an instance."""

    def make(masks, peaks=(), shape=None):
        prediction = make_prediction(masks, peaks, shape)
        object.__setattr__(
            prediction, "settings", prediction.settings.model_copy(update={"min_size": 0})
        )
        return prediction

    return make


@pytest.fixture
def session(small):
    masks = ["####....", "..####..", "......##"]
    return CurationSession(small(masks, [(0, 2, (0, 1)), (0, 6, (2,)), (0, 3, (1,))]))


def test_ids_are_index_plus_one_and_small_ones_are_left_out(make_prediction):
    large, little = np.zeros((30, 30), bool), np.zeros((30, 30), bool)
    large[5:25, 5:25] = True
    little[:2, :2] = True
    session = CurationSession(make_prediction([little, large]))
    assert set(session.instances) == {2}
    session.apply(Delete((2,)))
    change = session.apply(Add(Instance.from_mask(large)))
    assert change.ids == (3,)


def test_ids_are_never_used_again(session):
    session.apply(Add(Instance.from_mask(np.ones((1, 1), bool))))
    session.undo()
    assert session.apply(Add(Instance.from_mask(np.ones((1, 1), bool)))).ids == (5,)
    session.undo()
    session.redo()
    assert 5 in session.instances


def test_overlapping_instances_are_found_lowest_id_first(session):
    assert session.instances_at(0, 3) == (1, 2)
    assert session.instances_at(0, 7) == (3,)
    assert session.instances_at(0, -1) == ()
    assert session.instances_at(5, 5) == ()
    assert session.instances_within((0, 5, 1, 7)) == (2, 3)
    session.apply(Delete((2,)))
    assert session.instances_at(0, 3) == (1,)
    assert session.instances_within((-9, -9, 9, 9)) == (1, 3)


def test_refused_edit_changes_nothing(session):
    heard = []
    session.subscribe(heard.append)
    with pytest.raises(EditRefusedError):
        session.apply(Merge((1, 1)))
    assert not session.modified
    assert not session.can_undo
    assert session.records == ()
    assert heard == []


def test_preview_changes_nothing(session):
    delta = session.preview(Merge((1, 2)))
    assert delta.ids == (1, 2)
    assert set(session.instances) == {1, 2, 3}
    assert not session.can_undo


def test_instances_can_not_be_changed_from_outside(session):
    with pytest.raises(TypeError):
        session.instances[1] = None
    with pytest.raises(ValueError, match="read-only"):
        session.instances[1].mask[0, 0] = False


def test_undo_covers_decisions_and_does_not_move(session):
    session.position = 1
    session.decide(1, "accepted")
    session.apply(Merge((1, 2)))
    session.position = 2
    assert session.undo().summary == "merge (1, 2)"
    assert session.undo().summary == "peak 2 accepted"
    assert session.status(1) == "open"
    assert session.undo() is None
    assert session.position == 2
    assert session.redo_step.summary == "peak 2 accepted"
    session.redo()
    session.redo()
    assert session.redo() is None
    assert session.status(1) == "accepted"
    assert set(session.instances) == {1, 3}


def test_key_that_fires_twice_does_no_harm(session):
    session.decide(0, "accepted")
    session.decide(0, "accepted")
    session.position = 0
    assert len(session.records) == 1


def test_changed_decision_is_undone_to_the_one_before(session):
    session.decide(0, "skipped")
    session.decide(0, "flagged")
    session.undo()
    assert session.status(0) == "skipped"


def test_observers_hear_what_changed_and_can_leave(session):
    heard = []
    leave = session.subscribe(heard.append)
    session.apply(Merge((1, 2)))
    session.decide(1, "accepted")
    session.undo()
    session.undo()
    leave()
    leave()
    session.redo()
    assert heard[0] == Change((1, 2), (0, 2, 1, 6), (0, 2))
    assert heard[1] == Change(peaks=(1,))
    assert heard[3] == heard[0]
    assert len(heard) == 4


def test_modified_follows_undo_back_to_the_saved_state(session):
    assert not session.modified
    session.apply(Delete((1,)))
    assert session.modified
    session.mark_saved()
    assert not session.modified
    session.undo()
    assert session.modified
    session.redo()
    assert not session.modified
    session.undo()
    session.apply(Delete((2,)))
    assert session.modified


def test_edited_peaks_are_touched_and_the_curator_stays(session):
    session.apply(Merge((1, 2)))
    assert session.position == 0
    assert [session.status(peak) for peak in range(3)] == ["touched", "open", "touched"]
    assert session.queue.next(0) == 1
    assert session.queue.next(1) is None


def test_edit_counts_where_it_mends(session):
    session.position = 1
    session.apply(Delete((1,)))
    assert session.undo_step.peak is None
    session.apply(Add(Instance.from_mask(np.ones((1, 1), bool), (0, 6))))
    assert session.undo_step.peak == 1
    session.decide(1, "accepted")
    session.decide(2, "accepted")
    found = session.statistics()
    assert (found.recent, found.recent_edited) == (2, 1)
    session.undo()
    session.undo()
    session.undo()
    assert session.statistics().recent == 0


def test_no_peaks_have_no_position(small):
    session = CurationSession(small(["##"]))
    assert session.position is None
    assert session.statistics().total == 0
    session.apply(Delete((1,)))
    assert session.current().instances == ()
    for wrong in (0, -1):
        with pytest.raises(IndexError):
            session.position = wrong
        with pytest.raises(IndexError):
            session.decide(wrong, "accepted")
        with pytest.raises(IndexError):
            session.status(wrong)


def test_prediction_without_instances(small):
    nothing = np.zeros((3, 4), bool)
    session = CurationSession(small([nothing]))
    assert dict(session.instances) == {}
    assert session.apply(Add(Instance.from_mask(np.ones((3, 4), bool)))).ids == (2,)


def test_step_that_can_not_be_recorded_does_not_happen(small):
    def full_disk(record):
        raise OutputError("the disk is full.")

    session = CurationSession(small(["##.."], [(0, 0, (0,))]), recorder=full_disk)
    with pytest.raises(OutputError):
        session.apply(Delete((1,)))
    with pytest.raises(OutputError):
        session.decide(0, "accepted")
    assert set(session.instances) == {1}
    assert session.status(0) == "open"
    assert session.records == ()


def test_records_carry_time_and_duration(session):
    session.apply(Delete((1,)))
    session.undo()
    assert all(record.time.endswith("+00:00") for record in session.records)
    assert all(record.duration >= 0 for record in session.records)


def test_replay_refuses_steps_that_do_not_fit(session, small):
    session.apply(Delete((1,)))
    session.undo()
    with pytest.raises(InputError, match="Step 1 "):
        replay(small(["#"]), session.records)
    with pytest.raises(InputError, match="Step 1 "):
        replay(session.prediction, session.records[1:])


# Any sequence of edits, undo and redo against full pages that are copied at every step.

KINDS = (
    *("merge", "line", "seeds", "delete", "add", "repaint", "fill", "grow", "shrink"),
    *("undo", "undo", "undo", "redo", "redo", "accepted", "skipped"),
)
sequences = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 9999)), max_size=15)


def blob(generator):
    y, x = generator.integers(0, (SHAPE[0] - 1, SHAPE[1] - 1))
    return Instance.from_mask(generator.random((SHAPE[0] - y, SHAPE[1] - x)) < 0.7, (y, x))


def make_action(session, kind, seed):
    """An edit that mostly makes sense for the current instances; other kinds as they are."""
    generator = np.random.default_rng(seed)
    ids = sorted(session.instances) or [1]
    some = int(generator.choice(ids))
    pixels = [(0, 0), (0, 1)]
    if some in session.instances:
        y0, x0 = session.instances[some].bbox[:2]
        pixels = [(int(y) + y0, int(x) + x0) for y, x in np.argwhere(session.instances[some].mask)]
    first, second = (pixels[index] for index in generator.integers(0, len(pixels), 2))
    (y0, x0), (y1, x1) = first, second
    other = int(generator.choice([*ids, 99]))
    across = ((2 * y0 - y1 - 9, 2 * x0 - x1), (y1 + 9, x1))
    edits = {
        "merge": Merge((some, other)),
        "line": SplitAlongLine(some, across),
        "seeds": SplitBySeeds(some, (first, second)),
        "delete": Delete((some,)),
        "add": Add(blob(generator)),
        "repaint": Repaint(some, blob(generator)),
        "fill": FillHoles(some),
        "grow": Grow(some, int(generator.integers(1, 3))),
        "shrink": Shrink(some, 1),
    }
    return edits.get(kind, kind)


def start_masks():
    """Three overlapping blobs, one of them with a hole."""
    masks = np.zeros((3, *SHAPE), bool)
    masks[0, 1:6, 1:12] = True
    masks[1, 4:11, 5:10] = True
    masks[1, 6:8, 7] = False
    masks[2, 8:10, 2:15] = True
    return list(masks)


def perform(session, action):
    """Whether the action took effect."""
    if action == "undo":
        return session.undo() is not None
    if action == "redo":
        return session.redo() is not None
    if isinstance(action, str):
        before = len(session.records)
        session.decide(0, action)
        return len(session.records) > before
    try:
        session.apply(action)
    except EditRefusedError:
        return False
    return True


@settings(derandomize=True, deadline=None, max_examples=80)
@given(sequences)
def test_any_sequence_equals_a_plain_model(small, pixels, sequence):
    session = CurationSession(small(start_masks(), [(2, 2, (0,)), (8, 8, (1, 2))]))
    original = pixels(session.instances, SHAPE)

    def state():
        return (pixels(session.instances, SHAPE), [session.status(peak) for peak in range(2)])

    done, undone = [state()], []
    for kind, seed in sequence:
        action = make_action(session, kind, seed)
        if perform(session, action):
            if action == "undo":
                undone.append(done.pop())
            elif action == "redo":
                done.append(undone.pop())
            else:
                before = done[-1][0]
                done.append(state())
                undone.clear()
                check_edit(action, before, done[-1][0], session.undo_step)
        assert state() == done[-1]
        assert session.can_undo == (len(done) > 1)
        assert session.can_redo == bool(undone)

    again = replay(session.prediction, session.records)
    assert pixels(again.instances, SHAPE) == done[-1][0]
    assert again.position == session.position
    assert again.statistics() == session.statistics()
    while session.undo():
        pass
    assert pixels(session.instances, SHAPE) == original


def check_edit(action, before, after, step):
    """What must hold for each edit, from full pages alone."""
    if isinstance(action, str):
        assert before == after
        return
    named = set(getattr(action, "ids", ())) | {getattr(action, "id", None)}
    new = set(after) - set(before)
    assert all(after[key] == before[key] for key in before if key not in named)
    assert all(number > max(before, default=0) for number in new)
    assert set(step.delta.ids) == {
        key for key in before | after if before.get(key) != after.get(key)
    }
    if isinstance(action, SplitAlongLine | SplitBySeeds):
        parts = [after[action.id], *(after[key] for key in new)]
        assert len(parts) >= 2
        assert frozenset.union(*parts) == before[action.id]
        assert sum(map(len, parts)) == len(before[action.id])
        assert len(parts[0]) == max(map(len, parts))
    if isinstance(action, Merge):
        kept = max(action.ids, key=lambda key: (len(before[key]), -key))
        assert after[kept] == frozenset.union(*(before[key] for key in action.ids))
