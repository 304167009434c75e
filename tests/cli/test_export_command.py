"""Every format read back by the library whose format it is, from a prediction and a session."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import tifffile
import zarr
from pycocotools import mask as coco_mask
from roifile import roiread
from skimage.draw import polygon2mask

from napari_probinst.cli.export import FormatName
from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.curation.edits import Delete, SplitAlongLine
from napari_probinst.core.curation.export import FORMATS, SESSION_FORMATS
from napari_probinst.core.curation.manifest import JOURNAL
from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction

# pycocotools 2.0.11 decodes in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPE = (30, 40)
#: y0, x0, y1, x1; the first two cross, in 5 x 8 pixels.
BARS = ((2, 2, 10, 30), (5, 12, 25, 20), (26, 30, 30, 40))


def masks():
    pages = np.zeros((len(BARS), *SHAPE), bool)
    for page, (y0, x0, y1, x1) in zip(pages, BARS, strict=True):
        page[y0:y1, x0:x1] = True
    return pages


@pytest.fixture
def prediction():
    instances = agglomerate([InstanceSet.from_masks(list(masks()), SHAPE)] * 2)
    return Prediction(
        "C04", instances, rank_peaks(instances), InferenceConfig(min_size=4), pixel_size=(0.5, 0.5)
    )


@pytest.fixture
def native(prediction, tmp_path):
    path = tmp_path / "C04.prediction.npz"
    save_prediction(prediction, path)
    return path


@pytest.fixture
def session(prediction, tmp_path):
    """Session with the first bar cut at x = 25 and the last one deleted."""
    with create_session(prediction, tmp_path / "C04.probinst") as opened:
        opened.session.apply(SplitAlongLine(1, ((0, 25), (12, 25))))
        opened.session.apply(Delete((3,)))
        yield opened.path, dict(opened.session.instances)


def from_stack(path):
    return dict(enumerate(tifffile.imread(path) == 255))


def from_coco(path):
    content = json.loads(path.read_text())
    return {one["label"]: coco_mask.decode(one["segmentation"]) for one in content["annotations"]}


def from_rois(path):
    # Corners of pixels lie half a pixel before their centres, which are whole numbers.
    return {
        int(roi.name): polygon2mask(SHAPE, roi.coordinates()[:, ::-1] - 0.5)
        for roi in roiread(path)
    }


def from_zarr(path):
    found = {}
    labels = zarr.open_group(path / "labels", mode="r")
    for name in labels.attrs["ome"]["labels"]:
        page = labels[f"{name}/0"][:]
        found |= {int(value): page == value for value in np.unique(page[page > 0])}
    return found


READERS = {
    "stack": from_stack,
    "coco": from_coco,
    "imagej-roi-zip": from_rois,
    "ome-zarr": from_zarr,
}


@pytest.fixture
def export(run):
    def export(source, kind, output, *options):
        return run("export", source, "--format", kind, "--output", output, *options)

    return export


def test_the_formats_are_those_the_help_names():
    assert get_args(FormatName) == (*FORMATS, *SESSION_FORMATS)


@pytest.mark.parametrize("kind", READERS)
def test_predicted_instances_come_back_with_their_overlaps(native, export, tmp_path, kind):
    out = tmp_path / "out"
    out.mkdir()
    done = export(native, kind, out)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("3 instances, 40 overlap pixels, all kept\n")
    (path,) = out.iterdir()
    assert path.name == f"C04{FORMATS[kind].suffix}"
    found = READERS[kind](path)
    assert np.array_equal([found[key] for key in sorted(found)], masks())


@pytest.mark.parametrize("kind", READERS)
def test_corrected_instances_come_back_while_the_session_is_open(session, export, tmp_path, kind):
    folder, instances = session
    path = tmp_path / f"mine{FORMATS[kind].endings[0]}"
    assert export(folder, kind, path).code == 0
    found = READERS[kind](path)
    if kind != "stack":
        assert sorted(found) == sorted(instances)
    for key, page in zip(sorted(instances), [found[key] for key in sorted(found)], strict=True):
        assert np.array_equal(page, instances[key].full(SHAPE))


def test_labels_say_how_many_overlaps_were_lost(native, export, tmp_path):
    path = tmp_path / "labels.tif"
    done = export(native, "labels", path)
    assert "40 overlap pixels; lost in a label image: A pixel of several" in done.out
    with tifffile.TiffFile(path) as file:
        description = json.loads(file.pages[0].description)
        labels = file.asarray()
    assert description["n_overlap_pixels"] == 40
    assert description["rule"].startswith("A pixel of several")
    assert np.bincount(labels.ravel()).tolist()[1:] == [224, 120, 40]


def test_labels_and_stack_of_a_session_are_those_of_replay(session, export, run, tmp_path):
    folder, _ = session
    assert run("replay", folder, "--output", tmp_path / "replay").code == 0
    for kind, suffix in (("labels", "labels.tif"), ("stack", "instances.tif"), ("coco", "json")):
        path = tmp_path / f"mine.{suffix}"
        assert export(folder, kind, path).code == 0
        assert path.read_bytes() == (tmp_path / "replay" / f"C04.corrected.{suffix}").read_bytes()


def test_the_table_of_a_session(session, export, tmp_path):
    folder, instances = session
    path = tmp_path / "table.csv"
    assert export(folder, "csv", path).code == 0
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == sorted(instances)
    states = {int(row["id"]): row["state"] for row in rows}
    assert states[2] == "predicted"
    assert "predicted" not in [states[key] for key in states if key != 2]
    assert [float(row["area_um2"]) for row in rows] == [
        instances[key].area / 4 for key in sorted(instances)
    ]


def test_the_audit_of_a_session_while_it_is_open(session, export, tmp_path):
    folder, _ = session
    out = tmp_path / "out"
    out.mkdir()
    done = export(folder, "audit", out)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{out / 'C04.audit.csv'}: 2 records\n"
    with (out / "C04.audit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # The bar of 8 x 28 pixels loses and the new instance gains the 8 x 5 beyond the cut.
    assert [(row["image"], row["event"], row["what"], row["touched_px"]) for row in rows] == [
        ("C04", "edit", "split along line", "80"),
        ("C04", "edit", "delete", "40"),
    ]
    assert float(rows[1]["elapsed_s"]) >= float(rows[0]["elapsed_s"]) >= 0


def test_an_audit_needs_a_session(native, export, tmp_path):
    out = tmp_path / "a.csv"
    assert "expected a session NAME.probinst" in export(native, "audit", out).refusal()
    assert not out.exists()


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_without_instances(prediction, export, tmp_path, kind):
    few = replace(prediction, settings=InferenceConfig(min_size=10_000))
    save_prediction(few, tmp_path / "few.npz")
    done = export(tmp_path / "few.npz", kind, tmp_path / f"none{FORMATS[kind].endings[0]}")
    assert done.code == 0
    assert done.out.endswith("0 instances, 0 overlap pixels\n")


@pytest.mark.parametrize("kind", FORMATS)
def test_what_can_t_be_written_there_is_refused(native, export, tmp_path, kind):
    sentence = export(native, kind, tmp_path / "out.txt").refusal()
    assert f"does it end in {FORMATS[kind].endings[0]}" in sentence
    missing = tmp_path / "missing" / f"out{FORMATS[kind].endings[0]}"
    assert "create it first" in export(native, kind, missing).refusal()
    assert [path.name for path in tmp_path.iterdir()] == [native.name]


def test_what_is_neither_session_nor_prediction_is_refused(export, tmp_path):
    out = tmp_path / "out.csv"
    assert "doesn't exist" in export(tmp_path / "none.npz", "csv", out).refusal()
    assert "no session of corrections" in export(tmp_path, "csv", out).refusal()
    (tmp_path / "text.npz").write_text("text")
    assert "text.npz" in export(tmp_path / "text.npz", "csv", out).refusal()
    assert not out.exists()


def test_what_was_given_in_the_place_of_a_prediction_is_said(native, export, tmp_path):
    tifffile.imwrite(tmp_path / "C04.labels.tif", np.zeros(SHAPE, np.uint16))
    (tmp_path / "C04.corrected.npz").write_bytes(native.read_bytes())
    for source, said in (
        (tmp_path, f"is a folder that holds {native.name}; expected a session NAME.probinst or a"),
        (tmp_path / "C04.labels.tif", "is a file .tif; expected"),
        (tmp_path / "C04.corrected.npz", "so give the session C04.probinst"),
    ):
        assert said in export(source, "csv", tmp_path / "out.csv").refusal()
    (tmp_path / "D05.prediction.npz").write_bytes(native.read_bytes())
    sentence = export(tmp_path, "csv", tmp_path / "out.csv").refusal()
    assert "and 1 more, which are exported one by one" in sentence


def test_a_torn_journal_is_told_and_the_rest_is_exported(session, export, tmp_path):
    folder, _ = session
    with (folder / JOURNAL).open("ab") as file:
        file.write(b'{"torn')
    done = export(folder, "csv", tmp_path / "out.csv")
    assert done.code == 0
    assert "was not finished" in done.err


def content(path):
    """Return what is at a path: the bytes of a file, or those of all files of a folder."""
    if path.is_file():
        return path.read_bytes()
    return {one.relative_to(path): one.read_bytes() for one in path.rglob("*") if one.is_file()}


@pytest.mark.parametrize("kind", [*FORMATS, *SESSION_FORMATS])
def test_what_is_there_is_replaced_only_when_asked_and_whole(session, export, kind, tmp_path):
    folder, _ = session
    ending = (FORMATS | SESSION_FORMATS)[kind].endings[0]
    path, other = tmp_path / f"mine{ending}", tmp_path / "other" / f"mine{ending}"
    other.parent.mkdir()
    for each in (path, other):
        assert export(folder, kind, each).code == 0
    (path / "stale" if kind == "ome-zarr" else path).write_bytes(b"mine")
    before = content(path)
    sentence = export(folder, kind, path).refusal()
    assert sentence == f"{path} exists: give --overwrite to replace it, or another --output."
    assert content(path) == before
    assert export(folder, kind, path, "--overwrite").code == 0
    assert content(path) == content(other)


def test_regions_are_never_added_to_those_of_an_earlier_export(
    prediction, native, export, tmp_path
):
    path = tmp_path / "C04.rois.zip"
    assert export(native, "imagej-roi-zip", path).code == 0
    few = replace(prediction, settings=InferenceConfig(min_size=200))
    save_prediction(few, tmp_path / "few.npz")
    assert export(tmp_path / "few.npz", "imagej-roi-zip", path, "--overwrite").code == 0
    assert len(from_rois(path)) == 2


def test_what_is_exported_and_its_image_are_never_replaced(native, session, export, tmp_path):
    folder, _ = session
    image = tmp_path / "images" / "C04.tif"
    image.parent.mkdir()
    tifffile.imwrite(image, np.zeros(SHAPE, np.uint16))
    for source, kind, output in (
        (native, "labels", image),
        (folder, "stack", image),
        (folder, "csv", folder),
        (folder, "audit", folder / "mine.csv"),
    ):
        before = content(tmp_path)
        sentence = export(source, kind, output, "--overwrite").refusal()
        assert sentence.endswith("is what is read, and would be lost: give another --output.")
        assert content(tmp_path) == before


def test_an_image_that_was_renamed_is_known_by_its_pixels(tmp_path, export, predict, pixels, write):
    """Whole, as one of two files, as a plane of a stack, and where the model has more channels."""
    pair, stack, alone = pixels(1), pixels(2, (3, 2, 19, 26)), pixels(3)[0]
    write(tmp_path / "pair_w1.tif", pair[1])
    write(tmp_path / "stack.tif", stack, metadata={"axes": "TCYX"})
    write(tmp_path / "alone.tif", alone)
    partner = write(tmp_path / "pair_w2.tif", pair[0])
    out = tmp_path / "out"
    assert predict(tmp_path, out).code == 0
    (tmp_path / "pair_w1.tif").rename(tmp_path / "p_w1.tif")
    for name, old, new in (
        ("alone", tmp_path / "alone.tif", "b.tif"),
        ("stack_001", tmp_path / "stack.tif", "film.tif"),
        ("pair", partner, "p_w2.tif"),
    ):
        image = old.rename(tmp_path / new)
        before = image.read_bytes()
        done = export(out / f"{name}.prediction.npz", "labels", image, "--overwrite")
        assert "would be lost: give another --output." in done.refusal()
        assert image.read_bytes() == before
    other = write(tmp_path / "other.tif", alone + 1)
    assert export(out / "alone.prediction.npz", "labels", other, "--overwrite").code == 0


def test_masks_that_are_called_like_the_image_are_exported_again(session, export, tmp_path):
    folder, _ = session
    path = tmp_path / "instances" / "C04.tif"
    path.parent.mkdir()
    assert export(folder, "stack", path).code == 0
    assert export(folder, "stack", path, "--overwrite").code == 0
