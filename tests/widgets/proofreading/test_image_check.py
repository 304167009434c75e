"""An image that is not the one that was predicted is told when a session is opened on it."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.notifications import notification_manager

from napari_probinst.core.config import ChannelConfig
from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.data.io import read_image
from napari_probinst.core.prediction import Provenance
from napari_probinst.widgets.prediction.channels import ChannelSource, read_channels
from napari_probinst.widgets.proofreading import image_check
from napari_probinst.widgets.proofreading.files import find_image, open_path
from napari_probinst.widgets.proofreading.image_check import check_pixels, compare_pixels

CHANNELS = np.random.default_rng(0).integers(0, 4000, (2, 64, 96)).astype(np.uint16)
FIRST, SECOND = CHANNELS
OTHER = FIRST + np.uint16(1)


@pytest.fixture
def predicted(make_prediction):
    def predicted(channels):
        checksum = image_checksum(np.stack(channels))
        return replace(make_prediction(), provenance=Provenance(image_checksum=checksum))

    return predicted


def end_of(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


class Lazy:
    """An array on the disk, of which only windows can be read."""

    def __init__(self, pixels):
        self.shape, self.dtype, self.ndim, self.size = (
            pixels.shape,
            pixels.dtype,
            pixels.ndim,
            pixels.size,
        )
        self._pixels = pixels

    def __getitem__(self, key):
        return self._pixels[key]

    def __array__(self, *_given, **_named):
        raise AssertionError("it was read as a whole")


def differs(prediction, *layers, folders=(), plane=()):
    viewer = ViewerModel()
    images = [viewer.add_layer(Image(pixels, name="well")) for pixels in layers]
    return end_of(compare_pixels(viewer, prediction, images[0], plane, folders))


def test_the_channels_are_found_wherever_they_are(predicted, tmp_path):
    assert not differs(predicted([FIRST]), FIRST)
    assert not differs(predicted(CHANNELS), CHANNELS)
    assert not differs(predicted(CHANNELS), SECOND, FIRST)
    absent = np.zeros_like(FIRST)
    assert not differs(predicted([FIRST, absent]), FIRST)
    assert not differs(predicted([absent, SECOND]), SECOND)
    assert not differs(predicted([FIRST]), np.stack([SECOND, FIRST]), plane=(1,))
    tifffile.imwrite(tmp_path / "well_w1.tif", SECOND)
    assert not differs(predicted(CHANNELS), FIRST, folders=[tmp_path])


def test_luminance_is_shown_of_a_picture_whose_colours_were_predicted(predicted, tmp_path):
    colours = np.stack([FIRST, SECOND, OTHER], axis=-1)
    path = tmp_path / "well.tif"
    tifffile.imwrite(path, colours, photometric="rgb")
    shown = read_image(path).channels[0]
    assert not differs(predicted(np.moveaxis(colours, -1, 0)), shown, folders=[tmp_path])
    assert differs(predicted(np.moveaxis(colours, -1, 0)), OTHER, folders=[tmp_path])


@pytest.mark.parametrize("kind", [np.asarray, Lazy])
def test_truth_values_are_those_that_were_predicted(predicted, kind):
    bright = FIRST > 2000
    layer = Image(kind(bright), name="well", contrast_limits=(0, 1))
    channels, _ = read_channels([ChannelSource(layer)], [ChannelConfig(name="bright field")])
    assert not differs(predicted(channels), bright)
    assert differs(predicted(channels), ~bright)


def test_other_pixels_are_noticed(predicted):
    assert differs(predicted([FIRST]), OTHER)
    assert differs(predicted([FIRST]), OTHER, FIRST)  # the one that it was opened on
    assert differs(predicted(CHANNELS), OTHER, SECOND)
    assert differs(predicted([FIRST]), np.stack([OTHER, FIRST]), plane=(0,))


def test_one_pixel_of_a_lazy_image_is_noticed(predicted, tmp_path):
    changed = FIRST.copy()
    changed[-1, -1] += 1
    assert not differs(predicted([FIRST]), Lazy(FIRST))
    assert differs(predicted([FIRST]), Lazy(changed))
    assert not differs(predicted(CHANNELS), Lazy(SECOND), Lazy(FIRST))
    assert differs(predicted(CHANNELS), Lazy(SECOND), Lazy(changed))
    assert not differs(predicted([FIRST]), Lazy(np.stack([SECOND, FIRST])), plane=(1,))
    absent = np.zeros_like(FIRST)
    assert not differs(predicted([absent, FIRST]), Lazy(FIRST))


def test_channels_on_the_disk_are_found_unread(predicted):
    prediction, viewer = predicted(CHANNELS), ViewerModel()
    layer = Image(Lazy(CHANNELS), name=prediction.name, contrast_limits=(0, 1))
    viewer.add_layer(layer)
    assert find_image(viewer, prediction, guess=False) is layer
    layer.data = Lazy(np.zeros((20, *FIRST.shape), np.uint16))
    assert find_image(viewer, prediction, guess=False) is None, "a stack, of which no plane is said"


def test_nothing_is_said_where_nothing_is_known(predicted, make_prediction, monkeypatch):
    assert not differs(make_prediction(), OTHER)  # nothing is known of its image
    monkeypatch.setattr(image_check, "AT_ONCE", 1)
    monkeypatch.setattr(image_check, "_MOST_STACKS", 2)
    assert not differs(predicted(CHANNELS), OTHER, SECOND)
    assert not differs(predicted([FIRST]), FIRST)


def warned(before):
    said = [record.message for record in notification_manager.records[before:]]
    return any("check that it is the right image" in each for each in said)


def test_a_large_image_is_read_in_a_thread_of_its_own(predicted, qtbot, monkeypatch):
    viewer, prediction = ViewerModel(), predicted([FIRST])
    before = len(notification_manager.records)
    layer = viewer.add_layer(Image(Lazy(OTHER), name="well", contrast_limits=(0, 1)))
    readers = []
    read = Lazy.__getitem__
    monkeypatch.setattr(
        Lazy,
        "__getitem__",
        lambda self, key: (readers.append(threading.get_ident()), read(self, key))[1],
    )
    check_pixels(viewer, prediction, layer, (), ())
    assert not warned(before)
    qtbot.waitUntil(lambda: warned(before), timeout=60_000)
    assert threading.get_ident() not in readers

    # Of one that is taken away no more is read.
    viewer.layers.clear()
    readers.clear()
    check_pixels(viewer, prediction, layer, (), ())
    qtbot.wait(50)
    assert not readers


@pytest.mark.parametrize("pixels", [FIRST, OTHER])
def test_a_session_on_another_image_is_opened_with_a_warning(predicted, tmp_path, pixels):
    create_session(predicted([FIRST]), tmp_path / "well.probinst").close()
    viewer = ViewerModel()
    image = viewer.add_image(pixels, name="well")
    before = len(notification_manager.records)
    shown = open_path(viewer, tmp_path / "well.probinst", ())
    shown.kept.close()
    assert shown.image is image
    assert warned(before) is (pixels is OTHER)
