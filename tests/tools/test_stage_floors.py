"""Floors of stages, and the pages that tools/stage_floors.py writes."""

from __future__ import annotations

import pytest
import stage
import stage_floors


@pytest.fixture
def peaks():
    return stage.Peaks(network=200.0, float32=100.0, bandwidth=10.0)


def test_the_floor_is_the_larger_of_operations_and_bytes(peaks):
    computing = stage.Stage("mean shift", 8, seconds=4.0, operations=200.0, n_bytes=10.0)
    assert (computing.floor(peaks), computing.bound(peaks)) == (2.0, "operations")
    touching = stage.Stage("ranking", 1, seconds=4.0, operations=10.0, n_bytes=30.0)
    assert (touching.floor(peaks), touching.bound(peaks)) == (3.0, "memory")
    # The network has a peak of its own.
    network = stage.Stage("network", 8, 4.0, 200.0, 0.0, is_network=True)
    assert network.floor(peaks) == 1.0


def test_a_stage_far_above_its_floor_is_bound_by_neither(peaks):
    assert stage.Stage("grouping", 8, 20.0, 200.0, 0.0).bound(peaks) == "operations"
    assert stage.Stage("grouping", 8, 20.1, 200.0, 0.0).bound(peaks) == "neither"


def test_the_table_sums_times_and_floors(peaks):
    stages = [
        stage.Stage("mean shift", 8, 4.0, 200.0, 10.0, profile="`mm` 90%"),
        stage.Stage("ranking", 1, 0.5, 0.0, 0.1),
    ]
    rows = [line for line in stage_floors.stage_table(stages, 5.0, peaks) if line.startswith("| ")]
    assert rows[2:] == [
        "| mean shift | 8 | 4,000 ms | 2,000 ms | 2.0 | operations |",
        "| ranking | 1 | 500 ms | 10 ms | 50.0 | neither |",
        "| all of these |  | 4,500 ms | 2,010 ms | 2.2 |  |",
        "| image to ranked peaks, measured as one | 1 | 5,000 ms |  |  |  |",
    ]
    assert list(stage_floors.profile_table(stages))[-1] == "| mean shift | `mm` 90% |"


def test_the_first_way_is_what_others_are_compared_with():
    rows = list(stage_floors.comparison({"in turn": 2.0, "at once": 1.6}))
    assert rows[-2:] == ["| in turn | 2,000 ms | 1.00 |", "| at once | 1,600 ms | 1.25 |"]


def test_a_profile_names_where_the_time_goes():
    told = stage.profile_of(lambda: sorted(range(200_000), key=lambda each: -each))
    assert "`sorted`" in told
    assert told.count("%") == 3


def test_the_peaks_of_a_machine_are_measured():
    peaks = stage.measure_peaks(bfloat16=False, size=64, n_bytes=2**16)
    assert peaks.network == peaks.float32 > 1e6
    assert peaks.bandwidth > 1e6
