from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_probinst.core.config import AugmentationConfig, ChannelConfig
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.network.normalisation import ABSENT
from napari_probinst.core.training.cutouts import (
    Cutout,
    absorbing_channels,
    cut_out,
    from_light,
    light_noise,
    to_light,
)
from napari_probinst.core.training.dataset import CropStream, TrainingImage
from napari_probinst.core.training.pasting import Paster

CHANNELS = (ChannelConfig(name="light"), ChannelConfig(name="glow", required=False, gain=10.0))
SHAPE = (110, 120)
#: y0, x0, y1, x1 of three bars, each more than a margin from the others and from the edge.
BARS = ((20, 30, 26, 70), (60, 20, 66, 60), (60, 92, 96, 98))
BACKGROUND, GLOW = 0.8, 0.1


def bar(box, shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    return mask


def scene(bars=BARS, *, passes=0.4, glow=0.5, noise=0.0, background=None, present=None):
    """Bars that let a share of the light pass and glow, on an even background."""
    masks = [bar(box) for box in bars]
    inside = np.any(masks, axis=0) if masks else np.zeros(SHAPE, bool)
    level = np.full(SHAPE, BACKGROUND) if background is None else background
    light = np.stack([np.where(inside, passes * level, level), np.where(inside, GLOW + glow, GLOW)])
    light[1] += noise * np.random.default_rng(0).standard_normal(SHAPE)
    channels = from_light(light.astype(np.float32), CHANNELS)
    for index, there in enumerate(present or (True, True)):
        if not there:
            channels[index] = ABSENT
    return TrainingImage("scene", channels, InstanceSet.from_masks(masks, SHAPE), present)


def paster(*images, **options):
    return Paster(images, CHANNELS, AugmentationConfig(**options))


def pasted(number, *images, index=0, **options):
    """The first image with objects pasted by generator ``number``, and how many they are."""
    result = paster(*images, **options).paste(index, np.random.default_rng(number), near=200.0)
    assert result is not None
    image = result[0]
    return image, len(image.truth) - len(images[index].truth)


@given(st.lists(st.floats(-1.4, 1.9), min_size=1, max_size=9))
@settings(derandomize=True, max_examples=30, deadline=None)
def test_light_and_back(values):
    channels = np.array([[values], [values]], np.float32)
    np.testing.assert_allclose(
        from_light(to_light(channels, CHANNELS), CHANNELS), channels, atol=1e-5
    )


def test_noise_is_measured_beside_objects():
    assert light_noise(to_light(scene().channels, CHANNELS)).max() < 1e-6
    noisy = to_light(scene(noise=0.02).channels, CHANNELS)
    assert light_noise(noisy)[1] == pytest.approx(0.02, rel=0.1)


def test_what_is_darker_absorbs():
    assert absorbing_channels([scene()], CHANNELS, 8) == (True, False)
    assert absorbing_channels([scene(passes=1.1, glow=-0.05)], CHANNELS, 8) == (False, True)


def test_a_cutout_is_the_object_and_what_it_does_to_light():
    found = cut_out(scene(), CHANNELS, (True, False), 8)
    assert len(found) == 3
    first = found[0]
    np.testing.assert_array_equal(first.mask, np.pad(np.ones((6, 40), bool), 8))
    # .4 of all light, where .25 of it is scattered: .2 of the direct light.
    np.testing.assert_allclose(first.change[0][first.mask], (0.4 - 0.25) / 0.75, atol=1e-4)
    np.testing.assert_allclose(first.change[1][first.mask], 0.5, atol=1e-3)
    np.testing.assert_allclose(first.change[0][~first.reach], 1)
    np.testing.assert_allclose(first.change[1][~first.reach], 0)


def test_only_whole_objects_that_lie_clear_are_cut_out():
    near = (20, 30, 26, 70), (32, 30, 38, 70)
    edge = (4, 80, 10, 110)
    alone = (60, 20, 66, 60)
    found = cut_out(scene((*near, edge, alone)), CHANNELS, (True, False), 8)
    (only,) = found
    assert only.mask.shape == (6 + 16, 40 + 16)


def test_objects_on_the_edge_of_a_well_are_not_cut_out():
    well = np.full(SHAPE, BACKGROUND)
    well[30:] = 0.05
    found = cut_out(scene(background=well), CHANNELS, (True, False), 8)
    assert found == []


def test_four_quarters_are_a_turn():
    generator = np.random.default_rng(0)
    cutout = Cutout(
        generator.random((4, 6)) < 0.5,
        np.ones((4, 6), bool),
        generator.random((2, 4, 6)).astype(np.float32),
        np.zeros(2),
    )
    turned = cutout.turned(1, mirrored=False)
    np.testing.assert_array_equal(turned.mask, np.rot90(cutout.mask))
    np.testing.assert_array_equal(turned.change[1], np.rot90(cutout.change[1]))
    back = turned.turned(3, mirrored=True).turned(0, mirrored=True)
    np.testing.assert_array_equal(back.change, cutout.change)


def test_where_two_objects_cross_light_is_absorbed_twice_and_fluorescence_adds_up():
    n_crossings = 0
    for number in range(12):
        image, _ = pasted(number, scene())
        light = to_light(image.channels, CHANNELS)
        cover = image.truth.cover()
        # Seams end within the margin: look where nothing but objects changes the light.
        for n, direct, glow in ((1, 0.2, 0.5), (2, 0.2**2, 1.0)):
            there = ndimage.binary_erosion(cover == n)
            expected = BACKGROUND * (0.25 + 0.75 * direct)
            np.testing.assert_allclose(light[0][there], expected, atol=0.01)
            np.testing.assert_allclose(light[1][there], GLOW + glow, atol=0.02)
        n_crossings += bool((cover == 2).any())
    assert n_crossings >= 4


def test_pasted_masks_are_exact_and_whole():
    shapes = {(6, 40), (40, 6), (36, 6), (6, 36)}
    for number in range(12):
        image, n_new = pasted(number, scene())
        assert 1 <= n_new <= 3
        for instance in image.truth.instances[3:]:
            assert instance.mask.shape in shapes
            assert instance.mask.all()


def test_every_pasted_object_touches_or_crosses_another_and_covers_it_in_part_only():
    touching = crossing = 0
    for number in range(25):
        image, _ = pasted(number, scene())
        instances = image.truth.instances
        for index, new in enumerate(instances[3:], start=3):
            others = InstanceSet(SHAPE, instances[:index])
            near = ndimage.binary_dilation(new.full(SHAPE), np.ones((3, 3)), iterations=2)
            assert (others.cover() > 0)[near].any()
            overlaps = [new.intersection(other) for other in others.instances]
            touching += not any(overlaps)
            crossing += any(overlaps)
            for overlap, other in zip(overlaps, others.instances, strict=True):
                assert overlap <= 0.4 * min(new.area, other.area)
    assert touching >= 5
    assert crossing >= 5


def test_nothing_is_pasted_outside_the_well():
    well = np.full(SHAPE, BACKGROUND)
    well[:, 80:] = 0.04
    receiver = scene(((30, 30, 36, 70),), background=well)
    for number in range(15):
        result = paster(receiver, scene()).paste(0, np.random.default_rng(number), near=200.0)
        if result is not None:
            # A seam of a few pixels may be lost.
            assert not result[0].truth.cover()[:, 83:].any()


def test_the_same_generator_gives_the_same_image_and_leaves_the_original_alone():
    original = scene()
    before = original.channels.copy()
    first, second = (pasted(3, original)[0] for _ in range(2))
    np.testing.assert_array_equal(first.channels, second.channels)
    np.testing.assert_array_equal(first.truth.cover(), second.truth.cover())
    np.testing.assert_array_equal(original.channels, before)
    assert len(original.truth) == 3


def test_objects_are_turned_only_as_far_as_allowed():
    still = {"rotation": "none", "flips": False}
    for number in range(6):
        image, _ = pasted(number, scene(BARS[:2]), **still)
        assert {instance.mask.shape for instance in image.truth.instances} == {(6, 40)}


def test_absent_channels_stay_absent_and_give_nothing_to_others():
    without = scene(present=(True, False))
    image, _ = pasted(0, without, scene())
    assert (image.channels[1] == ABSENT).all()
    assert (image.channels[0] != without.channels[0]).any()
    # The other way round there is no object with fluorescence to paste.
    crowded = scene(((20, 30, 26, 70), (32, 30, 38, 70)))
    assert paster(crowded, without).paste(0, np.random.default_rng(0), near=200.0) is None


def test_objects_of_noisier_images_are_passed_over():
    crowded = scene(((20, 30, 26, 70), (32, 30, 38, 70)), noise=0.005)
    noisy, quiet = scene(noise=0.02), scene(noise=0.004)
    generator = np.random.default_rng(0)
    assert paster(crowded, noisy).paste(0, generator, near=200.0) is None
    assert paster(crowded, quiet).paste(0, generator, near=200.0) is not None


def test_further_contacts_are_near_the_first():
    made = paster(scene())
    for number in range(10):
        result = made.paste(0, np.random.default_rng(number), near=10.0)
        assert result is not None
        image, (y, x) = result
        first = image.truth.instances[3]
        assert abs(y - (first.bbox[0] + first.bbox[2]) / 2) <= 40
        assert 0 <= y < SHAPE[0]
        assert 0 <= x < SHAPE[1]


def test_without_a_clear_object_pasting_is_refused():
    crowded = scene(((20, 30, 26, 70), (32, 30, 38, 70)))
    with pytest.raises(InputError, match=r"none can be pasted; set augmentation\.pasted to 0"):
        paster(crowded)


def test_an_image_without_objects_stays_empty():
    assert paster(scene(()), scene()).paste(0, np.random.default_rng(0), near=200.0) is None


def _config(config, **augmentation):
    network = config.network.model_copy(update={"channels": CHANNELS})
    return config.model_copy(
        update={
            "network": network,
            "augmentation": AugmentationConfig(**augmentation),
            "training": config.training.model_copy(update={"crop": 96}),
        }
    )


def test_crops_show_the_share_of_pasted_objects_that_is_asked_for(config):
    images = [scene()]
    overlaps = {}
    for share in (0.0, 0.5, 1.0):
        stream = CropStream(images, _config(config, pasted=share), SHAPE)
        crops = [stream.crop(number) for number in range(30)]
        overlaps[share] = sum(bool((crop.classes == 2).any()) for crop in crops)
        assert all(((crop.labels > 0) == (crop.classes == 1)).all() for crop in crops)
    assert overlaps[0.0] == 0
    assert 3 <= overlaps[0.5] < overlaps[1.0]
    assert overlaps[1.0] >= 12


def test_a_pasted_crop_depends_on_its_number_alone(config):
    config = _config(config, pasted=1.0)
    first, second = (CropStream([scene()], config, SHAPE) for _ in range(2))
    first.crop(0)
    for one, other in zip(first.crop(7), second.crop(7), strict=True):
        assert torch.equal(one, other)


def test_binned_images_are_pasted_with_a_smaller_margin(config):
    config = _config(config, pasted=1.0)
    training = config.training.model_copy(update={"binning": 2, "crop": 48})
    stream = CropStream([scene()], config.model_copy(update={"training": training}), SHAPE)
    assert any((stream.crop(number).classes == 2).any() for number in range(8))
