"""Which files and sessions of a folder are the truth, or what was segmented."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.curation.edits import Delete
from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.instance_files import predicted_files, true_files
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.prediction import Prediction

SHAPE = (12, 20)
LABELS = np.zeros(SHAPE, np.uint16)
LABELS[1:4, 2:9] = 1
#: Grey values, of which one would make instances.
PICTURE = np.arange(240, dtype=np.uint16).reshape(SHAPE) % 7 + 1


def write(folder, *names, page=LABELS):
    folder.mkdir(exist_ok=True, parents=True)
    for name in names:
        tifffile.imwrite(folder / name, page, photometric="minisblack")


def write_session(path, name):
    """Session of two bars, the first of which was deleted."""
    bars = tuple(Instance((row, 2, row + 3, 12), np.ones((3, 10), bool)) for row in (1, 6))
    drawn = agglomerate([InstanceSet(SHAPE, bars)] * 2)
    path.parent.mkdir(exist_ok=True)
    with create_session(Prediction(name, drawn, (), InferenceConfig(min_size=4)), path) as opened:
        opened.session.apply(Delete((1,)))


def files(found):
    return {name: one.file_name for name, one in found.items()}


@pytest.mark.parametrize("find", [true_files, predicted_files])
def test_masks_of_another_program_lie_beside_its_images(tmp_path, find):
    write(tmp_path, "a.tif", "b.tif", page=PICTURE)
    write(tmp_path, "a_cp_masks.tif", "b_cp_masks.png.tif", "b_cp_masks.tif")
    found = find(tmp_path)
    assert files(found)["a"] == "a_cp_masks.tif"
    assert files(found)["b"] == "b_cp_masks.tif"
    assert found["a"].read().areas().tolist() == [21]


def test_one_session_is_of_its_image(tmp_path):
    write_session(tmp_path / "a-2.probinst", "a")
    for find in (true_files, predicted_files):
        found = find(tmp_path / "a-2.probinst")
        assert files(found) == {"a": "a-2.probinst"}
        assert found["a"].read().areas().tolist() == [30]


def test_a_session_is_preferred_to_what_was_made_of_it(tmp_path):
    write(tmp_path, "a.tif", page=PICTURE)
    write(tmp_path, "a.corrected.instances.tif", "b.corrected.labels.tif")
    write_session(tmp_path / "a.probinst", "a")
    expected = {"a": "a.probinst", "b": "b.corrected.labels.tif"}
    assert files(true_files(tmp_path)) == expected
    assert files(predicted_files(tmp_path)) == expected


def test_what_was_predicted_is_no_truth(tmp_path):
    write(tmp_path, "a.labels.tif", "a.instances.tif", "b.labels.tif", "b.corrected.labels.tif")
    write(tmp_path, "c.instances.tif")
    for name in "ab":
        (tmp_path / f"{name}.prediction.npz").touch()
    assert files(true_files(tmp_path)) == {
        "b": "b.corrected.labels.tif",
        "c": "c.instances.tif",
    }
    assert files(predicted_files(tmp_path, corrected=True)) == {"b": "b.corrected.labels.tif"}


def test_a_training_folder_holds_masks_and_sessions(tmp_path):
    write(tmp_path / "images", "a.tif", "b.tif", page=PICTURE)
    write(tmp_path / "instances", "a.tif")
    write_session(tmp_path / "instances" / "b.probinst", "b")
    expected = {"a": "a.tif", "b": "b.probinst"}
    assert files(true_files(tmp_path)) == files(true_files(tmp_path / "instances")) == expected


def test_what_could_both_be_the_truth_is_refused_by_name(tmp_path):
    folder = tmp_path / "instances"
    write(folder, "a.tif", "a.corrected.instances.tif")
    with pytest.raises(InputError, match=r"both a\.tif and a\.corrected\.instances\.tif for a;"):
        true_files(tmp_path)
    write_session(tmp_path / "b.probinst", "b")
    write_session(tmp_path / "b-2.probinst", "b")
    for find in (true_files, predicted_files):
        with pytest.raises(InputError, match=r"both b-2\.probinst and b\.probinst for b; keep"):
            find(tmp_path)


def test_nothing_is_found_where_nothing_is(tmp_path):
    write(tmp_path, "a.entropy.tif")
    assert true_files(tmp_path) == predicted_files(tmp_path) == {}
