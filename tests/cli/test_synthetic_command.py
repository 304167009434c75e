from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.config import Config
from napari_probinst.core.data.synthetic import synthetic_image
from napari_probinst.core.training.sources import load_training_data


def test_a_folder_is_written_that_training_reads(tmp_path, run):
    done = run("synthetic", "--output", tmp_path / "data", "--images", 2, "--seed", 5)
    assert (done.code, done.err) == (0, "")
    assert "2 images and their instances, synthetic_000 to synthetic_001" in done.out
    data = load_training_data(tmp_path / "data", Config())
    items = {item.image.name: item for item in (*data.training, *data.validation)}
    assert sorted(items) == ["synthetic_000", "synthetic_001"]
    expected = synthetic_image((5, 1))
    found = items["synthetic_001"]
    np.testing.assert_array_equal(found.image.channels, expected.channels)
    np.testing.assert_array_equal(found.truth.cover(), expected.truth.cover())


@pytest.mark.parametrize("option", [("--images", 0), ("--worm-width", 1), ("--seed", -1)])
def test_numbers_out_of_range_are_refused(tmp_path, run, option):
    done = run("synthetic", "--output", tmp_path / "data", *option)
    assert done.code == 2
    assert not (tmp_path / "data").exists()


def test_a_file_in_the_way_is_said(tmp_path, run):
    (tmp_path / "data").write_text("x")
    refused = run("synthetic", "--output", tmp_path / "data", "--images", 1)
    assert "is a file, not a folder" in refused.refusal()


def test_images_are_drawn_among_other_files_only_when_asked(tmp_path, run):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "synthetic_000.tif").write_text("mine")
    arguments = ("synthetic", "--output", tmp_path, "--images", 1)
    refused = run(*arguments).refusal()
    assert refused.startswith(f"{tmp_path} is not empty: give --overwrite")
    assert (folder / "synthetic_000.tif").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
    assert run(*arguments, "--overwrite").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "instances"]
    (tmp_path / "empty").mkdir()
    assert run("synthetic", "--output", tmp_path / "empty", "--images", 1).code == 0
