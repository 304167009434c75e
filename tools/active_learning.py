"""Which images to annotate next: the most uncertain ones, or any, on synthetic images.

    python tools/active_learning.py --output RUNS [--images rare|mixed] [--reduced]

A start model is trained on a few images. Then, round after round, images are taken from a pool,
with their exact masks as the annotation, and the model of the round before is trained further on
all images taken so far. They are taken either in the order of ``napari-probinst rank`` for that
model's predictions of the pool, or at random. Both are done with several seeds, with the same
number of steps and, for the same seed, the same seed of the trainings. Two kinds of screens
(``study_images.py``): in one a condition is rare that the start model never saw, in the other all
images differ in difficulty. All models are scored on held-back images.

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
from learning_curves import RANDOM, as_csv, plot, publish, table
from study_images import PARTS, SCREENS, Screen, index_of, write_images
from synthetic_study import ERRORS, parser, run, scores, train, write, write_config

from napari_probinst.core.data.atomic import make_folder
from napari_probinst.core.data.masks import read_instances

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape

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
    pool: int = 60
    held_back: int = 24
    taken: int = 3
    rounds: int = 3
    seeds: int = 3
    start_steps: int = 3000
    steps: int = 800
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
    options.add_argument("--images", choices=tuple(SCREENS), default="rare", help="the screen")
    given = options.parse_args()
    plan = REDUCED if given.reduced else Plan()
    study = Run(given.output, plan, given.by, SCREENS[given.images])
    study.finish()
    if not given.reduced:
        publish(given.output, _DOCS, given.images)


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
    screen : Screen
        What the images are like.
    """

    folder: Path
    plan: Plan
    by: Sequence[str]
    screen: Screen

    def finish(self) -> None:
        """Do what is missing, and write table and curves."""
        make_folder(self.folder)
        for part in PARTS:
            n_images = getattr(self.plan, part)
            write_images(self.folder / part, self.screen, part, n_images, self.plan.shape)
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
        write(self.folder / "learning.md", table(rows, by_image, self._rare_ones()))

    def _rare_ones(self) -> NDArray[np.bool_]:
        """Which of the held-back images, in the order of their names, are of the rare kind."""
        indices = range(self.plan.held_back)
        return np.array([self.screen.is_rare("held_back", index) for index in indices])

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
            "rare": sum(self.screen.is_rare("pool", index_of(name)) for name in taken),
            "instances": sum(
                len(read_instances(self.folder / "pool" / "instances" / f"{name}.tif"))
                for name in taken
            ),
            "dsb": float(np.mean([score["dsb"] for score in scored])),
            **{kind: sum(score[kind] for score in scored) for kind in ERRORS},
            "taken": "",
        }


if __name__ == "__main__":
    main()
