"""Train and tune each configuration of a folder from one start, and write the scores as a table.

    python tools/ablation.py --data FOLDER --wells NAMES --start COARSE.safetensors --output RUNS

``ablation.csv`` has the scores, and ``ablation.md`` the table of docs/ablation.md: each row beside
the one that it changes, with a 95 % bootstrap interval of the difference over the same images.
Rows that are finished are not run again, and a broken one goes on from its last checkpoint: the
whole may take several evenings. A row is tuned, which takes one core, while the next one trains.
"""

from __future__ import annotations

import argparse
import csv
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.evaluation.bootstrap import bootstrap_intervals
from napari_probinst.core.network.header import read_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Of the cross-validation; `dsb_all` is what the settings chosen on all wells give.
_SCORES = ("dsb_image", "precision", "precision50", "recall80")
#: Draws that a row is tuned and scored with: half of a prediction's, as tuning takes the time.
_DRAWS = 4
_CONFIGS = Path(__file__).parents[1] / "configs" / "ablation"
#: Number of the row that a row changes, where it isn't the one before.
_CHANGES = {4: 2}


def main() -> None:
    """Run what is missing, row by row, and write the table after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wells", type=Path, required=True, help="wells to tune and score on")
    parser.add_argument(
        "--start", type=Path, required=True, help="model that every row starts from"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--configs", type=Path, default=_CONFIGS)
    given = parser.parse_args()
    (given.output / "tuned").mkdir(parents=True, exist_ok=True)
    rows = sorted(given.configs.glob("*.yaml"), key=lambda path: _number(path.stem))
    tuning: subprocess.Popen[bytes] | None = None
    for config in rows:
        model = given.output / f"{config.stem}.safetensors"
        if not model.is_file():
            _train(config, model, given.data, given.start)
        _finish(tuning)
        _write_table(given.output, rows)
        tuning = _tune(model, given.output / "tuned" / model.name, given.data, given.wells)
    _finish(tuning)
    _write_table(given.output, rows)
    write_page(given.output, rows)


def _train(config: Path, model: Path, data: Path, start: Path) -> None:
    begun = (model.with_suffix(".run") / "last.ckpt").is_file()
    origin = ["--resume"] if begun else ["--from", str(start)]
    _run("train", "--data", data, "--config", config, "--output", model, *origin)


def _tune(model: Path, tuned: Path, data: Path, wells: Path) -> subprocess.Popen[bytes] | None:
    if tuned.is_file():
        return None
    folds = _CONFIGS.parent / "folds.yaml"
    options = ["--wells", wells, "--folds", folds, "--draws", _DRAWS, "--output", tuned]
    return subprocess.Popen(_command("tune", "--model", model, "--data", data, *options))


def _finish(tuning: subprocess.Popen[bytes] | None) -> None:
    if tuning is not None and tuning.wait():
        raise subprocess.CalledProcessError(tuning.returncode, tuning.args)


def _run(*arguments: object) -> None:
    subprocess.run(_command(*arguments), check=True)


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "napari_probinst.cli", *map(str, arguments)]


def _write_table(folder: Path, rows: list[Path]) -> None:
    with (folder / "ablation.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["configuration", "steps", "seconds", "dsb_all", *_SCORES])
        for config in rows:
            path = folder / "tuned" / f"{config.stem}.safetensors"
            if not path.is_file():
                continue
            header = read_header(path)
            taken = [header.training[name] for name in ("steps", "seconds")]
            dsb = header.tuning["all_images"]["dsb_image"]
            scores = [header.tuning["cross_validated"][name] for name in _SCORES]
            writer.writerow([config.stem, *taken, dsb, *scores])


def write_page(folder: Path, rows: Sequence[Path]) -> None:
    """Write the finished rows as a Markdown table."""
    titles = ["", "configuration", "DSB", "difference (95 %)", "precision", "at .5", "recall@.8"]
    lines = [titles, ["---"] * len(titles)]
    dsb: dict[int, NDArray[np.float64]] = {}
    for config in rows:
        path = folder / "tuned" / f"{config.stem}.safetensors"
        if not path.is_file():
            continue
        tuning, number = read_header(path).tuning, _number(config.stem)
        scores = tuning["cross_validated"]
        by_image = tuning["cross_validated_dsb"]
        dsb[number] = np.array([by_image[name] for name in sorted(by_image)])
        base = _CHANGES.get(number, number - 1)
        difference = f"{_gain(dsb[number] - dsb[base])} to {base}" if base in dsb else ""
        figures = (f"{scores[name]:.3f}" for name in ("precision", "precision50", "recall80"))
        about = config.read_text(encoding="utf-8").splitlines()[0].strip("# .")
        lines.append([str(number), about, f"{scores['dsb_image']:.3f}", difference, *figures])
    text = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    (folder / "ablation.md").write_text(text, encoding="utf-8")


def _gain(difference: NDArray[np.float64]) -> str:
    def mean(indices: NDArray[np.intp]) -> dict[str, float]:
        return {"gain": float(difference[indices].mean())}

    low, high = bootstrap_intervals(mean, len(difference), n_resamples=2000, seed=0)["gain"]
    return f"{difference.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def _number(name: str) -> int:
    found = re.match(r"\d+", name)
    return int(found[0]) if found else 0


if __name__ == "__main__":
    main()
