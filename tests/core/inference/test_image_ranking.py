from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.image_ranking import (
    IMAGE_COLUMNS,
    ImageUncertainty,
    image_uncertainty,
    rank_images,
    rank_results,
    write_images,
)
from napari_probinst.core.instances import (
    Instance,
    InstanceSet,
    Peak,
    ProbabilisticInstance,
    ProbabilisticInstances,
)
from napari_probinst.core.prediction import Prediction

SETTINGS = InferenceConfig(n_draws=4, min_size=2, probability_threshold=0.5, existence_threshold=0)


def prediction(name, *counts, n_draws=4, n_peaks=0):
    """Instances with these counts, each in the top left corner of an image of 5 x 6 pixels."""
    draws = tuple(InstanceSet((5, 6), ()) for _ in range(n_draws))
    instances = tuple(
        ProbabilisticInstance((0, 0, *np.shape(crop)), np.uint8(crop), (None,) * n_draws)
        for crop in counts
    )
    peaks = tuple(
        Peak(0, 0, (0,), 0.5, 1.0, rank + 1, "merge", "2 of 4") for rank in range(n_peaks)
    )
    return Prediction(name, ProbabilisticInstances((5, 6), instances, draws), peaks, SETTINGS)


def test_by_hand():
    """Votes of half the draws weigh ln 2, those of a quarter 0.562; pixels of no draw nothing."""
    found = image_uncertainty(prediction("a", [[4, 2], [0, 1]], [[2, 2]], [[1]], n_peaks=3), 1.5)
    quarter = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    total = 3 * math.log(2) + 2 * quarter
    assert (found.image, found.n_instances, found.n_peaks, found.seconds) == ("a", 2, 3, 1.5)
    assert found.entropy == pytest.approx(total)
    assert found.mean_entropy == pytest.approx(total / 6)


def test_agreement_and_emptiness_are_certain():
    for certain in (prediction("a", [[4, 4], [4, 0]]), prediction("b")):
        found = image_uncertainty(certain)
        assert (found.entropy, found.mean_entropy, found.seconds) == (0, 0, None)


def test_one_draw_has_no_doubt():
    assert image_uncertainty(prediction("a", [[1, 1]], n_draws=1)).entropy == 0


def image(name, entropy, mean):
    return ImageUncertainty(name, 1, 1, entropy, mean)


def test_order_and_ties():
    crowded, faint = image("crowded", 90.0, 0.1), image("faint", 5.0, 0.6)
    twins = [image("c", 7.0, 0.3), image("b", 7.0, 0.3)]
    images = [*twins, faint, crowded]
    assert [one.image for one in rank_images(images)] == ["crowded", "b", "c", "faint"]
    assert [one.image for one in rank_images(images, "mean")] == ["faint", "b", "c", "crowded"]
    assert rank_images([]) == []


def test_results_in_a_folder(tmp_path):
    for one in (prediction("calm", [[4, 4]]), prediction("wild", [[2, 2]])):
        save_prediction(one, tmp_path / f"{one.name}.prediction.npz")
    assert [one.image for one in rank_results(tmp_path)] == ["wild", "calm"]
    (tmp_path / "bad.prediction.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"bad\.prediction\.npz"):
        rank_results(tmp_path)
    with pytest.raises(InputError, match="holds no results"):
        rank_results(tmp_path / "absent")


def test_the_table_holds_what_was_ranked(tmp_path):
    write_images([ImageUncertainty("a, b", 3, 2, 1 / 3, 0.25, 12.345), image("=c", 0.0, 0.0)],
                 tmp_path / "t.csv")  # fmt: skip
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        columns, *rows = csv.reader(file)
    assert tuple(columns) == IMAGE_COLUMNS
    assert rows == [["a, b", "3", "2", "0.333333333", "0.25", "12.35"],
                    ["'=c", "1", "1", "0", "0", ""]]  # fmt: skip


def test_masks_of_draws_do_not_count():
    """Only the votes do: instances of the draws are there for other uses."""
    drawn = InstanceSet((5, 6), (Instance.from_mask(np.ones((2, 2), bool)),))
    instances = ProbabilisticInstances((5, 6), (), (drawn,) * 4)
    assert image_uncertainty(Prediction("a", instances, ())).entropy == 0
