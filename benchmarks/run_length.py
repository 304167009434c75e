"""How much of the suite runs.

With ``NAPARI_PROBINST_BENCH=short`` sizes and repetitions are cut to what a few minutes allow.
"""

from __future__ import annotations

import os

SHORT = os.environ.get("NAPARI_PROBINST_BENCH") == "short"


def by_length(short, full):
    """``short`` in the short version of the suite, ``full`` otherwise."""
    return short if SHORT else full


def leave_to_the_full_version():
    """Skip what calls this in its setup where the run is short."""
    if SHORT:
        raise NotImplementedError("in the full version only")
