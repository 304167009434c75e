"""Write what asv has measured as a table: value, what it is compared with, ratio, and the aim.

    python tools/bench_table.py [--results FOLDER] [--since FILE] [--output FILE] [--note TEXT]

The newest results are taken; those from before ``--since`` was written don't count. ``make bench``
does this after it has measured.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_probinst.core.data.atomic import atomic_file, make_folder
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ROOT = Path(__file__).resolve().parents[1]
_RESULTS = _ROOT / "benchmarks" / ".asv" / "results"
_PAGE = _ROOT / "docs" / "performance" / "bench.md"

GIB = 2**30
_FAILED, _ABSENT = "failed", "Not measured"


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table, or one for each value of the benchmark's parameter.

    Parameters
    ----------
    title : str
        What is measured; ``{}`` stands for the parameter.
    benchmark : str
        Name of the benchmark.
    beside : (str, str), optional
        Benchmark that it is compared with, and what that is.
    at_most : float, optional
        Aim, in the benchmark's unit: seconds or bytes.
    times_faster : float, optional
        Aim of the ratio.
    without_matrix_units : float, optional
        The only aim, as ``at_most``, where the processor has no AMX.
    """

    title: str
    benchmark: str
    beside: tuple[str, str] | None = None
    at_most: float | None = None
    times_faster: float | None = None
    without_matrix_units: float | None = None

    def on(self, *, matrix_units: bool) -> Figure:
        """The same with the aim that holds for a machine."""
        if matrix_units or self.without_matrix_units is None:
            return self
        return replace(self, at_most=self.without_matrix_units, times_faster=None)


#: Its result is no number where the processor has no units for bfloat16 matrices (AMX): there
#: every benchmark runs in float32.
_IN_FLOAT32 = "bench_pipeline.WithoutMatrixUnits.time_image_to_peaks"

FIGURES: dict[str, tuple[Figure, ...]] = {
    "One image of 520 x 696 pixels, 8 draws, warm": (
        Figure(
            "image to ranked peaks",
            "bench_pipeline.ImageToPeaks.time_image_to_peaks",
            ("bench_pipeline.Straightforward.time_image_to_peaks", "straightforward"),
            at_most=1.0,
            times_faster=4.0,
            without_matrix_units=3.0,
        ),
        Figure(
            "the same of the demo's sample, with worms across one another",
            "bench_pipeline.OutsizedToPeaks.time_image_to_peaks",
        ),
        Figure(
            "the same in float32 (without AMX)",
            _IN_FLOAT32,
            ("bench_pipeline.Straightforward.time_image_to_peaks", "straightforward"),
            at_most=3.0,
        ),
        Figure(
            "clustering, overlaps, agglomeration, ranking",
            "bench_pipeline.AfterTheNetwork.time_after_the_network",
            (
                "bench_pipeline.StraightforwardAfterTheNetwork.time_after_the_network",
                "straightforward",
            ),
        ),
        Figure(
            "clustering a draw of {} worms",
            "bench_clustering.Clustering.time_segment",
            ("bench_clustering.Clustering.time_straightforward", "bin-seeded scikit-learn"),
        ),
        Figure("peak memory", "bench_pipeline.ImageToPeaks.peakmem_image_to_peaks"),
    ),
    "The network": (
        Figure(
            "a thinned draw, all rates {}",
            "bench_network.Thinning.time_thinned",
            ("bench_network.Thinning.time_masked", "masked"),
        ),
        Figure(
            "8 draws, the first layer once",
            "bench_network.Draws.time_network_first_layer_once",
            ("bench_network.Draws.time_network", "once a draw"),
        ),
    ),
    "Many instances": (
        Figure(
            "agglomeration and ranking of {} in each of 8 draws",
            "bench_agglomeration.ManyInstances.time_agglomeration_and_ranking",
            at_most=60.0,
        ),
        Figure(
            "its peak memory, {}",
            "bench_agglomeration.ManyInstancesMemory.peakmem_agglomeration_and_ranking",
        ),
        Figure(
            "the same of 16",
            "bench_agglomeration.FewInstances.time_agglomeration_and_ranking",
            ("bench_agglomeration.FewInstances.time_straightforward", "straightforward"),
        ),
    ),
    "An image of 2,048 x 2,048 pixels, in tiles": (
        Figure("predicting it, draws: {}", "bench_tiling.TiledTime.time_predict"),
        Figure(
            "its peak memory, draws: {}",
            "bench_tiling.TiledMemory.peakmem_predict",
            at_most=4 * GIB,
        ),
    ),
    "By pixels a side, 1 draw": (
        Figure("{} pixels a side", "bench_tiling.Scaling.time_predict"),
        Figure("their peak memory, {}", "bench_tiling.Scaling.peakmem_predict", at_most=4 * GIB),
    ),
    "A folder of images, 1 draw, whole commands": (
        Figure(
            "predicting it, worker processes: {}",
            "bench_folder.Folder.time_predict",
            ("bench_folder.OneByOne.time_predict", "a command an image"),
        ),
        Figure("ranking its images", "bench_folder.Rank.time_rank"),
    ),
    "Proofreading 10,000 instances on 9,270 x 9,270 pixels": (
        Figure("an edit, {}", "bench_curation.Editing.time_edit", at_most=0.05),
        Figure("its undo, {}", "bench_curation.Undoing.time_undo", at_most=0.05),
        Figure("going to the next peak", "bench_curation.Reviewing.time_next_peak", at_most=0.05),
        Figure("accepting a peak, and its undo", "bench_curation.Reviewing.time_accept_and_undo"),
        Figure("opening the session", "bench_curation.Opening.time_opening", at_most=3.0),
        Figure("its peak memory", "bench_curation.Opening.peakmem_opening", at_most=3e9),
        Figure("beginning a session", "bench_curation.Beginning.time_beginning"),
    ),
    "The same in a window of napari": (
        Figure("showing the prediction of {}", "bench_window.Window.track_show"),
        Figure("opening the Proofread dock on {}", "bench_window.Window.track_open"),
        Figure("going to the next peak, {}", "bench_window.Window.track_next", at_most=0.05),
        Figure("... until it is drawn, {}", "bench_window.Window.track_next_painted"),
        Figure("an edit, {}", "bench_window.Window.track_edit", at_most=0.05),
        Figure("... until it is drawn, {}", "bench_window.Window.track_edit_painted"),
        Figure("its undo, {}", "bench_window.Window.track_undo", at_most=0.05),
        Figure(
            "a split by a line, from the button let go, {}",
            "bench_window.Window.track_line",
            at_most=0.05,
        ),
        Figure("Finish of a brush, {}", "bench_window.Window.track_brush", at_most=0.05),
        Figure(
            "the first edit, which begins the session, {}", "bench_window.Window.track_first_edit"
        ),
        Figure("peak memory, {}", "bench_window.Window.track_peakmem", at_most=3e9),
    ),
    "First use: processes that start": (
        Figure("`napari-probinst --help`", "bench_start.CommandLine.time_help", at_most=0.5),
        Figure(
            "`napari-probinst predict` of one image",
            "bench_start.CommandLine.time_predict_one_image",
            at_most=6.0,
        ),
        Figure("opening a dock, {}", "bench_start.Docks.track_opening", at_most=1.0),
    ),
    "Training on 512 x 512 pixels, batch 1": (
        Figure(
            "a step",
            "bench_training.TrainingStep.time_step",
            ("bench_training.TrainingStep.time_step_float32_contiguous", "contiguous float32"),
        ),
        Figure("making the crop", "bench_training.TrainingStep.time_crop"),
    ),
}


def main() -> None:
    """Read the newest results, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=_RESULTS, help="folder of asv")
    parser.add_argument("--since", type=Path, help="file that was written before asv began")
    parser.add_argument("--output", type=Path, default=_PAGE)
    parser.add_argument("--note", default="", help="of the machine, for the record")
    given = parser.parse_args()
    try:
        results = newest(given.results, given.since)
    except InputError as error:
        parser.exit(2, f"error: {error}\n")
    text = page(results, note=given.note)
    make_folder(given.output.parent)
    with atomic_file(given.output) as file:
        file.write(text.encode())
    sys.stdout.write(text)
    if f"| {_FAILED} |" in text or f"\n{_ABSENT}: " in text:
        parser.exit(1, "error: some benchmarks failed or did not run; asv says why above.\n")


def newest(folder: Path, since: Path | None = None) -> dict[str, Any]:
    """Results that asv wrote last, without those from before a file was written.

    asv keeps what it has measured of a revision earlier where it can't measure anew.

    Raises
    ------
    InputError
        If there are none.
    """
    files = [path for path in folder.glob("*/*.json") if path.name != "machine.json"]
    if not files:
        raise InputError(f"{folder} holds no results of asv; run 'make bench' first.")
    results = json.loads(max(files, key=lambda path: path.stat().st_mtime).read_bytes())
    if since is None:
        return results
    began = 1000 * since.stat().st_mtime
    rows = {
        name: row
        for name, row in results["results"].items()
        if dict(zip(results["result_columns"], row, strict=False))["started_at"] >= began
    }
    if not rows:
        raise InputError("asv has measured nothing: it says why above. The table stays as it was.")
    return {**results, "results": rows}


def values(results: Mapping[str, Any], benchmark: str) -> dict[tuple[str, ...], float | None]:
    """Medians by the parameters' values; None where a benchmark failed. Empty if it did not run."""
    row = results["results"].get(benchmark)
    if row is None:
        return {}
    named = dict(zip(results["result_columns"], row, strict=False))
    combinations = list(itertools.product(*named["params"]))
    # asv writes nothing at all where every combination failed.
    found = named["result"] or [None] * len(combinations)
    return dict(zip(combinations, found, strict=True))


def page(results: Mapping[str, Any], *, note: str = "") -> str:
    """Markdown page of all figures."""
    machine = results["params"]
    lines = [
        "# Figures of the last `make bench`",
        "",
        f"{machine['num_cpu']} cores of {machine['cpu']}, {_size(float(machine['ram']))} of "
        f"memory, {machine['os']}; revision {results['commit_hash'][:8]}. {note}".rstrip(),
        "Medians; `tools/bench_table.py` writes this page from what asv measured.",
    ]
    absent: list[str] = []
    in_float32 = list(values(results, _IN_FLOAT32).values())
    has_units = not any(value is not None and math.isnan(value) for value in in_float32)
    for heading, figures in FIGURES.items():
        rows = [
            row for figure in figures for row in _rows(figure.on(matrix_units=has_units), results)
        ]
        absent += [each.benchmark for each in figures if not values(results, each.benchmark)]
        if rows:
            titles = [heading, "this program", "beside it", "ratio", "aim", "met"]
            lines += ["", _line(titles), _line(["---"] * len(titles)), *map(_line, rows)]
    if absent:
        lines += ["", f"{_ABSENT}: {', '.join(f'`{name}`' for name in absent)}."]
    return "\n".join(lines) + "\n"


def _rows(figure: Figure, results: Mapping[str, Any]) -> Iterator[list[str]]:
    others = values(results, figure.beside[0]) if figure.beside else {}
    shown = _size if "peakmem" in figure.benchmark else _duration
    for parameters, value in values(results, figure.benchmark).items():
        title = figure.title.format(*(_plain(parameter) for parameter in parameters))
        if value is None:
            yield [title, _FAILED, "", "", _aim(figure, shown), "no"]
            continue
        if math.isnan(value):  # does not apply to this machine
            continue
        other = others.get(parameters, others.get(()))
        ratio = other / value if other is not None and not math.isnan(other) else None
        beside = f"{shown(other)} ({figure.beside[1]})" if figure.beside and ratio else ""
        yield [
            title,
            shown(value),
            beside,
            f"{ratio:.2f}" if ratio else "",
            _aim(figure, shown),
            _met(figure, value, ratio),
        ]


def _aim(figure: Figure, shown: Any) -> str:
    parts = []
    if figure.at_most is not None:
        parts.append(f"≤ {shown(figure.at_most)}")
    if figure.times_faster is not None:
        parts.append(f"≥ {figure.times_faster:g} times faster")
    return ", ".join(parts)


def _met(figure: Figure, value: float, ratio: float | None) -> str:
    if figure.at_most is None and figure.times_faster is None:
        return ""
    quick = figure.at_most is None or value <= figure.at_most
    better = figure.times_faster is None or (ratio is not None and ratio >= figure.times_faster)
    return "yes" if quick and better else "no"


def _plain(parameter: str) -> str:
    """A parameter, which asv keeps as Python writes it, for people."""
    text = parameter.strip("'")
    return f"{int(text):,}" if text.isdigit() else text


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.5 else f"{1000 * seconds:.3g} ms"


def _size(n_bytes: float) -> str:
    return f"{n_bytes / GIB:.2f} GiB"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
