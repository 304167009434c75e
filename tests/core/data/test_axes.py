import numpy as np
import pytest

from napari_probinst.core.data.axes import channels_first, luminance, relabelled, reversed_values
from napari_probinst.core.data.raster import Raster
from napari_probinst.core.errors import InputError


def raster(shape, axes, **facts):
    return Raster(np.arange(np.prod(shape), dtype=np.uint16).reshape(shape), axes, **facts)


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        ((4, 5), "YX", (1, 4, 5)),
        ((2, 4, 5), "CYX", (2, 4, 5)),
        ((1, 1, 2, 4, 5, 1), "TZCYXS", (2, 4, 5)),
        ((4, 5, 2), "YXC", (2, 4, 5)),
        ((5, 4), "XY", (1, 4, 5)),
        ((2, 4, 5), "QYX", (2, 4, 5)),
        ((2, 4, 5), "IYX", (2, 4, 5)),
        ((1, 1), "YX", (1, 1, 1)),
        ((3, 1, 1), "CYX", (3, 1, 1)),
        ((1, 7, 1), "TYX", (1, 7, 1)),
        ((4, 5, 2), "YXS", (2, 4, 5)),
    ],
)
def test_all_axes_become_channels_height_width(shape, axes, expected):
    assert channels_first(raster(shape, axes), "a.tif").shape == expected


def test_transposing_keeps_each_pixel_at_its_place():
    image = raster((4, 5, 2), "YXC")
    result = channels_first(image, "a.tif")
    assert result[1, 3, 2] == image.pixels[3, 2, 1]


@pytest.mark.parametrize(
    ("shape", "axes", "said"),
    [
        ((3, 4, 5), "ZYX", "3 along depth (Z)"),
        ((7, 2, 4, 5), "TCYX", "7 along time (T)"),
        ((2, 3, 4, 5), "CQYX", "3 along Q"),
        ((4,), "X", "not height and width"),
    ],
)
def test_what_is_not_planar_is_refused_with_the_axis(shape, axes, said):
    with pytest.raises(InputError, match=r"a\.tif") as caught:
        channels_first(raster(shape, axes), "a.tif")
    assert said in str(caught.value)


def test_the_user_overrides_axes_that_lie():
    image = raster((2, 4, 5), "ZYX")
    assert np.array_equal(channels_first(image, "a.tif", "cyx"), image.pixels)


def test_an_override_may_leave_out_axes_of_length_one():
    image = raster((1, 1, 2, 4, 5, 1), "TZCYXS")
    assert channels_first(image, "a.tif", "CYX").shape == (2, 4, 5)


def test_an_override_keeps_height_one():
    pixels, axes = relabelled(np.zeros((1, 2, 1, 6)), "TCYX", "CYX", "a.tif")
    assert (pixels.shape, axes) == ((2, 1, 6), "CYX")


def test_an_override_makes_colours_channels():
    image = raster((4, 5, 3), "YXS", colour=True)
    assert np.array_equal(channels_first(image, "a.tif", "YXC")[2], image.pixels[..., 2])


@pytest.mark.parametrize("axes", ["CY", "YYX", "YXQ", "", "CZYX", "C Y X"])
def test_an_override_that_does_not_fit_is_refused(axes):
    with pytest.raises(InputError, match=r"axes .* a\.tif"):
        channels_first(raster((2, 4, 5), "CYX"), "a.tif", axes)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_grey_colours_stay_exactly_what_they_are(dtype):
    top = np.iinfo(dtype).max
    grey = np.array([[0, 1, 2, 3, 100, top - 1, top]], dtype=dtype)
    result = luminance(np.stack([grey, grey, grey], axis=-1))
    assert result.dtype == dtype
    assert np.array_equal(result, grey)


def test_colours_become_luminance():
    primaries = np.array([[[100, 0, 0], [0, 100, 0], [0, 0, 100]]], dtype=np.uint8)
    result = channels_first(Raster(primaries, "YXS", colour=True), "a.png")
    assert result.tolist() == [[[30, 59, 11]]]


def test_samples_of_no_colour_are_channels():
    assert channels_first(raster((3, 4, 5), "SYX"), "a.tif").shape == (3, 4, 5)


def test_white_is_zero_reverses_the_order_of_values():
    values = np.array([[0, 5, 255]], np.uint8)
    assert reversed_values(values, 8).tolist() == [[255, 250, 0]]
    assert reversed_values(values.astype(np.uint16), 12).tolist() == [[4095, 4090, 3840]]
    assert reversed_values(np.array([-128, 127], np.int8), 8).tolist() == [127, -128]
    assert reversed_values(np.array([0.5, -2.0]), 64).tolist() == [-0.5, 2.0]
    assert reversed_values(np.array([2**64 - 1, 0], np.uint64), 64).tolist() == [0, 2**64 - 1]
    assert reversed_values(np.array([True, False]), 1).tolist() == [True, False]
