"""Predictions that a reader can draw: one mask or one string picture an instance."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.instances import (
    Instance,
    InstanceSet,
    Peak,
    ProbabilisticInstance,
    ProbabilisticInstances,
)
from napari_probinst.core.prediction import Prediction


def _mask(picture):
    """Mask of a picture such as ``"##. .##"``: rows are separated by spaces."""
    return np.array([[character == "#" for character in row] for row in picture.split()])


def _prediction(masks, peaks=(), shape=None, name="C04"):
    """Prediction whose two draws both see ``masks``; a peak is (y, x, instance indices)."""
    masks = [_mask(mask) if isinstance(mask, str) else mask for mask in masks]
    shape = shape or masks[0].shape
    instances = [Instance.from_mask(mask) for mask in masks]
    draws = (InstanceSet(shape, tuple(instances)),) * 2
    agglomerated = tuple(
        ProbabilisticInstance(instance.bbox, 2 * instance.mask.astype(np.uint8), (index, index))
        for index, instance in enumerate(instances)
    )
    ranked = tuple(
        Peak(y, x, ids, 0.6, mass=1.0 / rank, rank=rank, kind="split", reason="draws disagree")
        for rank, (y, x, ids) in enumerate(peaks, start=1)
    )
    return Prediction(name, ProbabilisticInstances(shape, agglomerated, draws), ranked)


@pytest.fixture(scope="session")
def picture():
    return _mask


@pytest.fixture(scope="session")
def make_prediction():
    return _prediction


def _pixels(instances, shape):
    """Current masks as sets of flat pixel numbers by id: the plain model to compare with."""
    return {
        identifier: frozenset(np.flatnonzero(instance.full(shape)).tolist())
        for identifier, instance in instances.items()
    }


@pytest.fixture(scope="session")
def pixels():
    return _pixels
