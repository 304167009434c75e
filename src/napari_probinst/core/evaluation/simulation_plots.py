"""The curves of a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from napari_probinst.core.evaluation.simulate import AXES, GAIN

if TYPE_CHECKING:
    from napari_probinst.core.evaluation.simulate import Simulation

_AXIS_TITLES = {"stops": "Stops", "corrected": "Instances corrected"}
#: Colour, line and width of each order's curve: the main ones are thick, the oracles black.
_STYLES = {
    "ours": ("C3", "-", 2.5),
    "paper": ("C0", "-", 2.0),
    "entropy mass": ("C1", "-", 1.0),
    "confidence": ("C4", "-", 1.0),
    "boundary": ("C2", "-", 1.0),
    "largest": ("C5", "-", 1.0),
    "random": ("0.6", "-", 2.0),
    "oracle": ("black", "--", 1.2),
    "greedy oracle": ("black", ":", 1.2),
}


def simulation_figure(simulation: Simulation) -> Figure:
    """DSB over the number of stops, and over the number of corrected instances."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    for axes, axis in zip(figure.subplots(1, 2, sharey=True), AXES, strict=True):
        for order in simulation.curves:
            colour, line, width = _STYLES[order]
            axes.plot(
                [scores[GAIN] for scores in simulation.scores(order, axis)],
                color=colour,
                linestyle=line,
                linewidth=width,
                label=f"ours ({simulation.ranking})" if order == "ours" else order,
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(_AXIS_TITLES[axis])
        axes.grid(color="0.9")
    axes.legend(fontsize="small")
    figure.axes[0].set_ylabel("DSB, mean over images")
    return figure
