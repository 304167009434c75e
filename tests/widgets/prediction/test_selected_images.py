"""Which layers are one image, where several could be the same channel of it."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtWidgets import QLabel, QPushButton

from napari_probinst.core.config import ChannelConfig
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.prediction.selected_images import check_rivals, images_of

CHANNELS = (
    ChannelConfig(name="bright field", suffix="w2"),
    ChannelConfig(name="fluorescence", suffix="w1", required=False),
)
#: The same well of two acquisitions: only the files' identifiers differ.
RIVALS = [
    f"A01_w{channel}{number}1111111-0000-0000-0000-000000000000"
    for channel in (1, 2)
    for number in "ab"
]


def layers(*names):
    return [Image(np.zeros((8, 8)), name=name) for name in names]


def names_of(images):
    return [tuple(source and source.layer.name for source in image) for image in images]


def test_layers_of_two_images_are_never_mixed():
    given = layers(*RIVALS)
    assert names_of(images_of(given, CHANNELS)) == [
        (None, RIVALS[0]),
        (None, RIVALS[1]),
        (RIVALS[2], None),
        (RIVALS[3], None),
    ]
    with pytest.raises(InputError) as refused:
        check_rivals(given, CHANNELS)
    assert str(refused.value).startswith(f"'{RIVALS[2]}' and '{RIVALS[3]}' would both be the")


@pytest.mark.parametrize(
    "names",
    [
        RIVALS[::2],
        RIVALS[:2],
        ("A01_w1", "A01_w1 [1]", "A01_w2", "A01_w2 [1]"),
        ("A01_w2", "A02_w2", "plain", "plain [1]"),
    ],
)
def test_layers_whose_partners_are_known_are_no_rivals(names):
    given = layers(*names)
    check_rivals(given, CHANNELS)
    pairs = [image for image in names_of(images_of(given, CHANNELS)) if None not in image]
    assert all(("[1]" in first) is ("[1]" in second) for first, second in pairs)


def test_a_run_of_rivals_is_refused(viewer, dock):
    names = [name.replace("_w1", " fluorescence ") for name in RIVALS]
    given = [viewer.add_image(np.zeros((8, 8)), name=name) for name in names]
    given[2].name, given[3].name = (name.replace("_w2", " bright field ") for name in names[2:])
    viewer.layers.selection = set(given)
    dock.findChild(QPushButton, "run_selected").click()
    assert not dock.running
    assert "would both be the channel" in dock.findChild(QLabel, "status").text()
