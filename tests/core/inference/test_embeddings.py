"""Embeddings that are made where they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_probinst.core.config import NetworkConfig
from napari_probinst.core.inference.draws import realise
from napari_probinst.core.inference.embedding_blocks import SIDE, EmbeddingsInBlocks
from napari_probinst.core.inference.embeddings import Embeddings
from napari_probinst.core.network.device import Runtime
from napari_probinst.core.network.unet import UNet


def test_given_vectors_are_those_of_the_pages():
    values = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    embeddings = Embeddings(values)
    np.testing.assert_array_equal(
        embeddings.at(np.array([2, 0]), np.array([1, 3])), [[9, 21], [3, 15]]
    )
    assert embeddings.pages() is values


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    config = {"filters": 16, "levels": 3, "class_decoder": True, "dropout": "none"}
    return [
        UNet(NetworkConfig(coordinates=coordinates, **config)).eval()
        for coordinates in ("none", "output")
    ]


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("orientation", range(8))
def test_blocks_give_what_whole_pages_do(networks, orientation, bfloat16):
    shape = (4 * SIDE + 5, 3 * SIDE + 9)  # not a multiple of anything, and larger than a block
    image = np.random.default_rng(orientation).normal(size=(2, *shape)).astype(np.float32)
    runtime = Runtime("cpu", bfloat16=bfloat16)
    realised = realise(
        networks[orientation % 2], seed=0, draw=0, runtime=runtime, orientation=orientation
    )
    vectors = realised.apply(image).vectors
    assert isinstance(vectors, EmbeddingsInBlocks)
    pages = vectors.pages()
    assert vectors.shape == pages.shape
    # Corners, borders, two sides of a block's border, and one far from all others.
    y = np.array([0, 0, shape[0] - 1, shape[0] - 1, SIDE - 1, SIDE, 70])
    x = np.array([0, shape[1] - 1, 0, shape[1] - 1, 40, 41, 2])
    some = vectors.at(y, x)
    assert some.dtype == np.float32
    # The convolutions sum up a block in the order in which they sum up a page, nearly always.
    np.testing.assert_allclose(some, pages[:, y, x].T, rtol=1e-4, atol=0.05 if bfloat16 else 1e-4)
    everywhere = np.indices(shape).reshape(2, -1)
    whole = vectors.at(*everywhere).T.reshape(pages.shape)
    np.testing.assert_array_equal(whole, pages)  # more blocks than are worth it: as pages
    assert vectors.at(y[:0], x[:0]).shape == (0, len(pages))


def test_only_blocks_with_pixels_are_computed(networks, monkeypatch):
    image = np.zeros((2, 5 * SIDE, 5 * SIDE), np.float32)
    vectors = (
        realise(networks[0], seed=0, draw=0, runtime=Runtime("cpu", False)).apply(image).vectors
    )
    seen, embed = [], vectors.network.embed
    monkeypatch.setattr(vectors.network, "embed", lambda part: seen.append(part) or embed(part))
    vectors.at(np.array([3, 4, 70]), np.array([3, 3, 90]))
    assert [tuple(part.shape[:1]) for part in seen] == [(2,)]
    assert all(part.shape[2] < 2 * SIDE for part in seen)
