"""Shapes of synthetic worms."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.data.synthetic_worms import grow_worm


def test_body_is_swept_along_the_curve() -> None:
    # Depth at the deepest pixel is half a width (5 tenths), whatever the scale.
    for width in (4.0, 10.0, 24.0):
        worm = grow_worm(np.random.default_rng(1), True, width)
        assert 4 < worm.depth[worm.mask].max() < 5.6
        assert worm.mask.sum() == pytest.approx(0.8 * 13 * width**2, rel=0.3)
        assert not worm.mask.all()
        assert worm.along[worm.mask].min() < 0.05
        assert worm.along[worm.mask].max() > 0.95
