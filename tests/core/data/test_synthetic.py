"""Synthetic worms: exact masks, true overlaps, the look of the real ones, any shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_probinst.core.config import NetworkConfig
from napari_probinst.core.data.io import find_images, read_instances
from napari_probinst.core.data.synthetic import SyntheticImage, synthetic_image, write_dataset
from napari_probinst.core.errors import OutputError

REAL = Path(__file__).resolve().parents[4] / "shared" / "bbbc010" / "BBBC010_v2_images"
SMALL = {"shape": (150, 170), "worm_width": 4.0}


@pytest.fixture(scope="module")
def wells() -> list[SyntheticImage]:
    return [synthetic_image(seed) for seed in range(4)]


def test_channels_are_those_of_the_network_in_its_order(wells: list[SyntheticImage]) -> None:
    expected = tuple(channel.name for channel in NetworkConfig().channels)
    for image in wells:
        assert image.channel_names == expected
        assert image.channels.shape == (2, 520, 696)
        assert image.channels.dtype == np.uint16
        assert image.channels.max() <= 4095
        # Bright field is bright; fluorescence is mostly dark.
        assert np.median(image.channels[0]) > np.median(image.channels[1])


def test_number_size_and_overlap_are_those_of_real_wells(wells: list[SyntheticImage]) -> None:
    for image in wells:
        assert 11 <= len(image.truth) <= 15
        areas = image.truth.areas()
        assert areas.min() >= 650
        assert areas.max() <= 1400
    shared = [np.count_nonzero(image.truth.cover() > 1) for image in wells]
    assert 40 <= np.mean(shared) <= 450


def test_masks_are_complete_where_worms_cross() -> None:
    truth = synthetic_image(0, n_worms=8, crossing=1.0, touching=0.0).truth
    cover = truth.cover()
    assert truth.areas().sum() > np.count_nonzero(cover)
    assert truth.areas().sum() == cover.sum()
    # Each worm but the first was laid across another one, and none lost a piece to it.
    for index, instance in enumerate(truth.instances):
        others = truth.instances[:index] + truth.instances[index + 1 :]
        assert max(instance.intersection(other) for other in others) >= 40
        assert ndimage.label(instance.mask, np.ones((3, 3)))[1] == 1


def test_worms_of_a_free_well_keep_apart() -> None:
    truth = synthetic_image(5, n_worms=8, crossing=0.0, touching=0.0).truth
    assert truth.cover().max() == 1
    _, n_pieces = ndimage.label(truth.cover(), np.ones((3, 3)))
    assert n_pieces == len(truth) == 8


def test_touching_worms_lie_within_two_pixels() -> None:
    truth = synthetic_image(3, n_worms=6, crossing=0.0, touching=1.0).truth
    for index, instance in enumerate(truth.instances[1:], start=1):
        earlier = np.any([other.full(truth.shape) for other in truth.instances[:index]], axis=0)
        assert ndimage.distance_transform_edt(~earlier)[instance.full(truth.shape)].min() <= 2.5
        assert np.count_nonzero(earlier & instance.full(truth.shape)) <= 15


def test_a_worm_darkens_the_bright_field_and_a_second_one_more() -> None:
    image = synthetic_image(0, n_worms=8, crossing=1.0, touching=0.0)
    cover, bright = image.truth.cover(), image.channels[0].astype(float)
    background = np.median(bright[ndimage.binary_dilation(cover, iterations=9) & (cover == 0)])
    inside = ndimage.binary_erosion(cover > 0, iterations=3)
    single, double = (bright[inside & (cover == n)].mean() for n in (1, 2))
    assert double < single < 0.7 * background
    # The second worm is seen through the first: the crossing is not just black.
    assert double > 100


def test_mask_and_rendering_agree_on_the_contour() -> None:
    # A fresh eye's segmentation: half way between background and body.
    image = synthetic_image(5, n_worms=8, crossing=0.0, touching=0.0)
    bright = image.channels[0].astype(float)
    agreement, spilled = [], []
    for instance in image.truth.instances:
        mask = instance.full(image.truth.shape)
        around = ndimage.binary_dilation(mask, iterations=4)
        level = np.median(bright[around & ~ndimage.binary_dilation(mask, iterations=2)])
        seen = around & (bright < 0.8 * level)
        agreement.append(np.count_nonzero(seen & mask) / np.count_nonzero(seen | mask))
        spilled.append(np.count_nonzero(seen & ~mask) / instance.area)
    # The median, as dirt and what clings to a dead worm are dark also.
    assert min(agreement) > 0.7
    assert np.median(agreement) > 0.8
    assert np.median(spilled) < 0.05


def test_dead_worms_fluoresce_and_are_straighter() -> None:
    dead, live = (
        synthetic_image(2, n_worms=8, crossing=0.0, touching=0.0, dead=share)
        for share in (1.0, 0.0)
    )
    for image, low, high in ((dead, 200, 4095), (live, 90, 160)):
        for instance in image.truth.instances:
            glow = np.median(image.channels[1][instance.full(image.truth.shape)])
            assert low < glow < high
    reach = [
        np.mean([np.hypot(*instance.mask.shape) for instance in image.truth.instances])
        for image in (dead, live)
    ]
    assert reach[0] > 1.15 * reach[1]


def test_same_seed_gives_the_same_bytes() -> None:
    first, second = (synthetic_image(7, **SMALL) for _ in range(2))
    assert first.channels.tobytes() == second.channels.tobytes()
    assert len(first.truth) == len(second.truth) > 0
    for one, other in zip(first.truth.instances, second.truth.instances, strict=True):
        assert one.bbox == other.bbox
        assert one.same_pixels(other)
    assert first.channels.tobytes() != synthetic_image(8, **SMALL).channels.tobytes()


@pytest.mark.parametrize("n_worms", [0, 1, 2, 17])
def test_number_of_worms_is_respected(n_worms: int) -> None:
    assert len(synthetic_image(1, n_worms=n_worms, **SMALL).truth) == n_worms


def test_usual_number_follows_the_area() -> None:
    assert 1 <= len(synthetic_image(0, (260, 348)).truth) <= 6
    assert 11 <= len(synthetic_image(0, (260, 348), worm_width=5.0).truth) <= 15


@settings(max_examples=25, derandomize=True, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    worm_width=st.floats(2, 40),
    seed=st.integers(0, 1000),
)
def test_any_shape_gives_a_valid_image(
    height: int, width: int, worm_width: float, seed: int
) -> None:
    image = synthetic_image(seed, (height, width), 3, worm_width)
    assert image.channels.shape == (2, height, width)
    assert image.truth.shape == (height, width)
    assert 0 <= len(image.truth) <= 3
    assert (image.truth.areas() > 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (9, 9)])
def test_tiny_images_hold_no_worm(shape: tuple[int, int]) -> None:
    assert len(synthetic_image(0, shape).truth) == 0


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"shape": (0, 5)}, "shape"),
        ({"shape": (4, 5, 6)}, "shape"),
        ({"n_worms": -1}, "n_worms"),
        ({"worm_width": 0.0}, "worm_width"),
        ({"worm_width": float("nan")}, "worm_width"),
        ({"crossing": 1.5}, "crossing"),
        ({"dead": -0.1}, "dead"),
        ({"crossing": 0.6, "touching": 0.6}, "sum"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        synthetic_image(0, **parameters)  # type: ignore[arg-type]


def test_data_set_reads_back_equal(tmp_path: Path) -> None:
    names = write_dataset(tmp_path, 2, seed=4, **SMALL)
    assert names == ("synthetic_000", "synthetic_001")
    for index, name in enumerate(names):
        expected = synthetic_image((4, index), **SMALL)
        with tifffile.TiffFile(tmp_path / "images" / f"{name}.tif") as file:
            assert file.series[0].axes == "CYX"
            assert file.imagej_metadata["Labels"] == list(expected.channel_names)
            np.testing.assert_array_equal(file.asarray(), expected.channels)
        pages = tifffile.imread(tmp_path / "instances" / f"{name}.tif")
        pages = pages.reshape(-1, *expected.truth.shape)
        assert pages.dtype == np.uint8
        for page, instance in zip(pages, expected.truth.instances, strict=True):
            np.testing.assert_array_equal(page, 255 * instance.full(expected.truth.shape))


@pytest.mark.parametrize("n_worms", [0, 1, 12])
def test_data_set_comes_back_through_the_readers_of_training(tmp_path: Path, n_worms: int) -> None:
    names = write_dataset(tmp_path, 2, seed=1, n_worms=n_worms, **SMALL)
    sources = find_images(tmp_path / "images", NetworkConfig().channels)
    assert tuple(source.name for source in sources) == names
    for index, source in enumerate(sources):
        expected = synthetic_image((1, index), n_worms=n_worms, **SMALL)
        assert len(expected.truth) == n_worms
        image = source.read()
        assert image.channel_names == expected.channel_names
        assert image.present == (True, True)
        assert image.channels.dtype == np.uint16
        np.testing.assert_array_equal(image.channels, expected.channels)
        truth = read_instances(tmp_path / "instances" / f"{source.name}.tif", image.shape)
        assert truth.shape == expected.truth.shape
        for found, drawn in zip(truth.instances, expected.truth.instances, strict=True):
            assert found.bbox == drawn.bbox
            np.testing.assert_array_equal(found.mask, drawn.mask)


@pytest.mark.parametrize("n_worms", [0, 1, 3, 4])
def test_masks_are_pages_and_never_colours(tmp_path: Path, n_worms: int) -> None:
    write_dataset(tmp_path, 1, n_worms=n_worms, **SMALL)
    with tifffile.TiffFile(tmp_path / "instances" / "synthetic_000.tif") as file:
        assert len(file.pages) == max(n_worms, 1)
        assert file.pages[0].photometric.name == "MINISBLACK"
        assert file.pages[0].asarray().any() == (n_worms > 0)


def test_data_sets_of_different_seeds_share_no_image(tmp_path: Path) -> None:
    contents = set()
    for seed in (0, 1):
        for name in write_dataset(tmp_path / str(seed), 2, seed, **SMALL):
            contents.add((tmp_path / str(seed) / "images" / f"{name}.tif").read_bytes())
    assert len(contents) == 4


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(
        OutputError, match=r"file is a file, not a folder; choose another folder\.$"
    ):
        write_dataset(blocked, 1, **SMALL)


def test_a_file_that_cannot_be_written_leaves_no_part_of_itself(tmp_path: Path) -> None:
    (tmp_path / "images" / "synthetic_000.tif").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"synthetic_000\.tif can't be written"):
        write_dataset(tmp_path, 1, n_worms=0, **SMALL)
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["synthetic_000.tif"]
    assert not list((tmp_path / "instances").iterdir())


@pytest.mark.skipif(not REAL.is_dir(), reason="the real wells of BBBC010 are not beside the repo")
def test_histograms_resemble_a_real_well(wells: list[SyntheticImage]) -> None:
    real = np.stack(
        [tifffile.imread(next(REAL.glob(f"*_A20_{mark}_*.tif"))) for mark in ("w2", "w1")]
    )
    for quantile, tolerance in ((1, 0.15), (50, 0.25), (95, 0.25), (99, 0.25)):
        expected = np.percentile(real[0], quantile)
        found = np.mean([np.percentile(image.channels[0], quantile) for image in wells])
        assert found == pytest.approx(expected, rel=tolerance)
    assert np.median(wells[0].channels[1]) == pytest.approx(np.median(real[1]), rel=0.1)
