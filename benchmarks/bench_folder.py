"""A folder of images: processes side by side, beside one process for each image.

Eight synthetic wells of 520 x 696 pixels, two channels, one draw each: what counts here is what the
program does around the network. Whole commands are timed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from napari_probinst.core.data.synthetic import write_dataset

from .run_length import by_length

COMMAND = (sys.executable, "-m", "napari_probinst.cli")
N_IMAGES = by_length(4, 8)


class _Once:
    timeout = 600
    rounds = 1
    number = 1
    repeat = 1
    warmup_time = 0.0

    def setup_cache(self):
        folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
        write_dataset(folder, N_IMAGES)
        return folder


class Folder(_Once):
    """One command, by the number of worker processes, and a summary and a ranking at its end."""

    params = (1, 2)
    param_names = ("workers",)

    def time_predict(self, folder, workers):
        _predict(folder / "images", folder / f"by-{workers}", "--workers", str(workers))


class OneByOne(_Once):
    """The yardstick: the command for each image."""

    def time_predict(self, folder):
        for image in sorted((folder / "images").iterdir()):
            _predict(image, folder / "one-by-one")


class Rank(_Once):
    """Which images to annotate next, from results on the disk."""

    def setup_cache(self):
        folder = super().setup_cache()
        _predict(folder / "images", folder / "results")
        return folder

    def time_rank(self, folder):
        _run("rank", str(folder / "results"))


def _predict(images, results, *options):
    draws = ("--draws", "1", "--overwrite")
    _run("predict", str(images), "--output", str(results), *draws, *options)


def _run(*arguments):
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)
