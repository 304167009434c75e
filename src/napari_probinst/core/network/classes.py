"""Classes of the class map, in the order of the network's output channels."""

from __future__ import annotations

BACKGROUND, FOREGROUND, OVERLAP = range(3)
N_CLASSES = 3
