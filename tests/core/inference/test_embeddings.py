"""Embeddings that are made where they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_probinst.core.inference.embeddings import Embeddings
from napari_probinst.core.inference.orientation import TRANSPOSE, restore

ROWS, COLUMNS = torch.arange(10.0).reshape(2, 5, 1), torch.arange(12.0).reshape(2, 1, 6) / 8


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("orientation", range(8))
def test_some_pixels_are_those_of_the_pages(orientation, dtype):
    values = torch.randn(2, 5, 6).to(dtype)
    # The last row and column are padding.
    embeddings = Embeddings.of(values, (ROWS, COLUMNS), (4, 5), orientation)
    expected = restore((values.float() + ROWS + COLUMNS)[:, :4, :5].numpy(), orientation)
    pages = embeddings.pages()
    assert embeddings.shape == pages.shape == ((2, 5, 4) if orientation & TRANSPOSE else (2, 4, 5))
    assert pages.dtype == np.float32
    np.testing.assert_array_equal(pages, expected)
    y, x = np.array([3, 0, 2]), np.array([1, 3, 2])
    np.testing.assert_array_equal(embeddings.at(y, x), expected[:, y, x].T)


def test_what_is_made_is_no_view():
    values = np.ones((1, 2, 3), np.float32)
    embeddings = Embeddings(values, (np.ones((1, 2, 1), np.float32),))
    assert embeddings.at(np.array([0]), np.array([0])).tolist() == [[2]]
    assert (embeddings.pages() == 2).all()
    assert (values == 1).all()
