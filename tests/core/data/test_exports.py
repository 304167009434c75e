import contextlib
import csv
import io
import json
import math

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from pycocotools.coco import COCO

from napari_probinst.core.config import ChannelConfig, InferenceConfig
from napari_probinst.core.data import exports
from napari_probinst.core.data.coco import write_coco
from napari_probinst.core.data.exports import (
    PEAK_COLUMNS,
    coco_image,
    export_prediction,
    write_labels,
    write_peaks,
    write_stacks,
)
from napari_probinst.core.data.io import find_images, read_instances
from napari_probinst.core.errors import OutputError
from napari_probinst.core.instances import (
    InstanceSet,
    Peak,
    ProbabilisticInstance,
    ProbabilisticInstances,
)
from napari_probinst.core.prediction import Prediction

# pycocotools 2.0.11 decodes in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPE = (7, 9)


def prediction(n_instances, n_faint=0, name="A01", peaks=()):
    """Overlapping bars that all of 4 draws see, then faint ones that a single draw sees."""
    boxes = [(i, i, i + 3, i + 5) for i in range(n_instances)]
    faint = [(0, i, 2, i + 3) for i in range(n_faint)]
    instances = tuple(
        ProbabilisticInstance(box, np.full((3, 5), 4, np.uint8), (0,) * 4) for box in boxes
    ) + tuple(ProbabilisticInstance(box, np.ones((2, 3), np.uint8), (0,) * 4) for box in faint)
    draws = (InstanceSet(SHAPE, ()),) * 4
    return Prediction(
        name,
        ProbabilisticInstances(SHAPE, instances, draws),
        peaks,
        InferenceConfig(n_draws=4, min_size=3),
        pixel_size=(0.65, 0.5),
    )


@pytest.mark.parametrize("n_instances", [0, 1, 3, 4])
def test_stacks_have_one_page_an_instance(tmp_path, n_instances):
    example = prediction(n_instances, n_faint=2)
    write_stacks(example, tmp_path)
    with tifffile.TiffFile(tmp_path / "A01.instances.tif") as file:
        assert len(file.pages) == max(n_instances, 1)
        assert all(page.photometric.name == "MINISBLACK" for page in file.pages)
        assert all(page.shape == SHAPE and page.dtype == np.uint8 for page in file.pages)
        masks = np.stack([page.asarray() for page in file.pages])
        description = json.loads(file.pages[0].description)
    expected = np.array([one.full(SHAPE) for one in example.binary().instances[:n_instances]])
    assert np.array_equal(masks, expected * 255 if n_instances else np.zeros((1, *SHAPE)))
    assert (description["n_draws"], description["threshold"]) == (4, 0.75)
    assert (description["min_size"], description["n_instances"]) == (3, n_instances)
    assert ("empty" in description.get("note", "")) == (n_instances == 0)

    counts = tifffile.imread(tmp_path / "A01.counts.tif").reshape(-1, *SHAPE)
    assert counts.dtype == np.uint8
    assert len(counts) == n_instances + 2
    assert counts[-1].max() == 1
    assert (counts[:n_instances] == 4).sum() == 15 * n_instances


@pytest.mark.parametrize("n_instances", [0, 1, 3, 4])
def test_a_stack_is_read_back_as_the_same_instances(tmp_path, n_instances):
    example = prediction(n_instances)
    write_stacks(example, tmp_path)
    loaded = read_instances(tmp_path / "A01.instances.tif", shape=SHAPE)
    assert len(loaded) == n_instances
    for one, other in zip(loaded.instances, example.binary().instances, strict=True):
        assert one.same_pixels(other)


def test_no_instance_at_all_gives_one_empty_page_of_counts(tmp_path):
    write_stacks(prediction(0), tmp_path)
    with tifffile.TiffFile(tmp_path / "A01.counts.tif") as file:
        assert len(file.pages) == 1
        assert not file.asarray().any()
        assert json.loads(file.pages[0].description)["n_instances"] == 0


def test_stacks_of_more_than_4_gb_are_refused_before_anything_is_written(tmp_path, monkeypatch):
    maps = {"probability": np.zeros(SHAPE), "entropy": np.zeros(SHAPE)}
    monkeypatch.setattr(exports, "STACK_LIMIT", 4 * 7 * 9)
    export_prediction(prediction(4), tmp_path / "fits", stacks=True, **maps)
    with pytest.raises(OutputError, match=r"A01\.counts\.tif would hold 5 pages of 7 x 9"):
        export_prediction(prediction(4, n_faint=1), tmp_path / "large", stacks=True, **maps)
    assert not (tmp_path / "large").exists()


def test_all_files_of_a_prediction(tmp_path):
    folder = tmp_path / "new" / "folder"
    entropy = np.linspace(0, math.log(2), 63).reshape(SHAPE).astype(np.float32)
    n_overlap = export_prediction(prediction(2), folder, probability=entropy / 2, entropy=entropy)
    assert n_overlap == 8
    assert sorted(path.name for path in folder.iterdir()) == [
        "A01.entropy.tif",
        "A01.labels.tif",
        "A01.peaks.csv",
        "A01.probability.tif",
    ]
    assert np.array_equal(tifffile.imread(folder / "A01.entropy.tif"), entropy)
    assert np.array_equal(tifffile.imread(folder / "A01.probability.tif"), entropy / 2)
    assert tifffile.imread(folder / "A01.entropy.tif").dtype == np.float32


def test_results_in_the_images_folder_are_not_taken_for_images(tmp_path):
    tifffile.imwrite(tmp_path / "A01.tif", np.zeros(SHAPE, np.uint8))
    maps = {"probability": np.zeros(SHAPE), "entropy": np.zeros(SHAPE)}
    export_prediction(prediction(2), tmp_path, stacks=True, **maps)
    assert [one.name for one in find_images(tmp_path, (ChannelConfig(name="phase"),))] == ["A01"]


def test_labels_say_the_rule_the_overlap_and_the_pixel_size(tmp_path):
    path = tmp_path / "a.labels.tif"
    assert write_labels(prediction(2), path) == 8
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        description = json.loads(page.description)
        assert page.resolution == pytest.approx((20000, 1e4 / 0.65))
        assert page.resolutionunit.name == "CENTIMETER"
    assert description["n_overlap_pixels"] == 8
    assert "lowest label" in description["rule"]
    labels = tifffile.imread(path)
    assert labels.dtype == np.uint16
    assert (labels == 1).sum() == 15
    assert (labels == 2).sum() == 7
    assert np.array_equal(iio.imread(path), labels)


def test_the_table_of_peaks(tmp_path):
    peaks = (
        Peak(4, 8, (2, 0), math.log(2), 12.5, 1, "merge", '5 of 8 draws see one, "3" see two'),
        Peak(0, 0, (1,), 0.1, 0.5, 2, "contour", "µ"),
    )
    path = tmp_path / "peaks.csv"
    write_peaks([prediction(3, peaks=peaks), prediction(0, name="B, 2", peaks=peaks[1:])], path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == PEAK_COLUMNS
    assert [row["image"] for row in rows] == ["A01", "A01", "B, 2"]
    assert rows[0]["instances"] == "3 1"
    assert rows[0]["reason"] == '5 of 8 draws see one, "3" see two'
    assert [float(row["score"]) for row in rows[:2]] == [12.5, 0.5]
    assert (rows[0]["y"], rows[0]["x"], rows[0]["rank"]) == ("4", "8", "1")
    assert float(rows[0]["mass"]) == 12.5


def test_no_cell_of_the_peaks_is_a_formula(tmp_path):
    peaks = (Peak(4, 8, (0,), 0.1, 0.5, 1, "@kind", "=reason"),)
    write_peaks([prediction(1, name="=1+1", peaks=peaks)], tmp_path / "peaks.csv")
    with (tmp_path / "peaks.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["image"], row["kind"], row["reason"]) == ("'=1+1", "'@kind", "'=reason")


def test_a_table_without_peaks_has_its_header(tmp_path):
    write_peaks([prediction(0)], tmp_path / "peaks.csv")
    assert (tmp_path / "peaks.csv").read_text() == ",".join(PEAK_COLUMNS) + "\n"


def test_coco_holds_the_instances_that_are_not_empty(tmp_path):
    example = prediction(3, n_faint=2)
    scores = np.array([0.5, 0.6, 0.7, 0.8, 0.9], np.float32)
    write_coco([coco_image(example, "A01_w2.tif", scores)], tmp_path / "predictions.json")
    with contextlib.redirect_stdout(io.StringIO()):
        loaded = COCO(str(tmp_path / "predictions.json"))
    annotations = loaded.loadAnns(loaded.getAnnIds())
    assert [one["label"] for one in annotations] == [1, 2, 3]
    assert [one["score"] for one in annotations] == pytest.approx([0.5, 0.6, 0.7])
    assert loaded.imgs[1]["file_name"] == "A01_w2.tif"
    for one, instance in zip(annotations, example.binary().instances, strict=False):
        assert np.array_equal(loaded.annToMask(one), instance.full(SHAPE))


def test_coco_needs_a_score_for_each_instance():
    with pytest.raises(ValueError, match="1 scores for 3 instances"):
        coco_image(prediction(3), "a.tif", np.ones(1))
