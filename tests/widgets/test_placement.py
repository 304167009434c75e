"""Two-dimensional layers lie on the planes of an image, however that is sheared."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_probinst.widgets.placement import Following, placement

UPPER, LOWER = [[1, 0.4], [0, 1]], [[1, 0], [0.3, 1]]


def lie_alike(image, labels):
    pixels = np.array([(0, 0), (2, 3), (4, 1)])
    expected = [image.data_to_world((*[0] * (image.ndim - 2), *pixel))[-2:] for pixel in pixels]
    np.testing.assert_allclose([labels.data_to_world(pixel) for pixel in pixels], expected)


@pytest.mark.parametrize("plane", [UPPER, LOWER])
@pytest.mark.parametrize("n_axes", [2, 3])
def test_a_sheared_image_is_followed(plane, n_axes):
    shear = np.eye(n_axes)
    shear[-2:, -2:] = plane
    image = Image(np.zeros((5,) * n_axes), shear=shear)
    labels = Labels(np.zeros((5, 5), int), **placement(image))
    lie_alike(image, labels)
    following = Following(image, [labels])
    for other in (np.eye(n_axes), shear):
        image.shear = other
        lie_alike(image, labels)
    following.stop()


@pytest.mark.parametrize("plane", [UPPER, LOWER])
def test_a_part_lies_where_it_is_a_part_of(plane):
    image = Image(
        np.zeros((9, 9)), scale=(2, 3), translate=(5, -1), rotate=30, shear=plane, affine=np.eye(3)
    )
    part = Labels(np.zeros((4, 4), int), **placement(image, (3, 2)))
    corners = np.array([(0, 0), (3, 3), (1, 2)])
    np.testing.assert_allclose(
        [part.data_to_world(corner) for corner in corners],
        [image.data_to_world(corner) for corner in np.add(corners, (3, 2))],
    )
