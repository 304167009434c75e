from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_probinst.core.config import AugmentationConfig, ChannelConfig
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.network.normalisation import ABSENT
from napari_probinst.core.training.augmentation import (
    PackedMasks,
    change_intensity,
    sample_image,
    source_coordinates,
)

NOTHING = AugmentationConfig(
    rotation="none", flips=False, scale=0, elastic_amplitude=0, focus=0, intensity=0, noise=0
)


def _random_masks(n, shape=(9, 13), seed=0):
    generator = np.random.default_rng(seed)
    return [generator.random(shape) < 0.04 for _ in range(n)]


def _targets_one_by_one(masks, shape):
    cover = np.sum(masks, axis=0) if masks else np.zeros(shape, int)
    labels = np.zeros(shape, int)
    for index, mask in enumerate(masks):
        labels[mask & (cover == 1)] = index + 1
    return labels, np.minimum(cover, 2)


@pytest.mark.parametrize("n", [0, 1, 2, 62, 63, 64, 65, 126, 127, 200])
def test_packed_masks_are_exact(n):
    masks = _random_masks(n)
    packed = PackedMasks.pack(InstanceSet.from_masks(masks, (9, 13)))
    labels, classes = packed.targets()
    expected = _targets_one_by_one(masks, (9, 13))
    np.testing.assert_array_equal(labels, expected[0])
    np.testing.assert_array_equal(classes, expected[1])


def test_sampling_equals_sampling_each_mask():
    masks = _random_masks(130)
    packed = PackedMasks.pack(InstanceSet.from_masks(masks, (9, 13)))
    generator = np.random.default_rng(5)
    y, x = generator.integers(-3, 12, (6, 6)), generator.integers(-3, 16, (6, 6))
    padded = [np.pad(mask, 4) for mask in masks]
    expected = _targets_one_by_one([page[y + 4, x + 4] for page in padded], (6, 6))
    labels, classes = packed.sample(y, x).targets()
    np.testing.assert_array_equal(labels, expected[0])
    np.testing.assert_array_equal(classes, expected[1])


def test_overlap_survives_a_rotation():
    first, second = np.zeros((41, 41), bool), np.zeros((41, 41), bool)
    first[18:23, 5:36], second[5:36, 18:23] = True, True
    packed = PackedMasks.pack(InstanceSet.from_masks([first, second], (41, 41)))
    config = NOTHING.model_copy(update={"rotation": "any"})
    source = np.rint(source_coordinates((41, 41), 41, config, np.random.default_rng(2)))
    _, classes = packed.sample(*source.astype(np.intp)).targets()
    # 5 x 5 pixels of crossing, turned by any angle, on the pixel grid.
    assert np.count_nonzero(classes == 2) == pytest.approx(25, abs=6)


def test_nothing_switched_on_is_the_identity():
    source = source_coordinates((7, 7), 7, NOTHING, np.random.default_rng(0))
    np.testing.assert_array_equal(source, np.indices((7, 7)))
    image = np.random.default_rng(0).standard_normal((2, 7, 7)).astype(np.float32)
    np.testing.assert_allclose(sample_image(image, source), image, atol=1e-5)
    np.testing.assert_array_equal(
        change_intensity(image, _channels(), NOTHING, np.random.default_rng(0)), image
    )


@pytest.mark.parametrize("crop", [5, 8])
def test_a_crop_lies_inside_a_larger_image(crop):
    for seed in range(50):
        source = source_coordinates((20, 11), crop, NOTHING, np.random.default_rng(seed))
        assert source[0].min() >= 0
        assert source[0].max() <= 19
        assert source[1].min() >= 0
        assert source[1].max() <= 10


def test_a_small_image_lies_inside_its_crop():
    for seed in range(20):
        source = source_coordinates((3, 4), 16, NOTHING, np.random.default_rng(seed))
        for axis, length in enumerate((3, 4)):
            assert source[axis].min() <= 0
            assert source[axis].max() >= length - 1


def test_rotation_keeps_distances_and_scale_changes_them():
    generator = np.random.default_rng(0)
    turned = NOTHING.model_copy(update={"rotation": "any", "flips": True})
    for _ in range(5):
        source = source_coordinates((40, 40), 9, turned, generator).astype(float)
        assert np.linalg.norm(source[:, 0, 0] - source[:, 0, 8]) == pytest.approx(8, abs=1e-4)
        assert np.linalg.norm(source[:, 0, 0] - source[:, 8, 0]) == pytest.approx(8, abs=1e-4)
    scaled = NOTHING.model_copy(update={"scale": 0.2})
    lengths = [
        float(np.ptp(source_coordinates((40, 40), 9, scaled, generator)[0])) for _ in range(30)
    ]
    assert 8 * 0.8 <= min(lengths) < 7.5
    assert 8.5 < max(lengths) <= 8 * 1.2 + 1e-4


@pytest.mark.parametrize("crop", [4, 5])
def test_right_angles_keep_the_pixels_as_they_are(crop):
    config = NOTHING.model_copy(update={"rotation": "right", "flips": True})
    image = np.random.default_rng(0).standard_normal((1, 20, 11)).astype(np.float32)
    generator = np.random.default_rng(3)
    seen = set()
    for _ in range(60):
        source = source_coordinates((20, 11), crop, config, generator)
        y, x = source.astype(int)
        np.testing.assert_array_equal(source, [y, x])
        assert len({*zip(y.flat, x.flat, strict=True)}) == crop * crop
        np.testing.assert_allclose(sample_image(image, source), image[:, y, x], atol=1e-5)
        first, second = source[:, 1, 0] - source[:, 0, 0], source[:, 0, 1] - source[:, 0, 0]
        seen.add((*first.tolist(), *second.tolist()))
    # Which way the first axis goes, and then the second: all eight orientations.
    assert len(seen) == 8


def test_half_of_the_crops_are_mirrored():
    config = NOTHING.model_copy(update={"flips": True})
    generator = np.random.default_rng(0)
    mirrored = 0
    for _ in range(200):
        source = source_coordinates((40, 40), 5, config, generator)
        mirrored += source[1, 0, 0] > source[1, 0, 4]
    assert 70 <= mirrored <= 130


def test_the_deformation_is_smooth_and_of_the_stated_size():
    config = NOTHING.model_copy(update={"elastic_amplitude": 2.5, "elastic_sigma": 20.0})
    shifts = np.stack(
        [
            source_coordinates((128, 128), 128, config, np.random.default_rng(seed))
            - np.indices((128, 128))
            for seed in range(8)
        ]
    )
    assert 1.5 < shifts.std() < 3.0
    assert np.abs(np.diff(shifts, axis=-1)).max() < 1.5


def test_binned_images_are_deformed_less():
    config = NOTHING.model_copy(update={"elastic_amplitude": 4.0, "elastic_sigma": 40.0})
    spread = [
        np.std(
            source_coordinates((64, 64), 64, config, np.random.default_rng(3), unit=unit)
            - np.indices((64, 64))
        )
        for unit in (1.0, 2.0)
    ]
    assert spread[1] < spread[0]


def test_focus_stays_near():
    for seed in range(20):
        source = source_coordinates(
            (100, 100), 21, NOTHING, np.random.default_rng(seed), focus=(30.0, 60.0)
        )
        assert abs(source[0, 10, 10] - 30) <= 5
        assert abs(source[1, 10, 10] - 60) <= 5


def test_the_same_generator_gives_the_same_crop():
    crops = [
        source_coordinates((50, 60), 16, AugmentationConfig(), np.random.default_rng(4))
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*crops)


def test_image_sampling_is_scipys_bilinear_interpolation():
    generator = np.random.default_rng(0)
    image = generator.standard_normal((2, 11, 8)).astype(np.float32)
    source = generator.uniform(0, 1, (2, 5, 5)) * np.array([10, 7])[:, None, None]
    source = source.astype(np.float32)
    expected = [ndimage.map_coordinates(page, source, order=1) for page in image]
    np.testing.assert_allclose(sample_image(image, source), expected, atol=1e-4)


def test_outside_an_image_everything_is_absent():
    source = np.full((2, 3, 3), -50, dtype=np.float32)
    assert (sample_image(np.ones((1, 4, 4), np.float32), source) == ABSENT).all()


def _channels():
    return (ChannelConfig(name="a"), ChannelConfig(name="b", required=False))


def test_only_optional_channels_are_left_out():
    image = np.zeros((2, 4, 4), np.float32)
    generator = np.random.default_rng(0)
    config = AugmentationConfig(channel_dropout=0.25)
    left_out = np.zeros(2)
    for _ in range(400):
        changed = change_intensity(image, _channels(), config, generator)
        left_out += [(page == ABSENT).all() for page in changed]
    assert left_out[0] == 0
    assert 70 <= left_out[1] <= 130
    assert (image == 0).all()


def test_contrast_and_noise_change_each_channel_on_its_own():
    image = np.ones((2, 50, 50), np.float32)
    config = AugmentationConfig(intensity=0.2, noise=0.1, channel_dropout=0)
    changed = change_intensity(image, _channels(), config, np.random.default_rng(0))
    means = changed.mean(axis=(1, 2))
    assert means[0] != pytest.approx(means[1], abs=1e-3)
    assert np.abs(means - 1).max() <= 0.3 + 0.01
    np.testing.assert_allclose(changed.std(axis=(1, 2)), 0.1, atol=0.01)
