"""The table of instances, against scikit-image and shapes whose measures are plain."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from skimage.measure import regionprops

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.curation.edits import Delete, Grow
from napari_probinst.core.curation.export import of_prediction
from napari_probinst.core.curation.exported_session import of_session
from napari_probinst.core.curation.instance_table import (
    COLUMNS,
    geodesic_length,
    instance_rows,
    write_instance_table,
)
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.instances import Instance

PICTURES = [
    "######.... .......... ..........",
    "....#..... ....#..... ....#.....",
    ".......... .......##. ..........",
]


@pytest.fixture
def prediction(make_prediction):
    return replace(make_prediction(PICTURES), settings=InferenceConfig(min_size=0))


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_measures_are_those_of_scikit_image(prediction):
    image = of_prediction(prediction)
    assert len(image.instances) == len(PICTURES)
    for row, one in zip(instance_rows(image), image.instances, strict=True):
        (region,) = regionprops(one.instance.full(image.shape).astype(int))
        assert (row["y0"], row["x0"], row["y1"], row["x1"]) == region.bbox
        assert (row["centroid_y"], row["centroid_x"]) == pytest.approx(region.centroid)
        assert row["area_px"] == region.area


def test_overlaps_borders_and_certainty(prediction):
    rows = instance_rows(of_prediction(prediction))
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert [row["overlap_px"] for row in rows] == [1, 1, 0]
    assert [row["touches_border"] for row in rows] == [1, 1, 0]
    assert [(row["probability"], row["score"]) for row in rows] == [(1.0, 1.0)] * 3


@pytest.mark.parametrize(
    ("pattern", "length"),
    [
        ("#", 1),
        ("#####", 5),
        ("#.. .#. ..#", 1 + 2 * np.sqrt(2)),
        # Bends are followed: across the corners of a hairpin.
        ("##### ....# #####", 1 + 2 * (3 + np.sqrt(2))),
        # Of two pieces the larger.
        ("##...####", 4),
    ],
)
def test_length_is_along_the_worm(pattern, length, picture):
    assert geodesic_length(Instance.from_mask(picture(pattern))) == pytest.approx(length)


def test_a_bar_has_its_width():
    bar = Instance.from_mask(np.ones((4, 60), bool))
    assert bar.area / geodesic_length(bar) == pytest.approx(4, rel=0.05)


def test_width_is_that_of_the_largest_piece(make_prediction):
    """A bar of 2 x 10 pixels, and two specks of it that a worm which crosses has cut off."""
    worm = np.zeros((6, 20), bool)
    worm[1:3, :10] = worm[1:3, 12:14] = worm[4:6, 17:20] = True
    predicted = replace(make_prediction([worm]), settings=InferenceConfig(min_size=0))
    (row,) = instance_rows(of_prediction(predicted))
    assert row["area_px"] == 30
    assert (row["length_px"], row["width_px"]) == pytest.approx((10, 2), rel=0.05)


def test_micrometres_where_the_pixel_size_is_known(prediction):
    row = instance_rows(of_prediction(prediction))[0]
    assert "area_um2" not in row
    sized = replace(prediction, pixel_size=(0.5, 0.5))
    row = instance_rows(of_prediction(sized))[0]
    assert (row["area_um2"], row["length_um"], row["width_um"]) == (1.5, 3.0, 0.5)
    flat = replace(prediction, pixel_size=(0.5, 0.25))
    row = instance_rows(of_prediction(flat))[0]
    assert row["area_um2"] == 0.75
    assert "length_um" not in row


def test_what_a_curator_changed_has_no_certainty(prediction, tmp_path):
    session = CurationSession(prediction)
    session.apply(Grow(3))
    session.apply(Delete((2,)))
    image = of_session(session)
    assert image.curated
    write_instance_table(image, tmp_path / "table.csv")
    first, third = read(tmp_path / "table.csv")
    assert (first["id"], first["state"], first["probability"]) == ("1", "predicted", "1")
    assert (third["id"], third["state"], third["probability"]) == ("3", "edited", "")
    assert first["length_um"] == first["pixel_size_x_um"] == ""


def test_a_name_is_no_formula(make_prediction, tmp_path):
    named = make_prediction([np.ones((20, 20), bool)], name="=1+1")
    write_instance_table(of_prediction(named), tmp_path / "table.csv")
    assert [row["image"] for row in read(tmp_path / "table.csv")] == ["'=1+1"]


def test_a_table_without_instances_is_its_columns(make_prediction, tmp_path):
    empty = make_prediction([], shape=(4, 5))
    write_instance_table(of_prediction(empty), tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == ",".join(COLUMNS) + "\n"
