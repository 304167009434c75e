from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_probinst.core.config import ChannelConfig, NetworkConfig
from napari_probinst.core.data.io import Image
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.network.calibration import Calibration
from napari_probinst.core.network.checkpoint import Model
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet
from napari_probinst.core.training.calibrate import (
    ContourSample,
    calibrate,
    fit_calibration,
    fit_overlap,
)
from napari_probinst.core.training.sources import LabelledImage


def _sample(share, threshold, seed=0):
    """Pixels of which those with log-odds beyond the threshold, and few others, are true."""
    log_odds = np.random.default_rng(seed).normal(0, 3, 4000)
    noise = np.random.default_rng(seed + 1).normal(0, 0.3, 4000)
    return ContourSample(share, log_odds, log_odds + noise > threshold)


def _samples(n, line):
    return [
        _sample(share, line(share), seed) for seed, share in enumerate(np.linspace(0.1, 0.3, n))
    ]


def test_fit_finds_the_line_that_the_truth_follows():
    samples = _samples(20, lambda share: -2 + 10 * share)
    fitted = fit_calibration(samples)
    assert fitted.slope == pytest.approx(10, rel=0.25)
    assert (fitted.least_share, fitted.largest_share) == (0.1, pytest.approx(0.3))

    def mean_iou(offset, slope):
        return np.mean([sample.iou(offset + slope * sample.share) for sample in samples])

    assert mean_iou(fitted.offset, fitted.slope) > mean_iou(0, 0) + 0.03
    assert mean_iou(fitted.offset, fitted.slope) > 0.93 * mean_iou(-2, 10)


def test_fit_is_as_good_as_the_best_of_a_grid_of_constants():
    samples = _samples(4, lambda _: 1.0)
    fitted = fit_calibration(samples)
    assert fitted.slope == 0

    def soft_iou(shift):
        values = []
        for sample in samples:
            p = 1 / (1 + np.exp(shift - sample.log_odds))
            common = (p * sample.truth).sum()
            values.append(common / (p + sample.truth - p * sample.truth).sum())
        return np.mean(values)

    grid = np.linspace(-3, 3, 301)
    best = grid[np.argmax([soft_iou(shift) for shift in grid])]
    assert fitted.offset == pytest.approx(best, abs=0.02)


def test_equal_shares_give_an_offset_alone():
    samples = [_sample(0.2, 0.5, seed) for seed in range(12)]
    assert fit_calibration(samples).slope == 0


def _crossings(log_odds, overlap):
    nothing = np.zeros(0)
    return ContourSample(0.1, nothing, nothing.astype(bool), np.array(log_odds), np.array(overlap))


def test_overlaps_that_a_training_weighed_ten_times_are_weighed_once_again():
    """The odds that a weighted cross-entropy learns are ten times the true ones."""
    true_odds = np.random.default_rng(0).normal(-3, 2, 20_000)
    overlap = np.random.default_rng(1).random(20_000) < 1 / (1 + np.exp(-true_odds))
    samples = [
        _crossings(true_odds[part] + np.log(10), overlap[part])
        for part in (slice(0, 5000), slice(5000, None))
    ]
    assert fit_overlap(samples) == pytest.approx(-np.log(10), abs=0.05)


def test_as_many_overlaps_are_expected_as_there_are():
    log_odds = [2.0, 1.0, 0.0, -1.0]
    shift = fit_overlap([_crossings(log_odds, [True, False, False, False])])
    assert np.sum(1 / (1 + np.exp(-(np.array(log_odds) + shift)))) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("overlap", [[False, False], [True, True], []])
def test_without_overlaps_or_with_nothing_else_there_is_no_shift(overlap):
    assert fit_overlap([_crossings([0.5] * len(overlap), overlap)]) == 0


@pytest.mark.parametrize("binning", [1, 2])
def test_calibrating_a_model_brings_its_foreground_closer(labelled, binning):
    torch.manual_seed(0)
    config = NetworkConfig(
        channels=(ChannelConfig(name="c"),), filters=2, levels=2, embedding_dimensions=2
    )
    network = UNet(config).eval()
    torch.nn.init.zeros_(network.head.weight)
    network.head.bias.data.zero_()
    # The first class, background, falls with the intensity, and begins to too late.
    network.head.bias.data[-3] = 3.0
    header = ModelHeader(network=config, extent=(40, 56), binning=binning)
    images = [labelled(str(seed), seed) for seed in range(3)]
    result = calibrate(Model(network, header), images)
    assert result.n_samples == 3
    assert result.before == 0
    assert result.after > 0
    has_one = header.model_copy(update={"calibration": result.calibration})
    assert calibrate(Model(network, has_one), images).calibration == result.calibration


def test_contours_that_a_fit_makes_worse_stay_as_they_are(labelled, monkeypatch):
    torch.manual_seed(0)
    config = NetworkConfig(channels=(ChannelConfig(name="c"),), filters=2, levels=2)
    model = Model(UNet(config).eval(), ModelHeader(network=config, extent=(40, 56)))
    monkeypatch.setattr(
        "napari_probinst.core.training.calibrate.fit_calibration",
        lambda samples: Calibration(offset=50.0),
    )
    result = calibrate(model, [labelled("a", 0)])
    assert result.before > 0
    assert (result.after, result.calibration.offset) == (result.before, 0)


def test_images_without_instances_are_refused():
    config = NetworkConfig(channels=(ChannelConfig(name="c"),), filters=2, levels=2)
    empty = LabelledImage(
        Image("a", np.zeros((1, 8, 8), np.uint16), ("c",)), InstanceSet((8, 8), ())
    )
    with pytest.raises(InputError, match="no instance at all"):
        calibrate(Model(UNet(config).eval(), ModelHeader(network=config)), [empty])


def test_a_line_of_a_header_is_read_again():
    line = Calibration(offset=1.5, slope=-2, least_share=0, largest_share=1)
    header = ModelHeader(calibration=line)
    assert ModelHeader.model_validate_json(header.model_dump_json()).calibration == line
