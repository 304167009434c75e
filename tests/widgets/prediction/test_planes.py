"""Layers of every kind of array as the channels of an image."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image

from napari_probinst.core.config import ChannelConfig
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.widgets.image_axes import plane_of
from napari_probinst.widgets.prediction import channels
from napari_probinst.widgets.prediction.channels import (
    ChannelSource,
    pixel_size,
    read_channels,
)
from napari_probinst.widgets.result_layers import is_bright

CHANNELS = (ChannelConfig(name="bright field"), ChannelConfig(name="fluorescence", required=False))
PAGE = np.arange(60, dtype=np.uint16).reshape(6, 10)


def wrapped(pages, chunks=4):
    return da.from_array(pages, chunks=chunks)


@pytest.mark.parametrize("kind", [np.asarray, wrapped])
def test_planes_are_found_on_every_axis(kind):
    stack = np.stack([PAGE, PAGE + 100])
    sources = {
        "plain": ChannelSource(Image(kind(PAGE))),
        "single": ChannelSource(Image(kind(PAGE[None, None]))),
        "first": ChannelSource(Image(kind(stack)), axis=0, index=0),
        "last": ChannelSource(Image(kind(np.moveaxis(stack, 0, -1)), rgb=False), axis=2, index=0),
        "middle": ChannelSource(Image(kind(np.moveaxis(stack, 0, 1)[None])), axis=1, index=0),
        "levels": ChannelSource(Image([kind(PAGE), kind(PAGE[::2, ::2])], multiscale=True)),
    }
    for name, source in sources.items():
        assert source.shape == (6, 10), name
        read, present = read_channels([source, None], CHANNELS)
        assert isinstance(read, np.ndarray)
        assert present == (True, False)
        assert np.array_equal(read, [PAGE, np.zeros_like(PAGE)]), name


def test_pixels_of_a_flipped_layer_are_as_large():
    assert pixel_size(Image(PAGE, scale=(-0.5, 0.25), units="um")) == (0.5, 0.25)
    assert pixel_size(Image(PAGE, scale=(-0.5, 0.25))) is None


def test_large_image_is_read_in_windows_only(monkeypatch):
    """A lazy plane of 16 chunks, of which a window touches one."""
    monkeypatch.setattr(channels, "LAZY_BYTES", 1000)
    read_chunks = []

    def make(block_info=None):
        place = block_info[None]["array-location"]
        read_chunks.append(tuple(start for start, _ in place))
        return np.full([stop - start for start, stop in place], len(read_chunks), np.uint8)

    lazy = da.map_blocks(make, chunks=((8,) * 4, (8,) * 4), dtype=np.uint8)
    read_chunks.clear()
    read, present = read_channels(
        [ChannelSource(Image(lazy, contrast_limits=(0, 9))), None], CHANNELS
    )
    read_chunks.clear()  # what the layer itself looks at
    assert present == (True, False)
    assert (read.shape, read.dtype) == ((2, 32, 32), np.uint8)
    assert read[0, 8:16, 24:32].shape == (8, 8)
    assert set(read_chunks) == {(8, 24)}
    assert not read[1, 0:3, 0:4].any()


@pytest.mark.parametrize("kind", [np.asarray, wrapped])
def test_values_that_are_no_intensities_are_refused(kind):
    page = PAGE.astype(np.float32)
    page[5, 9] = np.nan
    layer = Image(kind(page), name="A01", contrast_limits=(0, 60))
    with pytest.raises(InputError, match="'A01' holds NaN or infinite values; replace them"):
        read_channels([ChannelSource(layer), None], CHANNELS)


class Counting:
    """An array that, as Zarr's, reads what an index names at once, and remembers how much."""

    def __init__(self, pixels):
        self.pixels, self.shape, self.dtype, self.ndim = (
            pixels,
            pixels.shape,
            pixels.dtype,
            pixels.ndim,
        )
        self.n_read = 0

    def __getitem__(self, key):
        found = self.pixels[key]
        self.n_read += np.size(found)
        return found


def test_brightness_is_that_of_the_plane_and_of_a_few_places():
    film = np.zeros((3, 2, 600, 600), np.uint8)
    film[2, 0] = 200
    pixels = Counting(film)
    layer = Image(pixels, contrast_limits=(0, 255))
    mask = np.ones((20, 20), bool)
    places = [(y, x) for y in range(0, 600, 25) for x in range(0, 600, 25)]
    worms = tuple(Instance((y, x, y + 20, x + 20), mask) for y, x in places)
    instances = agglomerate([InstanceSet((600, 600), worms)])
    assert is_bright(layer, instances, (2,), (0,))
    pixels.n_read = 0
    assert not is_bright(layer, instances, (1,), (0,))
    assert pixels.n_read <= 16 * 5 * 5


def test_brightness_and_backdrop_read_only_what_they_look_at():
    pixels = Counting(np.full((1, 600, 600), 200, np.uint8))
    layer = Image(pixels, contrast_limits=(0, 255))
    instances = agglomerate(
        [InstanceSet((600, 600), (Instance((5, 5, 25, 45), np.ones((20, 40), bool)),))]
    )
    pixels.n_read = 0
    assert is_bright(layer, instances)
    assert pixels.n_read == 5 * 10  # every fourth row and column
    backdrop = plane_of(layer)
    assert backdrop.shape == (600, 600)
    assert (backdrop[10:12, 3:7] == 200).all()
    assert pixels.n_read == 5 * 10 + 2 * 4
