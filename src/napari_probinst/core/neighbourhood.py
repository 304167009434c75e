"""Which pixels are neighbours."""

from __future__ import annotations

import numpy as np

#: Also those that touch at a corner only, shape (3, 3); for `scipy.ndimage`.
EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)
