"""A prediction's file is opened on its image, also where the viewer has it by another name."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from napari.layers import Image
from napari.utils.notifications import notification_manager

from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.widgets.proofreading.files import open_path

SHAPE = (64, 96)
PLATE = "1649_1109_0003_Amp5-1_B_20070424"


@pytest.fixture
def well(tmp_path, make_prediction):
    """Prediction of C04, and the well's two files beside it."""
    path = tmp_path / "C04.prediction.npz"
    save_prediction(make_prediction("C04"), path)
    for value, channel in enumerate(("w1", "w2"), start=1):
        tifffile.imwrite(tmp_path / f"{PLATE}_C04_{channel}_1.tif", np.full(SHAPE, value, np.uint8))
    return path


def images(viewer):
    return [layer for layer in viewer.layers if isinstance(layer, Image) and "|" not in layer.name]


def test_image_beside_is_opened_rather_than_another_of_its_size_taken(viewer, well):
    other = viewer.add_image(np.zeros(SHAPE, np.uint8), name="C06")
    shown = open_path(viewer, well, ())
    assert shown.image is viewer.layers["C04"]
    assert np.all(shown.image.data == 2), "the bright field"
    assert [layer.visible for layer in images(viewer) if layer is not other] == [True, False]


def test_layer_of_its_file_is_its_image(viewer, well):
    opened = viewer.open(sorted(well.parent.glob("*.tif")), plugin="napari")
    shown = open_path(viewer, well, ())
    assert shown.image is opened[1]
    assert images(viewer) == opened


def test_image_of_another_size_is_not_shown(viewer, well):
    for path in well.parent.glob("*.tif"):
        tifffile.imwrite(path, np.zeros((5, 6), np.uint8))
    assert open_path(viewer, well, ()).image is None
    assert images(viewer) == []
    assert "not of the size" in notification_manager.records[-1].message


def test_plane_of_a_stack_is_found_in_the_stack(viewer, tmp_path, make_prediction):
    pages = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones(SHAPE, np.uint8)
    tifffile.imwrite(tmp_path / "film.tif", pages, imagej=True, metadata={"axes": "TYX"})
    for name in ("film_002", "film_007"):
        save_prediction(make_prediction(name), tmp_path / f"{name}.prediction.npz")
    shown = open_path(viewer, tmp_path / "film_002.prediction.npz", ())
    assert np.all(shown.image.data == 2)
    assert shown.image.name == "film_002"

    # There is no such plane.
    open_path(viewer, tmp_path / "film_007.prediction.npz", ())
    assert "film_007 is not shown" in notification_manager.records[-1].message
