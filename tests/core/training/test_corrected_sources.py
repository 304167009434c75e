"""Corrected sessions serve as training data: correct, train again, go on."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_probinst.core.config import ChannelConfig, Config, InferenceConfig, NetworkConfig
from napari_probinst.core.curation.edits import Delete
from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.prediction import Prediction
from napari_probinst.core.training.sources import load_training_data

CONFIG = Config(network=NetworkConfig(channels=(ChannelConfig(name="c"),)))
SHAPE = (12, 20)


def write_image(folder, name):
    folder.mkdir(exist_ok=True)
    tifffile.imwrite(folder / f"{name}.tif", np.zeros(SHAPE, np.uint16))


def write_session(folder, name, shape=SHAPE):
    """Session of three crossing bars, the second of which was deleted."""
    folder.mkdir(exist_ok=True)
    bars = (
        Instance((2, 2, 6, 16), np.ones((4, 14), bool)),
        Instance((7, 1, 9, 3), np.ones((2, 2), bool)),
        Instance((1, 8, 11, 11), np.ones((10, 3), bool)),
    )
    instances = agglomerate([InstanceSet(shape, bars)] * 2)
    prediction = Prediction(name, instances, (), InferenceConfig(min_size=4))
    with create_session(prediction, folder / f"{name}.probinst") as opened:
        opened.session.apply(Delete((2,)))


def truths(folders):
    data = load_training_data(folders, CONFIG)
    return {
        item.image.name: item.truth.areas().tolist() for item in (*data.training, *data.validation)
    }


def test_sessions_stand_among_masks(tmp_path):
    for name in ("a", "b"):
        write_image(tmp_path / "images", name)
    write_session(tmp_path / "instances", "a")
    tifffile.imwrite(tmp_path / "instances" / "b.tif", np.eye(12, 20, dtype=np.uint8))
    # What was deleted is gone, and an overlap is in both.
    assert truths(tmp_path) == {"a": [56, 30], "b": [12]}


@pytest.mark.parametrize("images", [".", "images"])
def test_a_folder_of_sessions_with_their_images(tmp_path, images):
    for name in ("a", "b", "not yet corrected"):
        write_image(tmp_path / images, name)
    for name in ("a", "b"):
        write_session(tmp_path, name)
    assert truths(tmp_path) == {"a": [56, 30], "b": [56, 30]}


def test_a_chosen_session_stands_for_itself_alone(tmp_path):
    for name in ("a", "b", "c"):
        write_image(tmp_path, name)
        write_session(tmp_path, name)
    (tmp_path / "train.txt").write_text("b\n")
    assert truths(tmp_path / "a.probinst") == {"a": [56, 30]}
    assert truths([tmp_path / "c.probinst", tmp_path / "a.probinst"]).keys() == {"a", "c"}


def test_chosen_sessions_and_folders_train_together_and_none_twice(tmp_path):
    for folder in ("one", "other"):
        for name in ("a", "b"):
            write_image(tmp_path / folder, f"{folder} {name}")
            write_session(tmp_path / folder, f"{folder} {name}")
    one, other = tmp_path / "one", tmp_path / "other"
    chosen = [other / "other b.probinst", one / "one a.probinst", one]
    data = load_training_data(chosen, CONFIG)
    names = sorted(item.image.name for item in (*data.training, *data.validation))
    assert names == ["one a", "one b", "other b"]


def test_a_session_that_is_chosen_among_masks_finds_its_image(tmp_path):
    write_image(tmp_path / "images", "a")
    write_session(tmp_path / "instances", "a")
    assert truths(tmp_path / "instances" / "a.probinst") == {"a": [56, 30]}


def test_a_list_of_names_goes_with_one_folder(tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("a\n")
    for folder in ("one", "other"):
        write_image(tmp_path / folder, "a")
        write_session(tmp_path / folder, "a")
    for several in ([tmp_path / "one", tmp_path / "other"], [tmp_path / "one" / "a.probinst"]):
        with pytest.raises(InputError, match="lists the images of one folder"):
            load_training_data(several, CONFIG, train_list=names)


def test_a_session_is_read_while_it_is_being_corrected(tmp_path):
    write_image(tmp_path, "a")
    prediction = Prediction("a", agglomerate([InstanceSet(SHAPE, ())]), ())
    with create_session(prediction, tmp_path / "a.probinst"):
        assert truths(tmp_path) == {"a": []}


def test_a_session_without_an_image_is_named(tmp_path):
    write_image(tmp_path, "a")
    write_session(tmp_path, "b")
    with pytest.raises(InputError, match=r"b\.probinst has no image"):
        load_training_data(tmp_path, CONFIG)


def test_the_second_session_of_an_image_is_used_by_itself_alone(tmp_path):
    """Trained again, predicted again, corrected again: that session is begun as ``a-2``."""
    write_image(tmp_path, "a")
    write_session(tmp_path, "a")
    second = (tmp_path / "a.probinst").rename(tmp_path / "a-2.probinst")
    assert truths(tmp_path) == truths(second) == {"a": [56, 30]}
    write_session(tmp_path, "a")
    assert truths(second) == {"a": [56, 30]}
    for data in (tmp_path, [second, tmp_path / "a.probinst"]):
        with pytest.raises(InputError, match="a has both .*give the one that is right by itself"):
            load_training_data(data, CONFIG)
    write_image(tmp_path, "a-2")
    assert truths(tmp_path).keys() == {"a", "a-2"}


@pytest.mark.parametrize("place", [".", "instances"])
def test_a_session_of_another_size_is_refused(tmp_path, place):
    write_image(tmp_path / "images", "a")
    write_session(tmp_path / place, "a", shape=(12, 21))
    with pytest.raises(InputError, match="12 x 21 pixels, but its image is 12 x 20"):
        load_training_data(tmp_path, CONFIG)


def test_masks_and_a_session_of_one_image_are_refused(tmp_path):
    write_image(tmp_path / "images", "a")
    write_session(tmp_path / "instances", "a")
    tifffile.imwrite(tmp_path / "instances" / "a.tif", np.eye(12, 20, dtype=np.uint8))
    with pytest.raises(InputError, match="has both"):
        load_training_data(tmp_path, CONFIG)


def test_a_folder_that_only_has_a_session_s_name_is_refused(tmp_path):
    write_image(tmp_path, "a")
    (tmp_path / "a.probinst").mkdir()
    with pytest.raises(InputError, match="no session of corrections"):
        load_training_data(tmp_path, CONFIG)
