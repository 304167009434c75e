from __future__ import annotations

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_probinst.core.config import ChannelConfig, Config, NetworkConfig, TrainingConfig
from napari_probinst.core.data.bbbc010 import IMAGE_FOLDER, MASK_FOLDER
from napari_probinst.core.errors import InputError
from napari_probinst.core.training.sources import TrainingData, load_training_data

CONFIG = Config(network=NetworkConfig(channels=(ChannelConfig(name="c"),)))
SHAPE = (12, 20)


def _pair(folder, name, *, shape=SHAPE, masks=True):
    """Image NAME with two instances, in the plain layout."""
    (folder / "images").mkdir(exist_ok=True)
    (folder / "instances").mkdir(exist_ok=True)
    tifffile.imwrite(folder / "images" / f"{name}.tif", np.zeros(SHAPE, np.uint16))
    if masks:
        labels = np.zeros(shape, np.uint8)
        labels[2:6, 2:16], labels[8:11, 4:7] = 1, 2
        tifffile.imwrite(folder / "instances" / f"{name}.tif", labels)


def _well(folder, well):
    """Well of two worms, in BBBC010's layout."""
    for name in (IMAGE_FOLDER, MASK_FOLDER):
        (folder / name).mkdir(exist_ok=True)
    for number, channel in enumerate(("w1", "w2")):
        file = f"1649_1109_0003_Amp5-1_B_20070424_{well}_{channel}_X{number}.tif"
        tifffile.imwrite(folder / IMAGE_FOLDER / file, np.full(SHAPE, number + 1, np.uint16))
    for number in (1, 2):
        mask = np.zeros(SHAPE, np.uint8)
        mask[2 * number : 2 * number + 3] = 255
        iio.imwrite(folder / MASK_FOLDER / f"{well}_{number:02}_ground_truth.png", mask)


def _names(items):
    return [item.image.name for item in items]


@pytest.fixture
def folder(tmp_path):
    for name in "abcde":
        _pair(tmp_path, name)
    return tmp_path


def test_a_share_is_held_out_and_always_the_same(folder):
    data = load_training_data(folder, CONFIG)
    assert len(data.training) == 4
    assert len(data.validation) == 1
    assert sorted(_names(data.training) + _names(data.validation)) == list("abcde")
    again = load_training_data(folder, CONFIG)
    assert _names(again.validation) == _names(data.validation)


def test_the_share_is_a_setting(folder):
    config = CONFIG.model_copy(update={"training": TrainingConfig(held_out=0.0)})
    assert not load_training_data(folder, config).validation
    config = CONFIG.model_copy(update={"training": TrainingConfig(held_out=1.0)})
    assert len(load_training_data(folder, config).training) == 1


def test_one_image_is_for_training(tmp_path):
    _pair(tmp_path, "only")
    data = load_training_data(tmp_path, CONFIG)
    assert (_names(data.training), _names(data.validation)) == (["only"], [])


def test_lists_decide(folder):
    (folder / "train.txt").write_text("d\nb  # the good one\n\n")
    (folder / "validation.txt").write_text("a\n")
    data = load_training_data(folder, CONFIG)
    assert (_names(data.training), _names(data.validation)) == (["d", "b"], ["a"])


def test_lists_that_are_named_come_first(folder):
    (folder / "train.txt").write_text("d\n")
    other = folder / "other.txt"
    other.write_text("e\n")
    data = load_training_data(
        folder, CONFIG, train_list=other, validation_list=folder / "train.txt"
    )
    assert (_names(data.training), _names(data.validation)) == (["e"], ["d"])


def test_without_a_training_list_the_rest_is_trained_on(folder):
    (folder / "validation.txt").write_text("a\nc\n")
    data = load_training_data(folder, CONFIG)
    assert (_names(data.training), _names(data.validation)) == (["b", "d", "e"], ["a", "c"])


def test_images_are_read_with_their_instances(folder):
    item = load_training_data(folder, CONFIG).training[0]
    assert item.truth.areas().tolist() == [56, 9]
    assert item.image.channels.shape == (1, *SHAPE)
    assert item.normalised(CONFIG).channels.dtype == np.float32


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        ("a\nz\n", "b\n", "train.txt names z"),
        ("a\n", "y\n", "validation.txt names y"),
        ("a\nb\n", "b\nc\n", "b would serve both"),
        ("", "b\n", "names nothing"),
        ("a\na\n", "b\n", "lists a more than once"),
    ],
)
def test_lists_that_make_no_sense_are_refused(folder, train, validation, message):
    (folder / "train.txt").write_text(train)
    (folder / "validation.txt").write_text(validation)
    with pytest.raises(InputError, match=message):
        load_training_data(folder, CONFIG)


def test_a_list_that_is_missing_is_refused(folder):
    with pytest.raises(InputError, match=r"missing\.txt"):
        load_training_data(folder, CONFIG, train_list=folder / "missing.txt")


def test_an_image_without_masks_is_refused_by_name(folder):
    _pair(folder, "f", masks=False)
    with pytest.raises(InputError, match=r"no mask file for the image f; expected .*f\.tif"):
        load_training_data(folder, CONFIG)


def test_masks_of_another_shape_are_refused(folder):
    _pair(folder, "a", shape=(12, 21))
    with pytest.raises(InputError, match="12 x 21"):
        load_training_data(folder, CONFIG)


@pytest.mark.parametrize("content", ["missing", "empty", "file"])
def test_a_folder_of_neither_layout_is_refused(tmp_path, content):
    path = tmp_path / "data"
    if content == "empty":
        path.mkdir()
    elif content == "file":
        path.write_text("x")
    with pytest.raises(InputError, match="data"):
        load_training_data(path, CONFIG)


def test_wells_are_recognised(tmp_path):
    for well in ("A01", "B02"):
        _well(tmp_path, well)
    (tmp_path / "train.txt").write_text("B02\n")
    (tmp_path / "validation.txt").write_text("A01\n")
    data = load_training_data(tmp_path, Config())
    assert (_names(data.training), _names(data.validation)) == (["B02"], ["A01"])
    item = data.training[0]
    assert item.truth.areas().tolist() == [60, 60]
    # Bright field (w2) comes first for the default network.
    assert item.image.channels[:, 0, 0].tolist() == [2, 1]


def test_masks_of_a_well_of_another_shape_are_refused(tmp_path):
    _well(tmp_path, "A01")
    for path in (tmp_path / MASK_FOLDER).iterdir():
        iio.imwrite(path, np.zeros((5, 5), np.uint8))
    with pytest.raises(InputError, match="A01"):
        load_training_data(tmp_path, Config())


def test_extent_is_a_square_of_whole_strides_that_holds_every_image(data):
    assert data.extent(16, coordinates=True) == (64, 64)
    assert data.extent(1, coordinates=True) == (56, 56)


def test_without_coordinates_to_read_the_extent_is_as_large_as_memory_allows(data):
    assert data.extent(16, coordinates=False) == (1024, 1024)
    assert data.extent(24, coordinates=False) == (1008, 1008)


def test_object_width_is_that_of_the_bars(labelled):
    # A bar of six rows: its middle is three pixels from the outline.
    assert TrainingData((labelled("a", 0),), ()).object_width() == pytest.approx(6, abs=1.1)


def test_real_wells(bbbc010, tmp_path):
    one = tmp_path / "one.txt"
    one.write_text("A01\n")
    two = tmp_path / "two.txt"
    two.write_text("A02\n")
    data = load_training_data(bbbc010, Config(), train_list=one, validation_list=two)
    assert data.training[0].image.channels.shape == (2, 520, 696)
    assert 11 <= len(data.training[0].truth) <= 15
    assert 7 < data.object_width() < 14
