"""Which images to annotate next: the most uncertain ones, or any, on synthetic images.

    python tools/active_learning.py --output RUNS [--reduced]

A start model is trained on a few images. Then, round after round, images are taken from a pool,
with their exact masks as the annotation, and the model of the round before is trained further on
all images taken so far. They are taken either in the order of ``napari-probinst rank`` for that
model's predictions of the pool, or at random. Both are done with several seeds, with the same
number of steps and, for the same seed, the same seed of the trainings. The images differ widely in
the number of worms, in how many of these touch and cross, and in contrast; all models are scored
on held-back images of the same kind.

``learning.csv`` has the scores, ``learning.svg`` the curves, and the table goes into
docs/active-learning.md. What is finished is not done again, and a training that was broken off
goes on from its last checkpoint.
"""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from learning_curves import RANDOM, as_csv, plot, publish, table
from synthetic_study import ERRORS, parser, run, scores, train, write, write_config

from napari_probinst.core.data.atomic import atomic_file, make_folder
from napari_probinst.core.data.masks import read_instances
from napari_probinst.core.data.pages import write_pages
from napari_probinst.core.data.synthetic import CHANNEL_NAMES, synthetic_image
from napari_probinst.core.data.synthetic_rendering import CAMERA_MAXIMUM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.instances import InstanceSet

PARTS = ("start", "pool", "held_back")
_DOCS = Path(__file__).resolve().parents[1] / "docs"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything.

    Parameters
    ----------
    start, pool, held_back : int
        Images of the start model, images to choose from, and images to score on.
    taken, rounds : int
        Images that are taken a round, and rounds.
    seeds : int
        Repetitions of each order.
    start_steps, steps : int
        Optimiser steps of the start model, and of each round.
    shape : (int, int)
        Height and width of an image, pixels.
    """

    start: int = 3
    pool: int = 48
    held_back: int = 24
    taken: int = 3
    rounds: int = 3
    seeds: int = 3
    start_steps: int = 3000
    steps: int = 550
    shape: Shape = (400, 400)


#: Shows that all works, and nothing else.
REDUCED = Plan(3, 3, 1, 1, rounds=2, seeds=1, start_steps=6, steps=4)


def main() -> None:
    """Do what is missing, and write the results."""
    options = parser(__doc__)
    options.add_argument(
        "--by",
        nargs="+",
        choices=("sum", "mean"),
        default=["sum"],
        help="orders of rank that are compared with a random one",
    )
    given = options.parse_args()
    rows, by_image = Run(given.output, REDUCED if given.reduced else Plan(), given.by).finish()
    if not given.reduced:
        publish(rows, by_image, given.output, _DOCS)


@dataclass(frozen=True, slots=True)
class Run:
    """One comparison and its folder.

    Parameters
    ----------
    folder : Path
        For everything; made if need be.
    plan : Plan
        How much of everything.
    by : sequence of str
        Orders of rank, "sum" or "mean".
    """

    folder: Path
    plan: Plan
    by: Sequence[str]

    def finish(self) -> tuple[list[dict[str, Any]], dict[tuple[str, int], NDArray[np.float64]]]:
        """Do what is missing, and write table and curves.

        Returns
        -------
        rows : list of dict
            One for each model, with the columns of the table.
        by_image : dict of (str, int) to ndarray of shape (n_images,)
            DSB of each held-back image by order and round, mean over the seeds.
        """
        make_folder(self.folder)
        for number, part in enumerate(PARTS):
            write_images(self.folder / part, getattr(self.plan, part), number, self.plan.shape)
        write_config(self.folder / "start.yaml", seed=0)
        start = self.folder / "start.safetensors"
        train(start, self.folder / "start", self.folder / "start.yaml", self.plan.start_steps)
        rows, dsb = [], {}
        for order in (*self.by, RANDOM):
            for seed in range(self.plan.seeds):
                for row, images in self._rounds(order, seed, start):
                    rows.append(row)
                    dsb.setdefault((order, row["round"]), []).append(images)
        by_image = {key: np.mean(found, axis=0) for key, found in dsb.items()}
        write(self.folder / "learning.csv", as_csv(rows))
        plot(rows, self.folder / "learning.svg")
        write(self.folder / "learning.md", table(rows, by_image))
        return rows, by_image

    def _rounds(
        self, order: str, seed: int, model: Path
    ) -> list[tuple[dict[str, Any], list[float]]]:
        """All rounds of one order and seed; a row and the images' DSB for each model."""
        taken: list[str] = []
        found = [(self._row(order, seed, 0, taken, self._scores(model)), self._dsb(model))]
        for number in range(1, self.plan.rounds + 1):
            folder = self.folder / f"{order}-{seed}" / f"round-{number}"
            # Everybody starts from one model: its predictions are needed once.
            results = self.folder / "start-results" if number == 1 else folder / "results"
            new = self._next(order, seed, model, taken, results)
            taken += new
            data = folder / "data"
            self._lay_out(data, taken)
            write_config(folder / "config.yaml", seed=seed)
            model = train(
                folder / "model.safetensors", data, folder / "config.yaml", self.plan.steps, model
            )
            row = self._row(order, seed, number, taken, self._scores(model))
            found.append((row | {"taken": " ".join(new)}, self._dsb(model)))
        return found

    def _next(
        self, order: str, seed: int, model: Path, taken: Sequence[str], results: Path
    ) -> list[str]:
        """Names of the images to take next."""
        if order == RANDOM:
            names = sorted(path.stem for path in (self.folder / "pool" / "images").iterdir())
            ranked = [str(name) for name in np.random.default_rng(seed).permutation(names)]
        else:
            run("predict", self.folder / "pool" / "images", "--model", model, "--output", results)
            ranking = results / f"ranked-{order}.csv"
            run("rank", results, "--by", order, "--output", ranking, "--overwrite")
            with ranking.open(newline="", encoding="utf-8") as file:
                ranked = [row["image"] for row in csv.DictReader(file)]
        return [name for name in ranked if name not in taken][: self.plan.taken]

    def _lay_out(self, data: Path, taken: Sequence[str]) -> None:
        """Training folder of the first images and those that were taken."""
        for kind in ("images", "instances"):
            make_folder(data / kind)
            for path in (self.folder / "start" / kind).iterdir():
                shutil.copy(path, data / kind / f"start_{path.name}")
            for name in taken:
                shutil.copy(self.folder / "pool" / kind / f"{name}.tif", data / kind)

    def _scores(self, model: Path) -> list[dict[str, float]]:
        return scores(model, self.folder / "held_back", model.with_suffix(".scores"))

    def _dsb(self, model: Path) -> list[float]:
        return [score["dsb"] for score in self._scores(model)]

    def _row(
        self,
        order: str,
        seed: int,
        number: int,
        taken: Sequence[str],
        scored: Sequence[Mapping[str, float]],
    ) -> dict[str, Any]:
        return {
            "order": order,
            "seed": seed,
            "round": number,
            "images": len(taken),
            "instances": sum(
                len(read_instances(self.folder / "pool" / "instances" / f"{name}.tif"))
                for name in taken
            ),
            "dsb": float(np.mean([score["dsb"] for score in scored])),
            **{kind: sum(score[kind] for score in scored) for kind in ERRORS},
            "taken": "",
        }


def write_images(folder: Path, n_images: int, seed: int, shape: Shape) -> None:
    """Draw images of widely varying difficulty, and their masks."""
    done = folder / "done"
    if done.is_file():
        return
    for kind in ("images", "instances"):
        make_folder(folder / kind)
    for index in range(n_images):
        name = f"synthetic_{index:03d}.tif"
        channels, truth = draw_image((seed, index), shape)
        with atomic_file(folder / "images" / name) as file:
            metadata = {"axes": "CYX", "Labels": list(CHANNEL_NAMES)}
            tifffile.imwrite(file, channels, imagej=True, metadata=metadata)
        pages = [each.full(shape) * np.uint8(255) for each in truth.instances]
        empty = [np.zeros(shape, np.uint8)]
        write_pages(folder / "instances" / name, pages or empty, {"n_instances": len(pages)})
    done.touch()


def draw_image(
    seed: tuple[int, int], shape: Shape, noise: float = 80.0
) -> tuple[NDArray[np.uint16], InstanceSet]:
    """Draw a well that is easy or hard.

    Most hold few worms that lie apart, some many that touch and cross; the contrast falls to
    two fifths, over noise of ``noise`` counts of the camera.
    """
    rng = np.random.default_rng((*seed, 1))
    crowd, fading = rng.random() ** 2, rng.random()
    image = synthetic_image(
        seed,
        shape,
        n_worms=1 + round(11 * crowd),
        crossing=0.05 + 0.45 * crowd,
        touching=0.05 + 0.35 * crowd,
    )
    middle = image.channels.mean(axis=(1, 2), keepdims=True)
    faded = middle + (1 - 0.6 * fading) * (image.channels - middle)
    noisy = faded + rng.normal(0, noise, faded.shape)
    return noisy.round().clip(0, CAMERA_MAXIMUM).astype(np.uint16), image.truth


if __name__ == "__main__":
    main()
