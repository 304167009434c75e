"""How tools/active_learning.py takes images, and what it tells of the learning."""

from __future__ import annotations

import csv
from pathlib import Path

import active_learning
import learning_curves
import numpy as np
import pytest
import study_images
import tifffile


@pytest.fixture
def study(tmp_path):
    plan = active_learning.Plan(1, 4, 1, 2, rounds=2, seeds=2, shape=(40, 48))
    screen = study_images.SCREENS["rare"]
    for part in study_images.PARTS:
        n_images = getattr(plan, part)
        study_images.write_images(tmp_path / part, screen, part, n_images, plan.shape)
    return active_learning.Run(tmp_path, plan, ("sum",), screen)


def test_mixed_images_differ_in_difficulty_and_are_the_same_for_the_same_arguments():
    screen, shape = study_images.SCREENS["mixed"], (300, 300)
    drawn = [screen.draw("pool", index, shape) for index in range(4)]
    again, _ = screen.draw("pool", 2, shape)
    np.testing.assert_array_equal(drawn[2][0], again)
    assert len({len(truth) for _, truth in drawn}) > 1
    assert all(channels.shape == (2, *shape) for channels, _ in drawn)
    assert all(channels.max() <= 4095 for channels, _ in drawn)


def test_rare_images_hold_as_many_worms_but_larger_ones():
    screen, shape = study_images.SCREENS["rare"], (400, 400)
    rare, *common = [screen.draw("held_back", index, shape)[1] for index in (0, 1, 3)]
    assert [len(truth) for truth in (rare, *common)] == [6, 6, 6]
    smallest = min(each.mask.sum() for each in rare.instances)
    assert all(each.mask.sum() < smallest for truth in common for each in truth.instances)
    assert [screen.is_rare("pool", index) for index in range(6)] == [True, *[False] * 4, True]
    assert not any(screen.is_rare("start", index) for index in range(6))


def test_a_training_folder_holds_the_first_images_and_those_taken(study):
    study._lay_out(study.folder / "data", ["synthetic_001", "synthetic_003"])
    for kind in ("images", "instances"):
        names = sorted(path.name for path in (study.folder / "data" / kind).iterdir())
        assert names == ["start_synthetic_000.tif", "synthetic_001.tif", "synthetic_003.tif"]


def test_a_random_order_takes_each_image_once(study):
    taken = study._next("random", 0, Path("model"), [], Path("results"))
    rest = study._next("random", 0, Path("model"), taken, Path("results"))
    assert len(set(taken + rest)) == 4
    assert taken == study._next("random", 0, Path("model"), [], Path("results"))
    assert taken != study._next("random", 1, Path("model"), [], Path("results"))


def test_a_ranked_order_takes_the_first_that_are_left(study, monkeypatch):
    def rank(command, *arguments):
        if command == "rank":
            names = ["synthetic_002", "synthetic_000", "synthetic_003", "synthetic_001"]
            path = arguments[arguments.index("--output") + 1]
            path.parent.mkdir(parents=True)
            path.write_text("\n".join(["image,entropy", *(f"{name},1" for name in names)]))

    monkeypatch.setattr(active_learning, "run", rank)
    taken = study._next("sum", 0, Path("model"), ["synthetic_002"], study.folder / "results")
    assert taken == ["synthetic_000", "synthetic_003"]


def rows():
    errors = dict.fromkeys(learning_curves.ERRORS, 1)
    return [
        {"order": order, "seed": seed, "round": number, "images": 3 * number, "taken": ""}
        | {"rare": 2 * number * (order == "sum")}
        | {"instances": 10 * number + seed, "dsb": dsb + 0.1 * seed + 0.1 * number}
        | errors
        for order, dsb in (("sum", 0.5), ("random", 0.4))
        for seed in range(2)
        for number in range(2)
    ]


BY_IMAGE = {
    ("sum", 0): np.array([0.5, 0.6]),
    ("sum", 1): np.array([0.6, 0.7]),
    ("random", 0): np.array([0.5, 0.6]),
    ("random", 1): np.array([0.5, 0.6]),
}


def test_the_table_tells_the_gain_over_a_random_order():
    alike = np.array([False, False])
    assert learning_curves.table(rows(), BY_IMAGE, alike).splitlines()[2:] == [
        "| rank (sum of entropy) | 0 | 0 | 0.550 |  |",
        "| rank (sum of entropy) | 3 | 10 | 0.650 | +0.100 (+0.100 to +0.100) |",
        "| random | 0 | 0 | 0.450 |  |",
        "| random | 3 | 10 | 0.550 |  |",
    ]


def test_the_table_tells_of_a_rare_kind_apart():
    lines = learning_curves.table(rows(), BY_IMAGE, np.array([True, False])).splitlines()
    assert lines[3].startswith("| rank (sum of entropy) | 3 | 2.0 | 10 | 0.700 | 0.600 | 0.650 |")
    assert lines[5] == "| random | 3 | 0.0 | 10 | 0.600 | 0.500 | 0.550 |  |"


def test_table_and_curves_go_into_the_page(tmp_path):
    study, docs = tmp_path / "study", tmp_path / "docs"
    study.mkdir()
    docs.mkdir()
    page = docs / "active-learning.md"
    other = "<!-- figures: mixed -->\nolder\n<!-- end of figures -->\n"
    page.write_text(f"before\n<!-- figures: rare -->\nold\n<!-- end of figures -->\n{other}after\n")
    (study / "learning.csv").write_text(learning_curves.as_csv(rows()))
    (study / "learning.md").write_text(learning_curves.table(rows(), BY_IMAGE, np.zeros(2, bool)))
    learning_curves.plot(rows(), study / "learning.svg")
    for _ in range(2):  # a second time nothing is doubled
        learning_curves.publish(study, docs, "rare")
    text = page.read_text()
    assert text.startswith("before\n<!-- figures: rare -->\n")
    assert text.endswith(f"<!-- end of figures -->\n{other}after\n")
    assert text.count("| random | 3 |") == 1
    assert "old\n" not in text
    assert (docs / "active-learning" / "rare.svg").read_text().startswith("<?xml")
    with (docs / "active-learning" / "rare.csv").open(newline="") as file:
        assert [row["dsb"] for row in csv.DictReader(file)][:2] == ["0.5000", "0.6000"]


def test_a_row_counts_the_worms_that_were_annotated(study):
    masks = np.zeros((2, 40, 48), np.uint8)
    masks[0, :4] = masks[1, 10:14] = 255
    tifffile.imwrite(study.folder / "pool" / "instances" / "synthetic_000.tif", masks)
    errors = {"false_merges": 1, "false_splits": 0, "misses": 2, "spurious": 0}
    scored = [{"dsb": 0.25, **errors}, {"dsb": 0.75, **errors}]
    # The other image has room for no worm: an empty page.
    row = study._row("sum", 1, 2, ["synthetic_000", "synthetic_001"], scored)
    assert (row["images"], row["rare"], row["instances"]) == (2, 1, 2)
    assert (row["dsb"], row["misses"]) == (0.5, 4)
