import imagecodecs
import numpy as np
import pytest
import tifffile

from napari_probinst.core.config import ChannelConfig, NetworkConfig
from napari_probinst.core.data.io import find_images
from napari_probinst.core.errors import InputError

WORMS = NetworkConfig().channels  # bright field (w2), fluorescence (w1, optional)
BOTH = tuple(channel.model_copy(update={"required": True}) for channel in WORMS)
SINGLE = (ChannelConfig(name="phase"),)


def write(path, pixels):
    if path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(pixels))
    else:
        tifffile.imwrite(path, pixels, photometric="minisblack")
    return path


def plane(value, shape=(4, 6)):
    return np.full(shape, value, np.uint16)


def names(sources):
    return [source.name for source in sources]


def test_each_file_of_a_folder_is_an_image_sorted_by_name(tmp_path):
    for name in ("b.tif", "a.png", "c.ome.tif"):
        write(tmp_path / name, plane(1))
    (tmp_path / "notes.txt").write_text("x")
    write(tmp_path / ".hidden.tif", plane(1))
    (tmp_path / "deeper").mkdir()
    write(tmp_path / "deeper" / "d.tif", plane(1))
    assert names(find_images(tmp_path, SINGLE)) == ["a", "b", "c"]


def test_results_of_this_program_are_no_images(tmp_path):
    write(tmp_path / "a.tif", plane(1))
    for suffix in ("labels", "probability", "entropy", "instances", "counts", "corrected.labels"):
        write(tmp_path / f"a.{suffix}.tif", plane(1))
    assert names(find_images(tmp_path, SINGLE)) == ["a"]


def test_pairs_are_one_image_in_the_models_order(tmp_path):
    write(tmp_path / "p_w1.tif", plane(1))
    write(tmp_path / "p_w2.tif", plane(2))
    write(tmp_path / "alone.tif", plane(3))
    alone, pair = find_images(tmp_path, WORMS)
    assert names([alone, pair]) == ["alone", "p"]
    image = pair.read()
    assert image.channels[:, 0, 0].tolist() == [2, 1]
    assert image.channel_names == ("bright field", "fluorescence")
    assert image.present == (True, True)
    assert image.path == tmp_path / "p_w2.tif"


@pytest.mark.parametrize("given", ["p_w1.tif", "p_w2.tif"])
def test_either_file_of_a_pair_finds_its_partner(tmp_path, given):
    write(tmp_path / "p_w1.tif", plane(1))
    write(tmp_path / "p_w2.tif", plane(2))
    write(tmp_path / "q_w2.tif", plane(3))
    (source,) = find_images(tmp_path / given, WORMS)
    assert source.name == "p"
    assert source.read().channels[:, 0, 0].tolist() == [2, 1]


def test_a_missing_optional_channel_is_zero_and_said(tmp_path):
    write(tmp_path / "p_w2.tif", plane(2))
    (source,) = find_images(tmp_path, WORMS)
    image = source.read()
    assert image.channels[:, 0, 0].tolist() == [2, 0]
    assert image.present == (True, False)


def test_a_missing_required_channel_is_refused(tmp_path):
    orphan = write(tmp_path / "p_w1.tif", plane(1))
    with pytest.raises(InputError, match=r"p_w1\.tif .* bright field; .* p_w2\.tif"):
        find_images(orphan, WORMS)


def test_files_that_are_no_image_keep_no_other_from_being_read(tmp_path):
    write(tmp_path / "good.tif", plane(1))
    write(tmp_path / "orphan_w1.tif", plane(1))
    write(tmp_path / "twice.tif", plane(1))
    write(tmp_path / "twice.png", plane(1))
    good, orphan, twice = find_images(tmp_path, WORMS)
    assert names([good, orphan, twice]) == ["good", "orphan", "twice"]
    assert good.read().channels[0, 0, 0] == 1
    for source, sentence in ((orphan, "has no partner"), (twice, "would both be the image")):
        assert sentence in source.problem
        for read in (source.open, source.read):
            with pytest.raises(InputError, match=sentence):
                read()


def test_a_pair_of_two_shapes_is_refused(tmp_path):
    write(tmp_path / "p_w1.tif", plane(1))
    write(tmp_path / "p_w2.tif", plane(2, (4, 7)))
    (source,) = find_images(tmp_path, WORMS)
    with pytest.raises(InputError, match=r"p_w1\.tif is 4 x 6 pixels, but .*p_w2\.tif is 4 x 7"):
        source.read()


def test_a_file_of_a_pair_holds_one_channel(tmp_path):
    write(tmp_path / "p_w2.tif", np.zeros((2, 4, 6), np.uint8))
    with pytest.raises(InputError, match=r"p_w2\.tif has 2 channels"):
        find_images(tmp_path, WORMS)[0].read()


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (("a.tif", "a.png"), "a"),
        (("a_w1.tif", "a_w1.png", "a_w2.tif"), "a"),
        (("a.tif", "a_w1.tif", "a_w2.tif"), "a"),
        (("a_w2.tif", "a-w2.tif"), "a"),
    ],
)
def test_two_files_of_one_name_are_refused_by_name(tmp_path, files, name):
    for file in files:
        write(tmp_path / file, plane(1))
    (source,) = find_images(tmp_path, WORMS)
    with pytest.raises(InputError, match=rf"would both be the image '{name}'") as caught:
        source.open()
    assert sum(file in str(caught.value) for file in files) == 2


def test_a_file_that_has_a_rival_for_its_channel_is_refused_at_once(tmp_path):
    for file in ("a_w2.tif", "a_w2.png"):
        write(tmp_path / file, plane(1))
    with pytest.raises(InputError, match="would both be the image 'a'"):
        find_images(tmp_path / "a_w2.tif", WORMS)


def test_a_file_alone_is_not_refused_for_a_namesake(tmp_path):
    write(tmp_path / "a.tif", plane(1))
    write(tmp_path / "a.png", plane(1))
    assert names(find_images(tmp_path / "a.tif", SINGLE)) == ["a"]


def test_one_file_with_all_or_only_the_required_channels(tmp_path):
    write(tmp_path / "two.tif", np.stack([plane(2), plane(1)]))
    write(tmp_path / "one.tif", plane(5))
    one, two = find_images(tmp_path, WORMS)
    assert one.read().present == (True, False)
    assert two.read().channels[:, 0, 0].tolist() == [2, 1]


RGB = tuple(ChannelConfig(name=name) for name in ("red", "green", "blue"))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("alpha", [False, True])
def test_colours_are_three_channels_where_the_model_has_three(tmp_path, suffix, alpha):
    colours = np.zeros((4, 6, 4 if alpha else 3), np.uint8)
    colours[...] = (10, 20, 30, 255)[: colours.shape[-1]]
    path = tmp_path / f"a{suffix}"
    if suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(colours))
    else:
        tifffile.imwrite(path, colours, photometric="rgb", extrasamples=alpha or None)
    for channels, values in (
        (RGB, [10, 20, 30]),
        ((*RGB, ChannelConfig(name="DAPI", required=False)), [10, 20, 30, 0]),
        (SINGLE, [18]),
        (WORMS, [18, 0]),
    ):
        (source,) = find_images(path, channels)
        for image in (source.read(), source.open()):
            assert np.array(image.channels)[:, 0, 0].tolist() == values
            assert image.from_colours == (18 in values)
    with pytest.raises(InputError, match=r"has 1 channel \(luminance of its colours\); this model"):
        find_images(path, BOTH)[0].read()


@pytest.mark.parametrize(
    ("n_channels", "channels", "said"),
    [
        (3, WORMS, "3 channels; this model needs 2 (bright field, fluorescence) or 1 (bright"),
        (1, BOTH, "1 channel; this model needs 2 (bright field, fluorescence), so"),
        (2, SINGLE, "2 channels; this model needs 1 (phase)"),
    ],
)
def test_a_wrong_number_of_channels_is_refused_with_counts(tmp_path, n_channels, channels, said):
    path = write(tmp_path / "a.tif", np.zeros((n_channels, 4, 6), np.uint16))
    with pytest.raises(InputError) as caught:
        find_images(path, channels)[0].read()
    assert said in str(caught.value)


def test_images_can_be_chosen_by_name(tmp_path):
    for name in "cab":
        write(tmp_path / f"{name}.tif", plane(1))
    assert names(find_images(tmp_path, SINGLE, wells=["b", "a", "b"])) == ["a", "b"]


def test_unknown_names_are_refused_with_what_exists(tmp_path):
    for i in range(20):
        write(tmp_path / f"A{i:02}.tif", plane(1, (1, 1)))
    with pytest.raises(InputError, match=r"no Z99, Z98; it holds A00, .*A07, … \(20 in all\)"):
        find_images(tmp_path, SINGLE, wells=["A01", "Z99", "Z98"])
    with pytest.raises(InputError, match="at least one"):
        find_images(tmp_path, SINGLE, wells=[])


def test_a_folder_without_images_and_an_absent_path_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no image"):
        find_images(tmp_path, SINGLE)
    with pytest.raises(InputError, match="doesn't exist"):
        find_images(tmp_path / "a.tif", SINGLE)


STEM = "1649_1109_0003_Amp5-1_B_20070424"


@pytest.fixture
def wells(tmp_path):
    folder = tmp_path / "BBBC010_v2_images"
    folder.mkdir()
    for well in ("B02", "A01"):
        for channel, value in (("w1", 1), ("w2", 2)):
            write(folder / f"{STEM}_{well}_{channel}_9E84F49F-{value}.tif", plane(value))
    return tmp_path


def test_wells_of_bbbc010_are_images_named_by_well(wells):
    for folder in (wells, wells / "BBBC010_v2_images"):
        sources = find_images(folder, WORMS)
        assert names(sources) == ["A01", "B02"]
        assert sources[0].read().channels[:, 0, 0].tolist() == [2, 1]
    assert names(find_images(wells, WORMS, wells=["B02"])) == ["B02"]


def test_one_file_of_a_well_finds_its_partner(wells):
    path = wells / "BBBC010_v2_images" / f"{STEM}_B02_w1_9E84F49F-1.tif"
    (source,) = find_images(path, WORMS)
    assert source.name == "B02"
    assert source.read().channels[:, 0, 0].tolist() == [2, 1]


def test_a_model_without_marks_takes_each_file(wells):
    assert len(find_images(wells / "BBBC010_v2_images", SINGLE)) == 4


def test_a_real_well(bbbc010):
    (source,) = find_images(bbbc010, WORMS, wells=["A01"])
    image = source.read()
    assert image.shape == (520, 696)
    assert image.channels.dtype == np.uint16
    assert image.pixel_size is None  # 72 dots an inch are a printer's
    assert image.channels[0].mean() > image.channels[1].mean()
