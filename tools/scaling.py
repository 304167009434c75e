"""Measure time and memory of predicting synthetic images from 2k x 2k to 16k x 16k pixels.

Each size runs in a process of its own, whose peak memory the system tells. What is measured is
kept in ``scaling.json`` at once: a run that was stopped goes on with the next size, and within a
size with the next tile; times are then the sum of the parts, and the record says how many.

    python tools/scaling.py scaling --sizes 2048 4096 8192 16384
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from napari_probinst.core.data.atomic import atomic_file
from napari_probinst.core.data.atomic_folder import atomic_folder
from napari_probinst.core.data.synthetic import CHANNEL_NAMES, synthetic_image

#: Side of the wells that an image is put together from, pixels, and how many different ones.
WELL, N_WELLS = 512, 32


def main() -> None:
    """Generate, predict and plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for images, results, scaling.json and the plot")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2048, 4096, 8192, 16384])
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--note", default="", help="of the machine, for the record")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.measure is not None:
        sys.stdout.write(json.dumps(measure(options.folder, options.measure, options.draws)))
        return
    for size in options.sizes:
        if any(one["size"] == size for one in records(options.folder)):
            continue
        write_image(image_path(options.folder, size), size)
        command = [sys.executable, __file__, str(options.folder), "--measure", str(size)]
        answer = subprocess.run(
            [*command, "--draws", str(options.draws)], check=True, stdout=subprocess.PIPE
        )
        record = {**json.loads(answer.stdout), "note": options.note}
        with atomic_file(options.folder / "scaling.json") as file:
            file.write(json.dumps([*records(options.folder), record], indent=1).encode())
        sys.stdout.write(f"{record}\n")
    plot(options.folder)


def image_path(folder: Path, size: int) -> Path:
    """Where the image of this size is."""
    return folder / f"wells-{size}.ome.zarr"


def records(folder: Path) -> list[dict]:
    """What is measured already, in the order of the runs."""
    path = folder / "scaling.json"
    return json.loads(path.read_text()) if path.exists() else []


def write_image(path: Path, size: int) -> None:
    """Write an image of wells side by side, well by well."""
    import zarr

    if path.exists():
        return
    wells = [synthetic_image(seed, (WELL, WELL)).channels for seed in range(N_WELLS)]
    chosen = np.random.default_rng(0)
    with atomic_folder(path) as folder:
        root = zarr.open_group(folder, mode="w", zarr_format=3)
        array = root.create_array(
            "0", shape=(2, size, size), chunks=(1, WELL, WELL), dtype=np.uint16
        )
        for y in range(0, size, WELL):
            for x in range(0, size, WELL):
                well = wells[chosen.integers(N_WELLS)]
                array[:, y : y + WELL, x : x + WELL] = well[:, : size - y, : size - x]
        scale = {"type": "scale", "scale": [1.0, 1.0, 1.0]}
        root.attrs["ome"] = {
            "version": "0.5",
            "multiscales": [
                {
                    "axes": [
                        {"name": "c", "type": "channel"},
                        {"name": "y", "type": "space"},
                        {"name": "x", "type": "space"},
                    ],
                    "datasets": [{"path": "0", "coordinateTransformations": [scale]}],
                }
            ],
            "omero": {"channels": [{"label": name} for name in CHANNEL_NAMES]},
        }


def measure(folder: Path, size: int, n_draws: int) -> dict:
    """Predict one image as the command line does, and tell what it took."""
    from napari_probinst.core.batch.job import Job
    from napari_probinst.core.batch.predicting import compute, read_image
    from napari_probinst.core.data.io import find_images
    from napari_probinst.core.network.checkpoint import load_model
    from napari_probinst.models import default_model

    output = folder / f"results-{size}"
    output.mkdir(exist_ok=True)
    model = load_model(default_model())
    settings = model.header.inference.model_copy(update={"n_draws": n_draws})
    (source,) = find_images(image_path(folder, size), model.header.network.channels)
    job = Job((default_model(),), (model.checksum,), settings, output, overwrite=True)

    kept = output / f".{source.name}.tiles"
    spent = Spent(folder / f"spent-{size}-{n_draws}.json", goes_on=kept.is_dir())

    def tell(name: str, draw: int, n_draws: int, tile: int, n_tiles: int) -> None:
        now = spent.note()
        sys.stderr.write(
            f"\r{name}: draw {draw} of {n_draws}, tile {tile} of {n_tiles}, "
            f"{now['seconds']:.0f} s, {now['peak_bytes'] / 2**30:.2f} GiB "
        )

    outcome = compute(job, job.predictor(), read_image(job, source), tell)
    return {
        "size": size,
        "draws": n_draws,
        "instances": outcome.uncertainty.n_instances,
        "peaks": outcome.uncertainty.n_peaks,
        "stages": {
            name: round(getattr(outcome.seconds, name), 1) for name in ("agglomeration", "write")
        },
        **spent.note(),
    }


class Spent:
    """What a size has taken so far, also in earlier processes.

    Parameters
    ----------
    path : Path
        Where it is kept.
    goes_on : bool
        Whether what earlier processes have found is still there.
    """

    def __init__(self, path: Path, *, goes_on: bool) -> None:
        nothing = {"seconds": 0.0, "processor_seconds": 0.0, "peak_bytes": 0, "parts": 0}
        self._path = path
        self._before = json.loads(path.read_text()) if goes_on and path.exists() else nothing
        self._began = time.perf_counter()

    def note(self) -> dict:
        """Keep what has been taken until now, and return it."""
        processor = os.times()
        now = {
            "seconds": round(self._before["seconds"] + time.perf_counter() - self._began, 1),
            "processor_seconds": round(
                self._before["processor_seconds"] + processor.user + processor.system, 1
            ),
            "peak_bytes": max(self._before["peak_bytes"], peak_memory()),
            "parts": self._before["parts"] + 1,
        }
        with atomic_file(self._path) as file:
            file.write(json.dumps(now).encode())
        return now


def peak_memory() -> int:
    """Largest resident memory of this process so far, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def plot(folder: Path) -> None:
    """Write ``scaling.png``: time and memory by megapixels, with what would be in proportion."""
    import matplotlib.pyplot as plt

    done = sorted(records(folder), key=lambda one: one["size"])
    pixels = np.array([one["size"] ** 2 / 1e6 for one in done])
    minutes = np.array([one["processor_seconds"] / 60 for one in done])
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.loglog(pixels, minutes, "o-", label="measured")
    left.loglog(pixels, minutes[0] * pixels / pixels[0], ":", color="grey", label="in proportion")
    left.set(xlabel="megapixels", ylabel="processor time (min)")
    left.legend()
    right.plot(pixels, [one["peak_bytes"] / 2**30 for one in done], "o-")
    right.axhline(4, color="grey", linestyle=":")
    right.set(xlabel="megapixels", ylabel="peak memory (GiB)", ylim=(0, 4.4))
    figure.savefig(folder / "scaling.png", dpi=150)


if __name__ == "__main__":
    main()
