"""How tools/active_learning.py takes images, and what it tells of the learning."""

from __future__ import annotations

import csv
from pathlib import Path

import active_learning
import learning_curves
import numpy as np
import pytest
import tifffile


@pytest.fixture
def study(tmp_path):
    plan = active_learning.Plan(1, 4, 1, 2, rounds=2, seeds=2, shape=(40, 48))
    for number, part in enumerate(active_learning.PARTS):
        n_images = getattr(plan, part)
        active_learning.write_images(tmp_path / part, n_images, number, plan.shape)
    return active_learning.Run(tmp_path, plan, ("sum",))


def test_images_differ_in_difficulty_and_are_the_same_for_the_same_seed():
    shape = (300, 300)
    drawn = [active_learning.draw_image((1, index), shape) for index in range(4)]
    again, _ = active_learning.draw_image((1, 2), shape)
    np.testing.assert_array_equal(drawn[2][0], again)
    assert len({len(truth) for _, truth in drawn}) > 1
    assert all(channels.shape == (2, *shape) for channels, _ in drawn)
    assert all(channels.max() <= 4095 for channels, _ in drawn)


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
    assert learning_curves.table(rows(), BY_IMAGE).splitlines()[2:] == [
        "| rank (sum of entropy) | 0 | 0 | 0.550 |  |",
        "| rank (sum of entropy) | 3 | 10 | 0.650 | +0.100 (+0.100 to +0.100) |",
        "| random | 0 | 0 | 0.450 |  |",
        "| random | 3 | 10 | 0.550 |  |",
    ]


def test_table_and_curves_go_into_the_page(tmp_path):
    study, docs = tmp_path / "study", tmp_path / "docs"
    study.mkdir()
    docs.mkdir()
    page = docs / "active-learning.md"
    page.write_text("before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n")
    (study / "learning.csv").write_text(learning_curves.as_csv(rows()))
    learning_curves.plot(rows(), study / "learning.svg")
    for _ in range(2):  # a second time nothing is doubled
        learning_curves.publish(rows(), BY_IMAGE, study, docs)
    text = page.read_text()
    assert text.startswith("before\n<!-- figures -->\n")
    assert text.endswith("<!-- end of figures -->\nafter\n")
    assert text.count("| random | 3 |") == 1
    assert "old" not in text
    assert (docs / "active-learning" / "learning.svg").read_text().startswith("<?xml")
    with (docs / "active-learning" / "learning.csv").open(newline="") as file:
        assert [row["dsb"] for row in csv.DictReader(file)][:2] == ["0.5000", "0.6000"]


def test_a_row_counts_the_worms_that_were_annotated(study):
    masks = np.zeros((2, 40, 48), np.uint8)
    masks[0, :4] = masks[1, 10:14] = 255
    tifffile.imwrite(study.folder / "pool" / "instances" / "synthetic_000.tif", masks)
    errors = {"false_merges": 1, "false_splits": 0, "misses": 2, "spurious": 0}
    scored = [{"dsb": 0.25, **errors}, {"dsb": 0.75, **errors}]
    # The other image has room for no worm: an empty page.
    row = study._row("sum", 1, 2, ["synthetic_000", "synthetic_001"], scored)
    assert (row["images"], row["instances"], row["dsb"], row["misses"]) == (2, 2, 0.5, 4)
