"""Stacks (time, z) are predicted, shown and proofread plane by plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtWidgets import QComboBox, QPushButton, QTreeWidget

from napari_probinst.core.config import ChannelConfig
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.data.prediction_file import load_prediction, save_prediction
from napari_probinst.core.errors import InputError
from napari_probinst.core.prediction import Provenance
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.image_axes import plane_of
from napari_probinst.widgets.plane_in_view import bring_into_view, plane_in_view
from napari_probinst.widgets.prediction.channels import (
    ChannelSource,
    channel_sources,
    read_channels,
)
from napari_probinst.widgets.proofreading.files import open_path

SHAPE = (24, 32)
CHANNELS = (ChannelConfig(name="bright field"), ChannelConfig(name="fluorescence", required=False))


def stack(*leading):
    """Noise whose pixels differ from plane to plane."""
    return np.random.default_rng(0).integers(0, 4000, (*leading, *SHAPE), dtype=np.uint16)


def run(dock, qtbot):
    button = dock.findChild(QPushButton, "run")
    button.click()
    qtbot.waitUntil(button.isEnabled, timeout=60_000)


def planes_box(dock):
    return dock.findChild(QComboBox, "planes")


@pytest.mark.parametrize(
    ("shape", "n_channels", "axis", "leading"),
    [
        ((5, 8, 9), 2, None, (5,)),
        ((5, 2, 8, 9), 2, 1, (5,)),
        ((2, 3, 1, 8, 9), 2, 0, (3,)),
        ((2, 2, 8, 9), 2, 1, (2,)),
        ((2, 3, 8, 9), 3, 1, (2,)),
        ((4, 3, 2, 8, 9), 2, 2, (4, 3)),
        ((2, 8, 9), 2, 0, ()),
        ((8, 9), 2, None, ()),
    ],
)
def test_axes_that_count_planes_and_channels(shape, n_channels, axis, leading):
    data = np.arange(np.prod(shape)).reshape(shape)
    sources = channel_sources([Image(data)], n_channels)
    assert [source.axis for source in sources] == [axis] * len(sources)
    assert {source.leading for source in sources} == {leading}
    plane = tuple(size - 1 for size in leading)
    chosen = [source.at(plane) for source in sources]
    asked = (*CHANNELS, ChannelConfig(name="phase", required=False))[: max(n_channels, 2)]
    absent = [None] * (len(asked) - len(chosen))
    read, _ = read_channels([*chosen, *absent], asked)
    # What is left when every axis of planes stands at its end.
    expected = data.squeeze()
    if axis is not None:
        expected = np.moveaxis(expected, axis, -3)
    np.testing.assert_array_equal(read[: len(chosen)].squeeze(), expected[plane].squeeze())
    backdrop = plane_of(Image(data), plane, n_channels)
    np.testing.assert_array_equal(backdrop[:, :], read[0])


def test_a_stack_needs_a_plane():
    with pytest.raises(InputError, match="'odd' is a stack of 15 planes; say which"):
        read_channels([ChannelSource(Image(stack(5, 3), name="odd")), None], CHANNELS)


def test_stacks_of_different_length_are_no_channels_of_one_image():
    layers = [ChannelSource(Image(stack(n)), plane=(0,)) for n in (3, 4)]
    with pytest.raises(InputError, match="different shapes"):
        read_channels(layers, CHANNELS)


def test_the_plane_in_view_follows_the_sliders():
    viewer = ViewerModel()
    layer = viewer.add_image(stack(5, 3), scale=(2, 1, 0.5, 0.5), translate=(10, 0, 0, 0))
    viewer.add_image(stack(9)[:2, None, None])
    bring_into_view(viewer, layer, (0, 1), (4, 2))
    assert plane_in_view(viewer, layer, (0, 1)) == (4, 2)
    bring_into_view(viewer, layer, (0,), (1,))
    assert plane_in_view(viewer, layer, (0, 1)) == (1, 2)
    assert plane_in_view(viewer, layer, ()) == ()


def test_a_saved_prediction_is_shown_on_its_plane(viewer, dock, qtbot, tmp_path):
    image = viewer.add_image(stack(3, 4), name="film")
    bring_into_view(viewer, image, (0, 1), (1, 3))
    run(dock, qtbot)
    (shown,) = shown_predictions(viewer)
    path = tmp_path / "film_001_003.prediction.npz"
    save_prediction(shown.prediction, path)
    opened = open_path(viewer, path, ())
    assert (opened.image, opened.plane) == (image, (1, 3))
    bring_into_view(viewer, image, (0, 1), (1, 0))
    assert not opened.instances.visible


def test_a_short_film_is_opened_again_along_its_time(make_prediction, tmp_path):
    """Of two frames and three channels both axes may be either."""
    viewer = ViewerModel()
    film = np.zeros((2, 3, *make_prediction().shape), np.uint8)
    viewer.add_image(film, name="film", channel_axis=None)
    for n_channels, axes in ((3, (0,)), (2, (1,)), (0, (1,))):
        made = replace(make_prediction("film_001"), provenance=Provenance(n_channels=n_channels))
        path = tmp_path / f"{n_channels}" / "film_001.prediction.npz"
        path.parent.mkdir()
        save_prediction(made, path)
        opened = open_path(viewer, path, ())
        assert (opened.plane, opened.follower._axes) == ((1,), axes)


def test_the_plane_in_view_and_then_all_are_predicted_and_proofread_one_by_one(viewer, dock, qtbot):
    viewer.add_image(stack(1)[0], name="plain")
    assert not planes_box(dock).isVisibleTo(dock), "there are no further axes to ask for"
    image = viewer.add_image(stack(3), name="film")
    assert planes_box(dock).isVisibleTo(dock)
    assert planes_box(dock).itemText(1) == "all 3 planes"
    viewer.dims.set_current_step(0, 2)
    run(dock, qtbot)
    (shown,) = shown_predictions(viewer)
    assert (shown.plane, shown.title, shown.prediction.name) == ((2,), "film [2]", "film_002")
    assert shown.image is image
    assert shown.instances.visible
    viewer.dims.set_current_step(0, 1)
    assert not any(layer.visible for layer in shown.layers)
    viewer.dims.set_current_step(0, 2)
    assert shown.instances.visible
    assert not shown.probability.visible, "it was hidden before"

    planes_box(dock).setCurrentIndex(1)
    run(dock, qtbot)
    found = {shown.plane: shown for shown in shown_predictions(viewer)}
    assert sorted(found) == [(0,), (1,), (2,)]
    sums = {shown.prediction.provenance.image_checksum for shown in found.values()}
    assert len(sums) == 3, "each is of pixels of its own"
    viewer.dims.set_current_step(0, 1)
    assert [each.plane for each in found.values() if each.instances.visible] == [(1,)]
    dock.findChild(QPushButton, "open_proofread").click()
    proofread = dock.proofread
    assert proofread.shown is found[1,]
    # Going to a plane is going on with its prediction, and the other way round.
    viewer.dims.set_current_step(0, 2)
    assert proofread.shown is found[2,]
    proofread.choose(found[0,])
    assert viewer.dims.current_step[0] == 0
    assert found[0,].instances.visible
    assert not found[2,].instances.visible
    # Predicting again replaces the plane's own result.
    planes_box(dock).setCurrentIndex(0)
    run(dock, qtbot)
    again = {shown.plane: shown for shown in shown_predictions(viewer)}
    assert sorted(again) == [(0,), (1,), (2,)]
    assert again[1,] is found[1,]
    assert again[0,] is not found[0,]


def test_two_planes_are_two_channels_or_two_moments(viewer, dock, qtbot):
    image = viewer.add_image(stack(2), name="film")
    boxes = [dock.findChild(QComboBox, f"channel {channel.name}") for channel in CHANNELS]
    assert [box.currentText() for box in boxes] == ["film, channel 1", "film, channel 2"]
    assert not planes_box(dock).isVisibleTo(dock)
    first, second = boxes
    first.activated.emit(first.setCurrentText("film, plane by plane") or first.currentIndex())
    assert second.currentText() == "absent"
    assert planes_box(dock).isVisibleTo(dock)
    planes_box(dock).setCurrentIndex(1)
    run(dock, qtbot)
    assert [shown.plane for shown in shown_predictions(viewer)] == [(0,), (1,)]
    viewer.dims.set_current_step(0, 1)
    seen = [shown.plane for shown in shown_predictions(viewer) if shown.instances.visible]
    assert seen == [(1,)]
    assert all(shown.image is image for shown in shown_predictions(viewer))


def test_a_folder_with_a_stack_is_predicted_and_proofread_plane_by_plane(
    viewer, dock, qtbot, tmp_path
):
    film = stack(2)
    tifffile.imwrite(tmp_path / "film.ome.tif", film, metadata={"axes": "TYX"}, ome=True)
    tifffile.imwrite(tmp_path / "plain.tif", stack(1)[0])

    def run_folder():
        dock.findChild(QPushButton, "run_folder").click()
        qtbot.waitUntil(lambda: not dock.running, timeout=60_000)
        queue = dock.findChild(QTreeWidget, "queue")
        rows = [queue.topLevelItem(row) for row in range(queue.topLevelItemCount())]
        return {row.text(0): row.text(1) for row in rows}

    dock.folder.set_images(tmp_path)
    names = ["film_000", "film_001", "plain"]
    assert run_folder() == dict.fromkeys(names, "done")
    assert run_folder() == dict.fromkeys(names, "finished before")
    assert not list(shown_predictions(viewer)), "a folder's results go to files"
    results = tmp_path / "predictions"
    for number, page in enumerate(film):
        made = load_prediction(results / f"film_{number:03d}.prediction.npz")
        alone = np.stack([page, np.zeros_like(page)])
        assert made.provenance.image_checksum == image_checksum(alone)

    dock.findChild(QPushButton, "open_folder").click()
    qtbot.waitUntil(lambda: dock.proofread is not None and dock.proofread.shown is not None)
    shown = dock.proofread.shown
    pages = dict(zip(names, (*film, stack(1)[0]), strict=True))
    np.testing.assert_array_equal(shown.image.data, pages[shown.prediction.name])
