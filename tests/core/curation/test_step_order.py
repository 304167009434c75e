from __future__ import annotations

from napari_probinst.core.curation.history import DecisionStep
from napari_probinst.core.curation.records import Record, Redo, Undo, Visit
from napari_probinst.core.curation.step_order import StepOrder

IMAGES = ("a", "b")
STEP = DecisionStep(0, None, "accepted")


def records(*events):
    return [Record("2026-01-01T00:00:00.000Z", 1.0, event) for event in events]


def test_undo_and_redo_follow_the_steps_over_images():
    order = StepOrder()
    assert (order.last(IMAGES), order.next(IMAGES)) == (None, None)
    first, second = records(STEP), records(STEP, STEP)  # of an earlier sitting
    order.follow("a", first)
    order.follow("b", second)
    assert (order.last(IMAGES), order.next(IMAGES)) == (None, None)
    order.follow("a", first := [*first, *records(STEP, Visit(1), STEP)])
    order.follow("b", second := [*second, *records(Visit(0), STEP)])
    assert order.last(IMAGES) == "b"
    order.follow("b", second := [*second, *records(Undo())])
    assert (order.last(IMAGES), order.next(IMAGES)) == ("a", "b")
    order.follow("a", first := [*first, *records(Undo())])
    assert (order.last(IMAGES), order.next(IMAGES)) == ("a", "a")
    order.follow("a", first := [*first, *records(Undo())])
    assert (order.last(IMAGES), order.next(IMAGES)) == (None, "a")
    order.follow("a", first := [*first, *records(Redo(), Redo())])
    order.follow("b", second := [*second, *records(Redo())])
    assert (order.last(IMAGES), order.next(IMAGES)) == ("b", None)


def test_a_new_step_forgets_what_was_undone():
    order = StepOrder()
    order.follow("a", [])
    order.follow("a", records(STEP, Undo()))
    assert order.next(IMAGES) == "a"
    order.follow("b", [])
    order.follow("b", records(STEP))
    assert (order.last(IMAGES), order.next(IMAGES)) == ("b", None)


def test_undoing_older_steps_than_the_sitting():
    order = StepOrder()
    order.follow("a", older := records(STEP, STEP))
    order.follow("a", [*older, *records(Undo())])
    assert (order.last(IMAGES), order.next(IMAGES)) == (None, "a")
    order.follow("a", [*older, *records(Undo(), Redo())])
    assert (order.last(IMAGES), order.next(IMAGES)) == ("a", None)


def test_steps_of_a_session_that_is_gone_are_forgotten():
    order = StepOrder()
    order.follow("a", [])
    order.follow("b", [])
    order.follow("a", records(STEP, STEP))
    order.follow("b", records(STEP))
    order.follow("b", [])  # another session, begun anew
    assert order.last(IMAGES) == "a"
    order.forget("a")
    assert (order.last(IMAGES), order.next(IMAGES)) == (None, None)


def test_steps_of_images_that_are_not_in_the_queue_are_passed_over():
    order = StepOrder()
    for name in "abc":
        order.follow(name, [])
        order.follow(name, records(STEP))
    assert order.last(("a", "b", "c")) == "c"
    assert order.last(("a", "b")) == "b"
    order.follow("c", records(STEP, Undo()))
    assert order.next(("a", "b")) is None
