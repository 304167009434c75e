"""An image that is not the one that was predicted is told when a session is opened on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.notifications import notification_manager

from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.prediction import Provenance
from napari_probinst.widgets.proofreading import image_check
from napari_probinst.widgets.proofreading.files import open_path
from napari_probinst.widgets.proofreading.image_check import has_other_pixels

CHANNELS = np.random.default_rng(0).integers(0, 4000, (2, 64, 96)).astype(np.uint16)
FIRST, SECOND = CHANNELS
OTHER = FIRST + np.uint16(1)


@pytest.fixture
def predicted(make_prediction):
    def predicted(channels):
        checksum = image_checksum(np.stack(channels))
        return replace(make_prediction(), provenance=Provenance(image_checksum=checksum))

    return predicted


def differs(prediction, *layers, folders=(), plane=()):
    viewer = ViewerModel()
    images = [viewer.add_layer(Image(pixels, name="well")) for pixels in layers]
    return has_other_pixels(viewer, prediction, images[0], plane, folders)


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


def test_other_pixels_are_noticed(predicted):
    assert differs(predicted([FIRST]), OTHER)
    assert differs(predicted([FIRST]), OTHER, FIRST)  # the one that it was opened on
    assert differs(predicted(CHANNELS), OTHER, SECOND)
    assert differs(predicted([FIRST]), np.stack([OTHER, FIRST]), plane=(0,))


def test_what_would_take_long_passes_by_its_size(predicted, make_prediction, monkeypatch):
    class Lazy:
        """An array on the disk."""

        shape, dtype, ndim, size = FIRST.shape, FIRST.dtype, 2, FIRST.size

        def __getitem__(self, key):
            return OTHER[key]

    assert not differs(predicted([FIRST]), Lazy())
    assert not differs(make_prediction(), OTHER)  # nothing is known of its image
    monkeypatch.setattr(image_check, "_MOST_BYTES", 1)
    assert not differs(predicted([FIRST]), OTHER)


@pytest.mark.parametrize("pixels", [FIRST, OTHER])
def test_a_session_on_another_image_is_opened_with_a_warning(predicted, tmp_path, pixels):
    create_session(predicted([FIRST]), tmp_path / "well.probinst").close()
    viewer = ViewerModel()
    image = viewer.add_image(pixels, name="well")
    before = len(notification_manager.records)
    shown = open_path(viewer, tmp_path / "well.probinst", ())
    shown.kept.close()
    assert shown.image is image
    said = [record.message for record in notification_manager.records[before:]]
    assert any("check that it is the right image" in each for each in said) is (pixels is OTHER)
