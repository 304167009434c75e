"""Run the commands of docs/benchmark.md, and keep their tables and plots as docs/benchmark/.

    python tools/benchmark.py DATA WELLS [--work FOLDER]

DATA is a folder with the images and masks of BBBC010, WELLS the list of those to score. Pictures
of wells stay in the reports, which are written to the work folder only.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "docs" / "benchmark"

#: What is kept, and as what: numbers and curves of all wells together, no picture of one.
KEPT = {
    "report/thresholds.csv": "thresholds.csv",
    "report/images.csv": "images.csv",
    "report/figures/thresholds.png": "thresholds.png",
    "report/figures/uncertainty.png": "uncertainty.png",
    "report/figures/reliability.png": "reliability.png",
    "report/figures/risk_coverage.png": "risk_coverage.png",
    "simulation/report.csv": "simulation.csv",
    "simulation/curves.png": "simulation.png",
}


def main() -> None:
    """Predict, evaluate and simulate; then copy what is kept."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data", type=Path, help="images and masks of BBBC010")
    parser.add_argument("wells", type=Path, help="list of the wells to score")
    parser.add_argument("--work", type=Path, help="folder for predictions and reports")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        _run("predict", arguments.data, "--wells", arguments.wells, "--output", work / "results")
        for command, folder in (("evaluate", "report"), ("simulate", "simulation")):
            _run(command, work / "results", "--truth", arguments.data, "--output", work / folder)
        PAGES.mkdir(exist_ok=True)
        for source, target in KEPT.items():
            shutil.copyfile(work / source, PAGES / target)


def _run(*arguments: str | Path) -> None:
    command = "from napari_probinst.cli.main import main; main()"
    subprocess.run([sys.executable, "-c", command, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
