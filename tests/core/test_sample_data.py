"""Sample data as napari's layer tuples, without napari."""

from __future__ import annotations

import numpy as np

from napari_probinst.core.config import NetworkConfig
from napari_probinst.sample_data import sample_image, worms, worms_truth


def test_both_channels_are_layers_that_say_what_they_are() -> None:
    layers = worms()
    assert [kind for _, _, kind in layers] == ["image", "image"]
    assert [look["name"] for _, look, _ in layers] == ["worms bright field", "worms fluorescence"]
    for (data, look, _), channel in zip(layers, NetworkConfig().channels, strict=True):
        assert data.shape == (520, 696)
        assert data.dtype == np.uint16
        assert look["metadata"]["napari_probinst"] == {
            "name": "synthetic_worms",
            "channel": channel.name,
        }
    assert layers[0][1]["colormap"] == "gray"
    assert layers[1][1]["blending"] == "additive"


def test_contrast_limits_lie_in_the_data() -> None:
    for data, look, _ in worms():
        low, high = look["contrast_limits"]
        assert 0 <= low < high <= data.max()


def test_every_opening_gets_its_own_pixels() -> None:
    worms()[0][0][:] = 0
    assert worms()[0][0].any()


def test_sample_holds_several_crossings_and_touches() -> None:
    instances = sample_image().truth.instances
    assert len(instances) == 14
    shared = [
        one.intersection(other)
        for index, one in enumerate(instances)
        for other in instances[:index]
    ]
    assert sum(pixels >= 40 for pixels in shared) >= 3
    assert sum(0 < pixels < 40 for pixels in shared) >= 2


def test_exact_masks_are_flattened_with_the_last_worm_on_top() -> None:
    *images, (labels, look, kind) = worms_truth()
    truth = sample_image().truth
    assert len(images) == 2
    assert kind == "labels"
    assert look["name"] == "worms exact masks"
    assert np.issubdtype(labels.dtype, np.integer)
    np.testing.assert_array_equal(labels > 0, truth.cover() > 0)
    last = truth.instances[-1].full(truth.shape)
    assert (labels[last] == len(truth)).all()
    said = look["metadata"]["napari_probinst"]
    assert said["overlap_pixels"] == np.count_nonzero(truth.cover() > 1) > 0
    assert str(said["overlap_pixels"]) in said["note"]
