"""Table and curves of a study of active learning."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from synthetic_study import ERRORS, write

from napari_probinst.core.data.atomic import atomic_file, make_folder
from napari_probinst.core.evaluation.bootstrap import bootstrap_intervals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    #: DSB of each held-back image by order and round, mean over the seeds.
    ByImage = Mapping[tuple[str, int], NDArray[np.float64]]

RANDOM = "random"
COLUMNS = ("order", "seed", "round", "images", "rare", "instances", "dsb", *ERRORS, "taken")
_BEGIN, _END = "<!-- figures: {} -->\n", "<!-- end of figures -->\n"
_LABELS = {"sum": "rank (sum of entropy)", "mean": "rank --by mean", RANDOM: "random"}
_COLOURS = {"sum": "C3", "mean": "C0", RANDOM: "0.5"}


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Table of all models."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({**row, "dsb": f"{row['dsb']:.4f}"})
    return text.getvalue()


def table(rows: Sequence[Mapping[str, Any]], by_image: ByImage, rare: NDArray[np.bool_]) -> str:
    """Markdown table: each order's mean DSB after each round, and the gain over a random order.

    The interval of the gain is a 95 % bootstrap over the held-back images, of the means over the
    seeds. Where some of these are of the rare kind (``rare``, one for each), both kinds have a
    column of their own.
    """
    kinds = {"DSB, common": ~rare, "DSB, rare": rare} if rare.any() else {}
    rare_ones = ["rare among them"] if kinds else []
    gain = "gain over random (95 %)"
    titles = ["order", "images taken", *rare_ones, "worms in them", *kinds, "DSB", gain]
    lines = [titles, ["---"] * len(titles)]
    for order, number in by_image:
        mine = [row for row in rows if row["order"] == order and row["round"] == number]
        gain = ""
        if order != RANDOM and number:
            difference = by_image[order, number] - by_image[RANDOM, number]
            gain = _with_interval(difference)
        images = mine[0]["images"]
        taken = [f"{np.mean([row['rare'] for row in mine]):.1f}"] if kinds else []
        worms = np.mean([row["instances"] for row in mine])
        of_kinds = [f"{by_image[order, number][chosen].mean():.3f}" for chosen in kinds.values()]
        dsb = np.mean([row["dsb"] for row in mine])
        cells = [_LABELS[order], str(images), *taken, f"{worms:.0f}", *of_kinds, f"{dsb:.3f}"]
        lines.append([*cells, gain])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _with_interval(difference: NDArray[np.float64]) -> str:
    def mean(indices: NDArray[np.intp]) -> dict[str, float]:
        return {"gain": float(difference[indices].mean())}

    intervals = bootstrap_intervals(mean, len(difference), n_resamples=2000, seed=0)
    low, high = intervals.get("gain") or (float("nan"),) * 2
    interval = "" if np.isnan(low) else f" ({low:+.3f} to {high:+.3f})"
    return f"{difference.mean():+.3f}{interval}"


def plot(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Learning curves over the images, and over the worms, that were annotated."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    orders = dict.fromkeys(row["order"] for row in rows)
    for axes, axis in zip(figure.subplots(1, 2, sharey=True), ("images", "instances"), strict=True):
        for order in orders:
            mine = [row for row in rows if row["order"] == order]
            rounds = sorted({row["round"] for row in mine})
            colour = _COLOURS[order]
            points = np.array(
                [
                    [(row[axis], row["dsb"]) for row in mine if row["round"] == number]
                    for number in rounds
                ]
            )
            for seed in range(points.shape[1]):
                axes.plot(*points[:, seed].T, color=colour, linewidth=0.6, alpha=0.6)
            axes.plot(*points.mean(axis=1).T, "o-", color=colour, label=_LABELS[order])
        axes.set_xlabel("images taken" if axis == "images" else "worms annotated in them")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color="0.9")
    figure.axes[0].set_ylabel("DSB on held-back images")
    figure.axes[0].legend(fontsize="small")
    # The same figures give the same bytes.
    with mpl.rc_context({"svg.hashsalt": "learning"}), atomic_file(path) as file:
        figure.savefig(file, format="svg", metadata={"Date": None})


def publish(folder: Path, docs: Path, name: str) -> None:
    """Put the table of a finished study into the page, and table and curves beside it."""
    kept = docs / "active-learning"
    make_folder(kept)
    for suffix in (".csv", ".svg"):
        content = (folder / f"learning{suffix}").read_text(encoding="utf-8")
        write(kept / f"{name}{suffix}", content)
    page, begin = docs / "active-learning.md", _BEGIN.format(name)
    before, rest = page.read_text(encoding="utf-8").split(begin)
    old_figures, after = rest.split(_END, 1)
    del old_figures
    figures = (
        f"{(folder / 'learning.md').read_text(encoding='utf-8')}\n"
        f"![Learning curves: thin lines are single seeds](active-learning/{name}.svg)\n\n"
        f"[{name}.csv](active-learning/{name}.csv) has every model.\n"
    )
    write(page, f"{before}{begin}\n{figures}\n{_END}{after}")
