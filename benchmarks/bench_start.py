"""First use: a process that has nothing imported yet, and napari's docks.

Each measurement starts a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from napari_probinst.core.data.synthetic import write_dataset

from .run_length import by_length

COMMAND = (sys.executable, "-m", "napari_probinst.cli")
OPEN_DOCK = Path(__file__).with_name("open_dock.py")


def _run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class CommandLine:
    """Whole processes, from their start to their end."""

    timeout = 120
    rounds = 1
    number = 1
    repeat = by_length(2, 7)
    # The first reads the program from the disk.
    warmup_time = 0.01

    def setup_cache(self):
        folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
        write_dataset(folder, 1)
        return folder

    def time_help(self, _folder):
        _run(*COMMAND, "--help")

    def time_predict_one_image(self, folder):
        (image,) = (folder / "images").iterdir()
        _run(*COMMAND, "predict", str(image), "--output", str(folder / "results"), "--overwrite")


class Docks:
    """In a window of napari that is open: imports, construction, first painting."""

    params = ("Predict", "Proofread", "Train", "Evaluate")
    param_names = ("dock",)
    timeout = 120

    def track_opening(self, dock):
        command = (sys.executable, str(OPEN_DOCK), dock)
        runs = [
            subprocess.run(command, check=True, stdout=subprocess.PIPE)
            for _ in range(by_length(1, 5))
        ]
        return min(float(run.stdout.split()[-1]) for run in runs)

    track_opening.unit = "seconds"
