from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from napari_probinst.core.config import AugmentationConfig
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.network.coordinates import COORDINATE_UNIT
from napari_probinst.core.training.dataset import CropStream, TrainingImage

EXTENT = (48, 64)
STILL = AugmentationConfig(
    rotation="none", flips=False, scale=0, elastic_amplitude=0, focus=0, intensity=0, noise=0
)


def _with(config, section, **values):
    changed = getattr(config, section).model_copy(update=values)
    return config.model_copy(update={section: changed})


@pytest.fixture
def images(data, config):
    return [item.normalised(config) for item in data.training]


def _numbers(stream, n, **options):
    """First ``n`` batches of the stream through a DataLoader."""
    batches = []
    for batch in DataLoader(stream, **options):
        batches.append(batch)
        if len(batches) == n:
            return batches
    raise AssertionError("the stream ended")


def _same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_crop_has_the_stated_shapes(images, config):
    crop = CropStream(images, config, EXTENT).crop(0)
    assert crop.image.shape == (3, 32, 32)  # one channel and two coordinates
    assert crop.image.dtype == torch.float32
    assert crop.labels.shape == crop.classes.shape == (32, 32)
    assert set(torch.unique(crop.classes).tolist()) <= {0, 1, 2}
    assert ((crop.labels > 0) == (crop.classes == 1)).all()


def test_crop_number_i_is_always_the_same(images, config):
    stream = CropStream(images, config, EXTENT)
    fifth = stream.crop(5)
    torch.manual_seed(99)
    assert _same(fifth, CropStream(images, config, EXTENT, start=3).crop(5))
    assert not _same(fifth, stream.crop(6))


def test_another_seed_gives_other_crops(images, config):
    other = _with(config, "training", seed=1)
    assert not _same(
        CropStream(images, config, EXTENT).crop(0), CropStream(images, other, EXTENT).crop(0)
    )


def test_the_stream_counts_on_from_its_start(images, config):
    stream = CropStream(images, config, EXTENT, start=7)
    for number, crop in zip(range(7, 10), stream, strict=False):
        assert _same(crop, stream.crop(number))


@pytest.mark.parametrize("batch_size", [1, 2])
def test_workers_change_nothing(images, config, batch_size):
    config = _with(config, "training", batch_size=batch_size)
    stream = CropStream(images, config, EXTENT)
    alone = _numbers(stream, 3, batch_size=batch_size)
    helped = _numbers(stream, 3, batch_size=batch_size, num_workers=2)
    for first, second in zip(alone, helped, strict=True):
        assert _same(first, second)


def test_coordinates_stay_within_the_extent_and_reach_its_corners(images, config):
    stream = CropStream(images, _with(config, "network", coordinates="input"), EXTENT)
    grids = torch.stack([stream.crop(number).image[1:] for number in range(60)]) * COORDINATE_UNIT
    for axis, length in enumerate(EXTENT):
        values = grids[:, axis]
        assert values.min() >= -length / 2
        assert values.max() <= length / 2
        assert values.min() < -length / 2 + 3
        assert values.max() > length / 2 - 4
    steps = grids[:, 0, 1:] - grids[:, 0, :-1]
    torch.testing.assert_close(steps, torch.ones_like(steps), atol=1e-4, rtol=0)


def test_coordinates_that_are_only_added_begin_alike(images, config):
    stream = CropStream(images, config, EXTENT)
    for number in range(5):
        y, x = stream.crop(number).image[1:] * COORDINATE_UNIT
        assert y[0, 0] == x[0, 0] == -16
        assert y[-1, -1] == x[-1, -1] == 15


def test_without_coordinates_there_are_only_the_channels(images, config):
    config = _with(config, "network", coordinates="none")
    assert CropStream(images, config, EXTENT).crop(0).image.shape == (1, 32, 32)


def test_an_unchanged_crop_is_a_piece_of_the_image(data, config):
    config = config.model_copy(update={"augmentation": STILL})
    config = _with(config, "training", crop=56)
    masks = [np.zeros((56, 56), bool) for _ in range(2)]
    masks[0][10:20, 5:50], masks[1][5:40, 30:36] = True, True
    picture = np.random.default_rng(0).standard_normal((1, 56, 56)).astype(np.float32)
    image = TrainingImage("a", picture, InstanceSet.from_masks(masks, (56, 56)))
    crop = CropStream([image], config, EXTENT).crop(0)
    np.testing.assert_allclose(crop.image[0].numpy(), picture[0], atol=1e-4)
    np.testing.assert_array_equal(crop.classes.numpy(), np.sum(masks, axis=0))


def test_binning_averages_pixels_and_keeps_half_filled_ones():
    picture = np.arange(20, dtype=np.float32).reshape(1, 4, 5)  # the odd column is left out
    mask, speck = np.zeros((4, 5), bool), np.zeros((4, 5), bool)
    mask[0, 0:3] = True
    speck[3, 3] = True
    image = TrainingImage("a", picture, InstanceSet.from_masks([mask, speck], (4, 5)))
    binned = image.binned(2)
    np.testing.assert_array_equal(binned.channels, [[[3, 5], [13, 15]]])
    assert binned.truth.shape == (2, 2)
    np.testing.assert_array_equal(
        binned.truth.instances[0].full((2, 2)), [[True, False], [False, False]]
    )
    assert binned.truth.instances[1].area == 0
    assert image.binned(1) is image


def test_binned_crops_see_coordinates_of_the_whole_image(images, config):
    config = _with(config, "training", binning=2, crop=16)
    crop = CropStream(images, config, EXTENT).crop(0)
    steps = torch.diff(crop.image[1, :, 0]) * COORDINATE_UNIT
    torch.testing.assert_close(steps, torch.full((15,), 2.0), atol=1e-4, rtol=0)


def test_an_instance_lost_by_binning_is_no_focus(config):
    config = config.model_copy(update={"augmentation": STILL.model_copy(update={"focus": 1.0})})
    config = _with(config, "training", binning=2, crop=16)
    bar, speck = np.zeros((96, 96), bool), np.zeros((96, 96), bool)
    bar[60:70, 60:70], speck[90, 90] = True, True
    image = TrainingImage(
        "a", np.zeros((1, 96, 96), np.float32), InstanceSet.from_masks([bar, speck], (96, 96))
    )
    stream = CropStream([image], config, EXTENT)
    assert all(stream.crop(number).classes.any() for number in range(20))


def test_an_image_without_instances_gives_background(config):
    image = TrainingImage("a", np.zeros((1, 40, 40), np.float32), InstanceSet((40, 40), ()))
    crop = CropStream([image], config, EXTENT).crop(0)
    assert not crop.labels.any()
    assert not crop.classes.any()
