"""What the Predict dock says of a result, and of a layer that it doesn't take."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.prediction.channels import ChannelSource
from napari_probinst.widgets.prediction.words import found


def test_nothing_is_put_down_to_the_scale_unless_the_image_tells_why():
    title = InferenceConfig.model_fields["scale"].title
    assert found(0, 0).endswith(f"set {title}.")
    assert found(0, 0, "It is flat.") == "Nothing was found. It is flat."
    assert found(1, 2) == "1 instance; the draws disagree at 2 places."
    assert found(1, 2, "It is wide.").endswith("2 places. It is wide.")


def test_a_refused_rgb_picture_is_told_what_can_be_done():
    layer = Image(np.zeros((8, 8, 3), np.uint8), rgb=True, name="photo")
    with pytest.raises(InputError, match=r"Split RGB .* or make it grey: .* takes its luminance"):
        ChannelSource(layer).check()
