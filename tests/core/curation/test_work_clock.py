"""The clock of the work: idle time and pauses are left out, and it never runs backwards."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.curation.work_clock import WorkClock


class Wall:
    """A clock that is set by hand."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def clock(wall):
    return WorkClock(idle_limit=60, now=wall)


def test_it_stands_until_the_first_sign_and_after_the_limit(clock, wall):
    wall.seconds += 500
    assert (clock(), clock.idle) == (0, True)
    clock.touch()
    wall.seconds += 20
    assert (clock(), clock.idle) == (20, False)
    clock.touch()
    wall.seconds += 300
    assert (clock(), clock.idle) == (80, True)
    clock.touch()
    assert (clock(), clock.idle) == (80, False)


def test_a_pause_stays_whatever_happens(clock, wall):
    clock.touch()
    wall.seconds += 10
    clock.pause()
    wall.seconds += 10
    clock.touch()
    clock.stop()
    clock.touch()
    wall.seconds += 10
    assert (clock(), clock.paused, clock.idle) == (10, True, False)
    clock.resume()
    wall.seconds += 5
    assert (clock(), clock.paused) == (15, False)


def test_it_stops_while_the_work_is_elsewhere(clock, wall):
    clock.touch()
    wall.seconds += 10
    clock.stop()
    wall.seconds += 30
    assert clock() == 10
    clock.touch()
    wall.seconds += 1
    assert clock() == 11


@settings(max_examples=30, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["touch", "stop", "pause", "resume"]),
            st.floats(-50, 500, allow_nan=False),
        )
    )
)
def test_it_never_runs_backwards_nor_faster_than_time(events):
    wall = Wall()
    clock = WorkClock(idle_limit=60, now=wall)
    before, passed = 0.0, 0.0
    for event, seconds in events:
        getattr(clock, event)()
        wall.seconds += seconds
        passed += max(seconds, 0)
        assert before <= clock() + 1e-9
        assert clock() <= passed + 1e-9
        # A wall that goes back is caught at the next sign.
        clock.touch()
        before = clock()


def test_durations_and_the_time_worked_are_the_clock_s(make_prediction, clock, wall):
    session = CurationSession(make_prediction(["##.", ".##"], [(0, 0, (0,)), (1, 0, (1,))]))
    session.clock = clock
    clock.touch()
    wall.seconds += 7
    session.decide(0, "accepted")
    clock.touch()
    wall.seconds += 1000
    session.decide(1, "flagged")
    assert [record.duration for record in session.records] == [7, 60]
    clock.touch()
    wall.seconds += 2
    assert session.worked == pytest.approx(69)
    again = CurationSession(session.prediction)
    again.restore(session.records)
    again.clock = WorkClock(now=wall)
    assert again.worked == pytest.approx(67)
