"""Train and tune each configuration of a folder from one start, and write the scores as a table.

    python tools/ablation.py --data FOLDER --wells NAMES --start COARSE.safetensors --output RUNS

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

from napari_probinst.core.network.header import read_header

#: Of the cross-validation; `dsb_all` is what the settings chosen on all wells give.
_SCORES = ("dsb_image", "precision", "precision50", "recall80")
#: Draws that a row is tuned and scored with: half of a prediction's, as tuning takes the time.
_DRAWS = 4
_CONFIGS = Path(__file__).parents[1] / "configs" / "ablation"


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


def _number(name: str) -> int:
    found = re.match(r"\d+", name)
    return int(found[0]) if found else 0


if __name__ == "__main__":
    main()
