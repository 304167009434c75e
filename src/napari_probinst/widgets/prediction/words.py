"""Words about results that several parts of the dock use."""

from __future__ import annotations


def found(n_instances: int, n_peaks: int) -> str:
    """What a prediction holds, in a sentence."""
    instances = "instance" if n_instances == 1 else "instances"
    places = "place" if n_peaks == 1 else "places"
    return f"{n_instances} {instances}; the draws disagree at {n_peaks} {places}."
