"""Figures of the uncertainty's scores; figure 2 of the paper among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from napari_probinst.core.evaluation.uncertainty import PAPER_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from napari_probinst.core.evaluation.uncertainty import UncertaintyScores

#: The paper's figures at 0.05 nats: p(accurate | certain), p(uncertain | inaccurate).
PAPER = (0.962, 0.559)
_ORDER_COLOURS = {"entropy": "C3", "boundary": "C0", "random": "0.5"}


def uncertainty_figures(scores: UncertaintyScores) -> dict[str, Figure]:
    """Draw what `UncertaintyScores` tells.

    Returns
    -------
    dict of str to Figure
        ``"uncertainty"``, figure 2 of the paper beside the baselines at equal shares of flagged
        patches; ``"reliability"``; ``"risk_coverage"``. To be saved by ``savefig``.
    """
    return {
        "uncertainty": _uncertainty(scores),
        "reliability": _reliability(scores),
        "risk_coverage": _risk_coverage(scores),
    }


def _uncertainty(scores: UncertaintyScores) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    over_threshold, over_share = figure.subplots(1, 2, sharey=True)
    curves = scores.curves
    for values, colour, label in (
        (curves.p_accurate_certain, "C3", "p(accurate | certain)"),
        (curves.p_uncertain_inaccurate, "0.4", "p(uncertain | inaccurate)"),
        (curves.pavpu, "C0", "PAvPU"),
        (curves.flagged, "C1", "patches flagged"),
    ):
        over_threshold.plot(
            curves.thresholds,
            _numbers(values),
            color=colour,
            linestyle=":" if values is curves.flagged else "-",
            label=label,
        )
    over_threshold.scatter(
        [PAPER_THRESHOLD] * len(PAPER), PAPER, color=["C3", "0.4"], marker="x", zorder=3
    )
    over_threshold.scatter([], [], color="0.2", marker="x", label="paper at 0.05 nats")
    _finish(over_threshold, "Entropy threshold (nats)", "Share")
    for name, detection in scores.detection.items():
        area = "" if detection.auroc is None else f", AUROC {detection.auroc:.3f}"
        over_share.plot(
            detection.shares,
            _numbers(detection.p_uncertain_inaccurate),
            color=_ORDER_COLOURS[name],
            linestyle="--" if name == "random" else "-",
            label=f"{name}{area}",
        )
    _finish(over_share, "Share of patches flagged", "p(uncertain | inaccurate)")
    over_share.set_xlim(0, 1)
    return figure


def _reliability(scores: UncertaintyScores) -> Figure:
    figure = Figure(figsize=(4.5, 5), layout="constrained")
    diagram, histogram = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    bins = scores.calibration.bins
    probability = [each.probability for each in bins]
    error = scores.calibration.expected_error
    diagram.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="calibrated")
    diagram.plot(
        probability,
        [each.observed for each in bins],
        color="C3",
        marker="o",
        label="pixels" if error is None else f"pixels, calibration error {error:.3f}",
    )
    _finish(diagram, None, "Share in the true instance")
    histogram.bar(probability, [each.n_pixels for each in bins], width=0.05, color="0.5")
    histogram.set_yscale("log")
    histogram.set_xlabel("Probability")
    histogram.set_ylabel("Pixels")
    return figure


def _risk_coverage(scores: UncertaintyScores) -> Figure:
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for number, (threshold, curve) in enumerate(scores.instance_errors.items()):
        area = "" if curve.aurc is None else f", AURC {curve.aurc:.3f}"
        colour = f"C{number}"
        axes.plot(curve.coverage, curve.risk, color=colour, label=f"IoU > {threshold:.1f}{area}")
        if curve.aurc_random is not None:
            axes.axhline(curve.aurc_random, color=colour, linestyle="--", linewidth=0.8)
    axes.plot([], [], color="0.4", linestyle="--", linewidth=0.8, label="random order")
    _finish(axes, "Coverage: most confident instances", "Risk: share of wrong instances")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, None)
    return figure


def _numbers(values: Sequence[float | None]) -> list[float]:
    """Values for a plot: a gap where one is undefined."""
    return [float("nan") if value is None else value for value in values]


def _finish(axes: Axes, x: str | None, y: str) -> None:
    if x is not None:
        axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(-0.02, 1.02)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.legend(frameon=True, fontsize="small")
