"""Large images that are read window by window: the same pixels as those read at once."""

import gc

import numpy as np
import pytest
import tifffile
import zarr

from napari_probinst.core.config import ChannelConfig, NetworkConfig
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.data.io import LazyImage, find_images, open_image, read_image
from napari_probinst.core.errors import InputError
from napari_probinst.core.network.normalisation import NormalisedPixels, normalise
from napari_probinst.core.pixels import row_spans

TWO = NetworkConfig().channels  # bright field, and an optional fluorescence
PIXELS = np.random.default_rng(0).integers(0, 4000, (2, 50, 70)).astype(np.uint16)


def ome_zarr(path, pixels, axes, version="0.5", **more):
    """Write an image of two levels, the second of them wrong: nobody may look at it."""
    old = version == "0.4"
    group = zarr.open_group(path, mode="w", zarr_format=2 if old else 3)
    datasets = []
    for level, data in enumerate((pixels, pixels[..., ::2, ::2] * 0)):
        group.create_array(str(level), data=np.ascontiguousarray(data), chunks=(16,) * data.ndim)
        scale = {"type": "scale", "scale": [1.0] * (data.ndim - 2) + [0.5 * 2**level] * 2}
        datasets.append({"path": str(level), "coordinateTransformations": [scale]})
    described = [
        {"name": axis, **({"unit": "micrometer"} if axis in "yx" else {})} for axis in axes
    ]
    about = {"multiscales": [{"axes": described, "datasets": datasets}], **more}
    group.attrs.update({**about} if old else {"ome": {"version": version, **about}})
    return path


def windows(channels):
    return np.stack([channels[i, 0:50, 0:70] for i in range(channels.shape[0])])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tile": (16, 32), "compression": "zlib"},
        {"rowsperstrip": 8, "compression": "lzw"},
        {"byteorder": ">"},
        {"bigtiff": True, "tile": (32, 32), "photometric": "miniswhite"},
    ],
)
def test_tiff(tmp_path, options):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, **{"photometric": "minisblack", **options})
    lazy, whole = open_image(path, lazy_bytes=0), read_image(path)
    assert isinstance(lazy, LazyImage)
    assert (lazy.shape, lazy.channels.dtype) == (whole.shape, whole.channels.dtype)
    np.testing.assert_array_equal(windows(lazy.channels), whole.channels)
    np.testing.assert_array_equal(lazy.channels[1, 17:40, 30:66], whole.channels[1, 17:40, 30:66])
    assert image_checksum(lazy.channels) == image_checksum(whole.channels)
    del lazy
    gc.collect()  # the file is closed: pytest would hear of one that isn't


def test_colours_become_grey_and_alpha_is_dropped(tmp_path):
    colours = np.random.default_rng(1).integers(0, 256, (50, 70, 4)).astype(np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, colours, photometric="rgb", extrasamples=["unassalpha"])
    lazy, whole = open_image(path, lazy_bytes=0), read_image(path)
    np.testing.assert_array_equal(windows(lazy.channels), whole.channels)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(("shape", "axes"), [((2, 50, 70), "cyx"), ((1, 2, 1, 50, 70), "tczyx")])
def test_ome_zarr_at_full_resolution(tmp_path, version, shape, axes):
    labels = {"omero": {"channels": [{"label": "bright"}, {"label": "green"}]}}
    path = ome_zarr(tmp_path / "a.ome.zarr", PIXELS.reshape(shape), axes, version, **labels)
    lazy, whole = open_image(path, lazy_bytes=0), read_image(path)
    assert isinstance(lazy, LazyImage)
    for image in (lazy, whole):
        assert image.name == "a"
        assert image.pixel_size == (0.5, 0.5)
        assert image.channel_names == ("bright", "green")
    np.testing.assert_array_equal(whole.channels, PIXELS)
    np.testing.assert_array_equal(windows(lazy.channels), PIXELS)


def test_a_folder_may_hold_zarr_images_and_own_exports_are_none(tmp_path):
    ome_zarr(tmp_path / "a.ome.zarr", PIXELS, "cyx")
    exported = ome_zarr(tmp_path / "b.ome.zarr", PIXELS, "cyx")
    zarr.open_group(exported).attrs["napari-probinst"] = {"program": "napari-probinst"}
    tifffile.imwrite(tmp_path / "c.tif", PIXELS, photometric="minisblack")
    assert [source.name for source in find_images(tmp_path, TWO)] == ["a", "c"]
    (source,) = find_images(tmp_path / "a.ome.zarr", TWO)
    np.testing.assert_array_equal(source.open().channels, PIXELS)


def test_a_plate_and_a_collection_are_refused_by_name(tmp_path):
    plate = zarr.open_group(tmp_path / "plate.zarr", mode="w")
    plate.attrs["ome"] = {"plate": {}}
    with pytest.raises(InputError, match="plate of many images"):
        open_image(tmp_path / "plate.zarr")
    zarr.open_group(tmp_path / "many.zarr", mode="w").create_group("0")
    with pytest.raises(InputError, match=r"name it, for instance .*many\.zarr/0"):
        open_image(tmp_path / "many.zarr")


def test_a_chunk_that_is_damaged_is_a_sentence(tmp_path):
    path = ome_zarr(tmp_path / "a.zarr", PIXELS, "cyx")
    (path / "0" / "c" / "0" / "0" / "0").write_bytes(b"nonsense")
    lazy = open_image(path, lazy_bytes=0)
    with pytest.raises(InputError, match="not a complete OME-Zarr"):
        lazy.channels[0, 0:4, 0:4]


def test_broken_values_of_a_large_image_are_found(tmp_path):
    pixels = PIXELS.astype(np.float32)
    pixels[1, 33, 7] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    with pytest.raises(InputError, match=r"1 pixel .*channel 2 at y=33, x=7"):
        open_image(tmp_path / "a.tif", lazy_bytes=0)


def test_a_truncated_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "a.tif"
    # Without metadata, the pixels come last.
    tifffile.imwrite(path, PIXELS[0], photometric="minisblack", metadata=None)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="100 bytes of pixels are missing"):
        open_image(path, lazy_bytes=0)


def test_files_of_one_image_are_stacked_and_absent_channels_are_zero(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_probinst.core.data.lazy.LAZY_BYTES", 0)
    monkeypatch.setitem(open_image.__kwdefaults__, "lazy_bytes", 0)
    for name, page in zip(("p_w2", "p_w1", "q_w2"), (*PIXELS, PIXELS[1]), strict=True):
        tifffile.imwrite(tmp_path / f"{name}.tif", page, photometric="minisblack")
    pair, alone = (source.open() for source in find_images(tmp_path, TWO))
    assert isinstance(pair, LazyImage)
    np.testing.assert_array_equal(windows(pair.channels), PIXELS)
    assert alone.present == (True, False)
    np.testing.assert_array_equal(windows(alone.channels), [PIXELS[1], 0 * PIXELS[1]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_windows_are_normalised_as_the_whole_is(dtype, monkeypatch):
    monkeypatch.setattr("napari_probinst.core.pixels.BAND_BYTES", 1000)
    channels = (PIXELS % 256).astype(dtype)
    config = (
        ChannelConfig(name="a", low_percentile=2, high_percentile=97),
        ChannelConfig(name="b", gain=10),
    )
    whole = normalise(channels, config)
    tiled = NormalisedPixels.measure(zarr.array(channels, chunks=(1, 16, 16)), config)
    for rows, columns in ((slice(0, 33), slice(0, 70)), (slice(11, 50), slice(5, 6))):
        window = tiled[:, rows, columns]
        np.testing.assert_array_equal(window, whole[:, rows, columns])


def test_percentiles_of_large_images_are_those_of_a_regular_sample(monkeypatch):
    monkeypatch.setattr("napari_probinst.core.network.normalisation._SAMPLE", 100)
    config = (ChannelConfig(name="a", low_percentile=10, high_percentile=80),)
    measured = NormalisedPixels.measure(PIXELS[:1], config)
    expected = np.percentile(PIXELS[0, ::5, ::5], [10, 80])  # 5 = floor(sqrt(3500 / 100))
    assert measured.ranges == (tuple(expected.tolist()),)


def test_bands_are_powers_of_two_of_rows():
    assert list(row_spans((10, 100), 2, limit=1000)) == [(0, 4), (4, 8), (8, 10)]
    assert list(row_spans((3, 100), 2, limit=1)) == [(0, 1), (1, 2), (2, 3)]
