"""What an image without instances tells by itself."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.inference.nothing import why_nothing

FLAT = np.full((1, 50, 60), 7, np.uint8)
VARIED = np.arange(3000, dtype=np.float32).reshape(1, 50, 60)


@pytest.mark.parametrize(
    ("channels", "present", "beginning"),
    [
        (FLAT, (True,), "The image has the same value everywhere"),
        # An absent channel is zero everywhere, and says nothing.
        (np.concatenate([FLAT, VARIED]), (True, False), "The image has the same value everywhere"),
        (VARIED[:, :20, :20], (True,), "The image of 20 x 20 pixels is smaller than 4 widths"),
        (VARIED, (True,), ""),
    ],
)
def test_what_is_wrong_with_an_image_is_said(channels, present, beginning):
    said = why_nothing(channels, present, width=10.0)
    assert said.startswith(beginning)
    assert bool(said) == bool(beginning)
