from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_probinst.core.config import ChannelConfig
from napari_probinst.core.network.normalisation import (
    ABSENT,
    intensity_range,
    normalise,
    normalise_channel,
)

WHOLE_RANGE = ChannelConfig(name="c", low_percentile=0, high_percentile=100)


def _picture(seed=0, shape=(31, 17)):
    return np.random.default_rng(seed).integers(0, 1000, shape).astype(np.uint16)


def test_the_percentiles_become_minus_one_and_one():
    pixels = np.array([[100, 150, 200]], dtype=np.uint8)
    np.testing.assert_allclose(normalise_channel(pixels, WHOLE_RANGE), [[-1, 0, 1]], atol=1e-6)


def test_percentiles_are_numpys():
    channel = ChannelConfig(name="c", low_percentile=10, high_percentile=90)
    pixels = _picture()
    low, high = np.percentile(pixels, [10, 90])
    expected = np.clip(2 * (pixels - low) / (high - low) - 1, -1.5, 2)
    np.testing.assert_allclose(normalise_channel(pixels, channel), expected, atol=1e-5)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    pixels=arrays(
        st.sampled_from([np.uint8, np.uint16]), st.tuples(st.integers(1, 9), st.integers(1, 9))
    ),
    low=st.floats(0, 49.9),
    high=st.floats(50.1, 100),
)
def test_counted_percentiles_are_numpys_to_the_last_bit(pixels, low, high):
    channel = ChannelConfig(name="c", low_percentile=low, high_percentile=high)
    expected = np.percentile(pixels.astype(np.float64), [low, high])
    found = intensity_range(pixels[None], 0, channel)
    assert found == (tuple(expected) if expected[1] > expected[0] else None)


def test_gain_expands_the_dark_and_keeps_the_ends():
    channel = WHOLE_RANGE.model_copy(update={"gain": 10.0})
    pixels = np.array([[0.0, 0.1, 1.0]])
    result = normalise_channel(pixels, channel)
    np.testing.assert_allclose(result[0, [0, 2]], [-1, 1], atol=1e-6)
    assert result[0, 1] == pytest.approx(2 * np.arcsinh(1.0) / np.arcsinh(10.0) - 1, abs=1e-6)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(
    scale=st.floats(1e-3, 1e3),
    offset=st.floats(-1e4, 1e4),
    gain=st.sampled_from([0.0, 10.0]),
)
def test_exposure_and_offset_make_no_difference(scale, offset, gain):
    channel = ChannelConfig(name="c", gain=gain)
    pixels = _picture().astype(np.float64)
    expected = normalise_channel(pixels, channel)
    np.testing.assert_allclose(
        normalise_channel(scale * pixels + offset, channel), expected, atol=1e-3
    )


@pytest.mark.parametrize("dtype", ["uint16", ">u2", "int32", "uint32", "float32", "float64"])
def test_the_data_type_makes_no_difference(dtype):
    channel = ChannelConfig(name="c")
    expected = normalise_channel(_picture(), channel)
    result = normalise_channel(_picture().astype(dtype), channel)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_8_and_16_bits_of_the_same_picture_agree():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 20)).astype(np.uint8)
    channel = ChannelConfig(name="c")
    np.testing.assert_allclose(
        normalise_channel(pixels.astype(np.uint16) * 257, channel),
        normalise_channel(pixels, channel),
        atol=1e-5,
    )


@pytest.mark.parametrize("dtype", [np.uint32, np.float64, np.int64])
def test_a_small_contrast_on_a_large_offset_survives(dtype):
    pixels = _picture().astype(dtype)
    channel = ChannelConfig(name="c")
    expected = normalise_channel(pixels, channel)
    shifted = normalise_channel(pixels + dtype(4_000_000_000), channel)
    np.testing.assert_allclose(shifted, expected, atol=1e-4)


def test_outliers_are_clipped():
    pixels = np.full((10, 10), 5.0)
    pixels[0] = 6.0
    pixels[9, 9], pixels[9, 8] = 1e9, -1e9
    channel = ChannelConfig(name="c", low_percentile=2, high_percentile=90)
    result = normalise_channel(pixels, channel)
    assert result.max() == 2.0
    assert result.min() == -1.5


@pytest.mark.parametrize("value", [0, 7, 65535])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
def test_a_constant_image_is_absent(value, shape):
    pixels = np.full(shape, value, dtype=np.uint16)
    result = normalise_channel(pixels, ChannelConfig(name="c"))
    assert (result == ABSENT).all()
    assert result.shape == shape


def test_an_absent_channel_is_constant_whatever_it_holds():
    channels = (ChannelConfig(name="a"), ChannelConfig(name="b"))
    pixels = np.stack([_picture(0), _picture(1)])
    result = normalise(pixels, channels, (True, False))
    np.testing.assert_array_equal(result[0], normalise_channel(pixels[0], channels[0]))
    assert (result[1] == ABSENT).all()


def test_each_channel_has_its_own_settings():
    channels = (ChannelConfig(name="a"), ChannelConfig(name="b", gain=10.0))
    pixels = np.stack([_picture(0), _picture(0)])
    result = normalise(pixels, channels)
    np.testing.assert_array_equal(result[0], normalise_channel(pixels[0], channels[0]))
    np.testing.assert_array_equal(result[1], normalise_channel(pixels[1], channels[1]))
    assert not np.array_equal(result[0], result[1])


def test_the_input_stays_as_it_was():
    pixels = np.stack([_picture()])
    before = pixels.copy()
    pixels.flags.writeable = False
    normalise(pixels, (ChannelConfig(name="a"),))
    np.testing.assert_array_equal(pixels, before)
