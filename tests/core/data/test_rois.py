"""Regions that roifile reads back fill the pixels they were made of."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from roifile import ROI_TYPE, ImagejRoi, roiread
from skimage.draw import polygon2mask

from napari_probinst.core.data.exported import ExportedInstance
from napari_probinst.core.data.rois import as_roi, write_rois
from napari_probinst.core.errors import OutputError
from napari_probinst.core.instances import Instance

BAR, HOLE = "##### #####", "### #.# ###"
PIECES = "##...## ##...##"
#: By id. The bar and the pieces overlap.
IMAGE = {1: BAR, 2: PIECES, 12345: HOLE}


def polygons(roi):
    found = roi.coordinates(multi=True)
    return found if isinstance(found, list) else [found]


def filled(roi, shape, origin=(0, 0)):
    """Pixels whose centres lie in an odd number of a region's polygons, by scikit-image."""
    page = np.zeros(shape, bool)
    for corners in polygons(roi):
        # Corners of pixels lie half a pixel before their centres, which are whole numbers.
        page ^= polygon2mask(shape, corners[:, ::-1].astype(float) - origin - 0.5)
    return page


@pytest.fixture
def path(tmp_path):
    return tmp_path / "C04.rois.zip"


def test_regions_come_back_with_their_pixels_names_and_overlaps(path, exported):
    image = exported(IMAGE)
    write_rois(image, path)
    regions = roiread(path)
    assert [roi.name for roi in regions] == ["0001", "0002", "12345"]
    for roi, one in zip(regions, image.instances, strict=True):
        assert np.array_equal(filled(roi, image.shape), one.instance.full(image.shape))
    assert zipfile.ZipFile(path).namelist() == ["0001.roi", "0002.roi", "12345.roi"]


def test_one_outline_is_a_polygon_and_several_are_a_composite(exported):
    bar, pieces, ring = map(as_roi, exported(IMAGE).instances)
    assert (bar.roitype, bar.composite) == (ROI_TYPE.TRACED, False)
    # As ImageJ counts: the outer edges of the outermost pixels.
    assert (bar.top, bar.left, bar.bottom, bar.right) == (0, 0, 2, 5)
    assert bar.coordinates().tolist() == [[0, 0], [5, 0], [5, 2], [0, 2]]
    for roi in (pieces, ring):
        assert (roi.roitype, roi.composite) == (ROI_TYPE.RECT, True)
        assert len(polygons(roi)) == 2


@given(arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 6))), st.integers(0, 70_000))
@settings(derandomize=True, max_examples=25, deadline=None)
def test_any_mask_anywhere(page, offset):
    page[0, 0] = True
    instance = Instance.from_mask(page, (offset, 3))
    roi = ImagejRoi.frombytes(as_roi(ExportedInstance(7, instance, "new")).tobytes())
    assert np.array_equal(filled(roi, page.shape, (offset, 3)), page)


def test_what_is_known_stands_in_the_properties(exported):
    (one,) = exported({3: BAR}).instances
    assert as_roi(one).props == "state: predicted\nscore: 0.5\nprobability: 0.875\n"
    assert as_roi(ExportedInstance(3, one.instance, "edited")).props == "state: edited\n"


def test_a_file_is_replaced_and_never_appended_to(path, exported):
    write_rois(exported(IMAGE), path)
    write_rois(exported({4: BAR}), path)
    assert [roi.name for roi in roiread(path)] == ["0004"]
    first = path.read_bytes()
    write_rois(exported({4: BAR}), path)
    assert path.read_bytes() == first


def test_no_instance_is_an_empty_zip(path, exported):
    write_rois(exported({}), path)
    assert zipfile.ZipFile(path).namelist() == []


def test_a_failure_leaves_the_former_file(path, exported, monkeypatch):
    write_rois(exported(IMAGE), path)
    before = path.read_bytes()

    def full(self, *arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OutputError, match="disk is full"):
        write_rois(exported({4: BAR}), path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
