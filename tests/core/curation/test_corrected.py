"""Corrected files: exact, overlap-safe, readable by other programs, whole or absent."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from napari_probinst.core.curation import corrected
from napari_probinst.core.curation.corrected import save_corrected
from napari_probinst.core.curation.corrected_file import load_corrected
from napari_probinst.core.curation.edits import Add, Delete
from napari_probinst.core.curation.exported_session import flatten_corrected
from napari_probinst.core.curation.journal import read_journal
from napari_probinst.core.curation.replay import replay
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.data.io import read_instances
from napari_probinst.core.errors import InputError, OutputError
from napari_probinst.core.instances import Instance

# pycocotools hands out arrays in the manner of NumPy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPE = (40, 50)


@pytest.fixture
def make_session(make_prediction):
    def make(n_instances):
        masks = np.zeros((max(n_instances, 1), *SHAPE), bool)
        for index in range(n_instances):
            masks[index, 5 * index : 5 * index + 12, 3:30] = True
        return CurationSession(make_prediction(list(masks)))

    return make


@pytest.mark.parametrize("n_instances", [0, 1, 3, 4])
def test_all_files_hold_the_current_instances(make_session, tmp_path, n_instances):
    session = make_session(n_instances)
    paths = save_corrected(session, tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        path.name for path in paths
    )
    assert {path.name for path in paths} == {
        "C04.corrected" + suffix
        for suffix in (".npz", ".labels.tif", ".instances.tif", ".json", ".journal.jsonl")
    }
    native, labels, coco, _, stack = paths
    expected = [session.instances[key].full(SHAPE) for key in sorted(session.instances)]

    loaded = load_corrected(native)
    assert loaded.shape == SHAPE
    assert np.array_equal([instance.full(SHAPE) for instance in loaded.instances], expected)

    with tifffile.TiffFile(stack) as file:
        assert len(file.pages) == max(n_instances, 1)
        assert all(page.photometric.name == "MINISBLACK" for page in file.pages)
        description = json.loads(file.pages[0].description)
    assert description["n_instances"] == n_instances
    assert ("empty" in description.get("note", "")) == (n_instances == 0)
    masks = read_instances(stack, SHAPE).instances
    assert np.array_equal([instance.full(SHAPE) for instance in masks], expected)

    with tifffile.TiffFile(labels) as file:
        page, description = file.asarray(), json.loads(file.pages[0].description)
    cover = np.sum(expected, axis=0) if expected else np.zeros(SHAPE)
    assert np.array_equal(page > 0, cover > 0)
    assert description["n_overlap_pixels"] == np.count_nonzero(cover > 1)
    first = np.argmax(expected, axis=0) + 1 if expected else np.zeros(SHAPE)
    assert np.array_equal(page, np.where(cover > 0, first, 0))

    content = json.loads(coco.read_text())
    assert [image["file_name"] for image in content["images"]] == ["C04.tif"]
    assert len(content["annotations"]) == n_instances
    for annotation, mask in zip(content["annotations"], expected, strict=True):
        assert annotation["score"] == 1.0
        assert annotation["curated"] is True
        assert np.array_equal(coco_mask.decode(annotation["segmentation"]), mask)


def test_coco_file_loads_in_pycocotools(make_session, tmp_path, capsys):
    save_corrected(make_session(2), tmp_path, "well A1", file_name="A1.png")
    assert len(COCO(tmp_path / "well A1.corrected.json").anns) == 2
    capsys.readouterr()


def test_edit_undo_save_load_is_the_original_with_overlaps(make_session, tmp_path):
    session = make_session(3)
    before = [session.instances[key].full(SHAPE) for key in sorted(session.instances)]
    session.apply(Delete((1, 3)))
    session.apply(Add(Instance.from_mask(np.ones((12, 12), bool))))
    session.undo()
    session.undo()
    native = save_corrected(session, tmp_path)[0]
    after = [instance.full(SHAPE) for instance in load_corrected(native).instances]
    assert np.array_equal(before, after)


def test_saved_journal_replays_to_the_saved_masks(make_session, tmp_path):
    session = make_session(3)
    session.apply(Delete((2,)))
    paths = save_corrected(session, tmp_path)
    assert not session.modified
    again = replay(session.prediction, read_journal(tmp_path / "C04.corrected.journal.jsonl"))
    first = paths[0].read_bytes()
    save_corrected(again, tmp_path)
    assert paths[0].read_bytes() == first


def test_labels_are_ids_also_after_deletion(make_session):
    session = make_session(3)
    session.apply(Delete((1,)))
    labels, n_overlap = flatten_corrected(session)
    assert set(np.unique(labels)) == {0, 2, 3}
    assert n_overlap == 7 * 27


def test_stack_over_the_limit_is_left_out(make_session, tmp_path, monkeypatch):
    monkeypatch.setattr(corrected, "STACK_LIMIT", 100)
    paths = save_corrected(make_session(1), tmp_path)
    assert not any(path.name.endswith(".instances.tif") for path in paths)


def test_name_that_is_no_file_name_is_refused(make_session, tmp_path):
    session = make_session(1)
    session.apply(Delete((1,)))
    with pytest.raises(OutputError, match="file name"):
        save_corrected(session, tmp_path, "../evil")
    assert list(tmp_path.iterdir()) == []
    assert session.modified


def test_folder_that_is_a_file_is_refused(make_session, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="not a folder"):
        save_corrected(make_session(1), tmp_path / "file")


def test_damaged_native_files_are_refused(make_session, tmp_path):
    native = save_corrected(make_session(2), tmp_path)[0]
    content = native.read_bytes()
    for damage in (b"", b"text", content[:-40], content[: len(content) // 2]):
        native.write_bytes(damage)
        with pytest.raises(InputError):
            load_corrected(native)
    np.savez(native, header=np.frombuffer(b"{}", np.uint8))
    with pytest.raises(InputError, match="no corrected instances"):
        load_corrected(native)
    with pytest.raises(InputError, match="doesn't exist"):
        load_corrected(tmp_path / "nowhere.npz")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": 9}, "newer version"),
        ({"shape": [5, 5]}, "outside"),
        ({"shape": [10**9, 10**9]}, "claims"),
        ({"shape": "x"}, "not a complete"),
    ],
)
def test_contradictions_in_a_native_file_are_refused(make_session, tmp_path, changes, sentence):
    native = save_corrected(make_session(2), tmp_path)[0]
    with np.load(native) as archive:
        arrays = dict(archive)
    header = json.loads(arrays["header"].tobytes()) | changes
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(native, **arrays)
    with pytest.raises(InputError, match=sentence):
        load_corrected(native)


def test_masks_that_do_not_fill_their_boxes_are_refused(make_session, tmp_path):
    native = save_corrected(make_session(2), tmp_path)[0]
    with np.load(native) as archive:
        arrays = dict(archive)
    for masks in (arrays["masks"][:-1], np.append(arrays["masks"], np.uint8(0))):
        np.savez(native, **(arrays | {"masks": masks}))
        with pytest.raises(InputError, match="not a complete"):
            load_corrected(native)
