"""Simulated proofreading: curves by hand, and against scores of whole pages."""

import csv
import json

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.evaluation.average_precision import count_hits, mean_dsb
from napari_probinst.core.evaluation.orders import ORDERS
from napari_probinst.core.evaluation.simulate import SCORES, simulate
from napari_probinst.core.evaluation.simulation_report import write_simulation
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction

SHAPE = (12, 60)


def boxes(*spans):
    """Instances from (start, stop) in rows 4 to 7."""
    masks = [np.zeros(SHAPE, dtype=bool) for _ in spans]
    for mask, (start, stop) in zip(masks, spans, strict=True):
        mask[4:8, start:stop] = True
    return InstanceSet.from_masks(masks, SHAPE)


def predicted(name, *draws):
    instances = agglomerate([boxes(*draw) for draw in draws])
    return Prediction(name, instances, rank_peaks(instances), InferenceConfig(min_size=0))


@pytest.fixture
def pairs():
    """A false merge that two of eight draws see as two worms, and an image that is right."""
    merged, parted = [(0, 40)], [(0, 20), (20, 40)]
    sure = [(0, 12), (20, 32), (40, 52)]
    return [
        (predicted("A01", *[merged] * 6, *[parted] * 2), boxes((0, 20), (20, 40))),
        (predicted("A02", *[sure] * 8), boxes(*sure)),
    ]


def test_one_stop_mends_the_merge(pairs):
    simulation = simulate(pairs, (0, 1, 2))
    ours = simulation.curves["ours"]
    # IoU of the merge with the first worm is 0.5, which is no hit.
    assert [scores["dsb_image"] for scores in ours.by_stops] == [0.5, 1, 1]
    assert ours.by_stops[0]["precision"] == 0.75
    assert ours.by_stops[0]["recall80"] == 0.6
    assert ours.corrected == (0, 2, 2)
    assert simulation.gain("ours", "stops", 1) == 0.5


def test_corrected_instances_are_never_more_than_told(pairs):
    ours = simulate(pairs, (0, 2)).curves["ours"]
    # The stop corrects two instances at once, so that with one nothing is done yet.
    assert [scores["dsb_image"] for scores in ours.by_corrected] == [0.5, 0.5, 1]


def test_order_that_knows_the_merge_gains_more_than_random(pairs):
    simulation = simulate(pairs, (0, 1))
    assert simulation.gain("largest", "stops", 1) == 0.5
    assert 0 < simulation.gain("random", "stops", 1) < 0.5
    assert simulation.gain("greedy oracle", "stops", 1) == 0.5


def test_share_is_of_the_oracle_with_as_many_corrected_instances(pairs):
    simulation = simulate(pairs, (0, 2))
    assert simulation.gain("oracle", "corrected", 2) == 0.5
    assert simulation.share("ours", "stops", 1) == 0.5 / simulation.gain("oracle", "corrected", 1)
    assert simulation.share("ours", "stops", 0) is None
    assert simulation.share("ours", "corrected", 2) == 1


def test_everything_corrected_is_the_truth():
    rng = np.random.default_rng(0)
    pairs = []
    for index in range(3):
        draws = [[(x, x + int(rng.integers(6, 16))) for x in range(0, 44, 14)] for _ in range(4)]
        pairs.append((predicted(f"A0{index}", *draws), boxes((0, 12), (14, 26), (42, 54))))
    simulation = simulate(pairs, (0, 12))
    start = mean_dsb([count_hits(p.binary(), truth) for p, truth in pairs])
    for order in ("oracle", "random", "largest"):
        scores = simulation.scores(order, "stops")
        assert scores[0]["dsb_image"] == pytest.approx(start)
        assert scores[-1] == dict.fromkeys(SCORES, 1)


def test_same_seed_same_curves(pairs):
    first, again = simulate(pairs, (0, 1), seed=3), simulate(pairs, (0, 1), seed=3)
    assert first.curves["random"] == again.curves["random"]


def test_without_draws_that_differ_there_is_nothing_to_visit():
    simulation = simulate([(predicted("A01", [(0, 8)]), boxes((0, 20)))], (0, 3))
    assert simulation.gain("ours", "stops", 3) == 0
    assert simulation.gain("oracle", "stops", 3) == 1


def test_nothing_predicted():
    simulation = simulate([(predicted("A01", []), boxes((0, 20)))], (0, 1))
    assert simulation.gain("oracle", "stops", 1) == 1
    assert simulation.gain("largest", "stops", 1) == 0


def test_all_orders_in_plain_values(pairs):
    plain = simulate(pairs, (0, 1)).to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert list(plain["orders"]) == list(ORDERS)
    (start, end) = plain["orders"]["ours"]["table"]["stops"]
    assert (start["stops"], start["gain"], start["share_of_oracle"]) == (0, 0, None)
    assert (end["stops"], end["gain"], end["dsb_image"]) == (1, 0.5, 1)


def test_report(pairs, tmp_path):
    page = write_simulation(simulate(pairs, (0, 1)), tmp_path / "new" / "report")
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "curves.png",
        "report.csv",
        "report.json",
        "report.md",
    ]
    assert "| 1 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 |" in page.read_text()
    assert "| ours | +0.5000 (" in page.read_text()
    rows = list(csv.DictReader((page.parent / "report.csv").read_text().splitlines()))
    assert len(rows) == len(ORDERS) * 2 * 2
    assert rows[1]["order"] == "ours"
    assert float(rows[1]["dsb_image"]) == 1
    assert json.loads((page.parent / "report.json").read_text())["ranking"] == "mass"
    assert (page.parent / "curves.png").read_bytes().startswith(b"\x89PNG")
