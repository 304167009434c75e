"""Correct, retrain, go on: what corrected sessions add to a further training, on synthetic images.

    python tools/retraining.py --output RUNS [--reduced]

A first model is trained briefly on a few images. It predicts further images, and a simulated
curator corrects each at its highest ranked peaks, through sessions on the disk. Then the first
model is trained further several times, with the same number of steps and the same seed:

    without      on the first images alone
    uncorrected  on these and on the sessions as they were before any correction
    corrected    on these and on the corrected sessions
    truth        on these and on the exact masks of the further images: the most there is to gain

All are scored on images that no training and no curator has seen. ``retraining.json`` has
everything, ``retraining.md`` the table. What is finished is not done again, and a training that
was broken off goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from napari_probinst.core.before_after import BeforeAfter
from napari_probinst.core.curation.edits import Add, Delete, Repaint
from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.data.atomic import atomic_file
from napari_probinst.core.data.flattening import exported_instances
from napari_probinst.core.data.io import find_images, read_instances
from napari_probinst.core.data.synthetic import write_dataset
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.core.evaluation.bootstrap import bootstrap_intervals
from napari_probinst.core.evaluation.correction import Case, Stop, untouched, visit
from napari_probinst.core.evaluation.segmentation import score_image
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.network.checkpoint import load_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.curation.edit import Edit
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.evaluation.correction import Corrected
    from napari_probinst.core.prediction import Prediction

ARMS = ("without", "uncorrected", "corrected", "truth")
_CONFIG = Path(__file__).parents[1] / "configs" / "quick.yaml"
#: All images serve the training: nothing is held out by it, and the last weights are taken.
_TRAINING = {"held_out": 0.0, "validation_images": 0}
_ERRORS = ("false_merges", "false_splits", "misses", "spurious")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything.

    Parameters
    ----------
    first, further, held_back : int
        Images of the first training, images to be corrected, and images to score on.
    first_steps, further_steps : int
        Optimiser steps of the first training, and of each further one.
    stops : int
        Peaks that the curator visits in each image, the highest ranked ones.
    shape : (int, int)
        Height and width of an image, pixels.
    """

    first: int = 4
    further: int = 12
    held_back: int = 24
    first_steps: int = 2500
    further_steps: int = 1200
    stops: int = 15
    shape: tuple[int, int] = (520, 696)


#: Shows that all works, and nothing else.
REDUCED = Plan(2, 2, 3, first_steps=30, further_steps=10, stops=4, shape=(256, 320))


def main() -> None:
    """Do what is missing, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--reduced", action="store_true", help="a trial of a few minutes")
    parser.add_argument("--seed", type=int, default=0, help="of images and trainings")
    given = parser.parse_args()
    Run(given.output, REDUCED if given.reduced else Plan(), given.seed).finish()


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


class Run:
    """One comparison and its folder.

    Parameters
    ----------
    folder : Path
        For everything; made if need be.
    plan : Plan
        How much of everything.
    seed : int
        Of images and trainings.
    """

    def __init__(self, folder: Path, plan: Plan, seed: int) -> None:
        self.folder, self.plan, self.seed = folder, plan, seed

    def finish(self) -> None:
        """Do what is missing, and write the results."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_images()
        self._write_config()
        first = self._train("first", self._data("first"), self.plan.first_steps)
        curation = self._curate(first)
        for arm in ARMS:
            self._train(arm, self._data(arm), self.plan.further_steps, first)
        models = ("first", *ARMS)
        scores = {name: self._scores(name) for name in models}
        results = {
            "plan": asdict(self.plan),
            "seed": self.seed,
            "curation": curation,
            "models": {name: summary(scores[name], scores["without"]) for name in models},
            "images": scores,
        }
        _write(self.folder / "retraining.json", json.dumps(results, indent=2))
        _write(self.folder / "retraining.md", table(results))

    def _data(self, arm: str) -> Path:
        """Training folder of an arm."""
        return self.folder / "data" / ("first" if arm == "without" else arm)

    def _write_images(self) -> None:
        """Draw the images, and lay out a training folder an arm; sessions come later."""
        done = self.folder / "data" / "done"
        if done.is_file():
            return
        plan = self.plan
        drawn = self.folder / "drawn"
        for number, part in enumerate(("first", "further", "held_back")):
            n_images = getattr(plan, part)
            write_dataset(drawn / part, n_images, 3 * self.seed + number, shape=plan.shape)
        for arm in ("first", *ARMS[1:]):
            for part in ("first",) if arm == "first" else ("first", "further"):
                masked = part == "first" or arm == "truth"
                for kind in ("images", "instances") if masked else ("images",):
                    target = self.folder / "data" / arm / kind
                    target.mkdir(parents=True, exist_ok=True)
                    for path in (drawn / part / kind).iterdir():
                        shutil.copy(path, target / f"{part}_{path.name}")
        done.touch()

    def _write_config(self) -> None:
        config = yaml.safe_load(_CONFIG.read_text(encoding="utf-8"))
        config["training"] |= {**_TRAINING, "seed": self.seed}
        _write(self.folder / "config.yaml", yaml.safe_dump(config))

    def _train(self, name: str, data: Path, steps: int, start: Path | None = None) -> Path:
        model = self.folder / f"{name}.safetensors"
        if model.is_file():
            return model
        arguments = ["--data", data, "--config", self.folder / "config.yaml", "--output", model]
        arguments += ["--max-steps", steps]
        if (model.with_suffix(".run") / "last.ckpt").is_file():
            arguments += ["--resume"]
        elif start is not None:
            arguments += ["--from", start]
        command = [sys.executable, "-m", "napari_probinst.cli", "train", *map(str, arguments)]
        subprocess.run(command, check=True)
        return model

    def _curate(self, first: Path) -> list[dict[str, Any]]:
        """Predict the further images, and correct them in sessions; what became of each."""
        noted = self.folder / "curation"
        noted.mkdir(exist_ok=True)
        for prediction, truth in self._predictions(first, "further", noted):
            name = f"further_{prediction.name}"
            for arm in ("uncorrected", "corrected"):
                folder = self.folder / "data" / arm / "instances" / f"{name}.probinst"
                # One that was broken off: what it holds is made again.
                shutil.rmtree(folder, ignore_errors=True)
                with create_session(prediction, folder) as opened:
                    if arm == "corrected":
                        correct(opened.session, truth, self.plan.stops)
                    told = note(opened.session, truth)
            _write(noted / f"{prediction.name}.json", json.dumps(told))
        return [json.loads(path.read_text()) for path in sorted(noted.glob("*.json"))]

    def _scores(self, name: str) -> list[dict[str, float]]:
        """Scores of a model, one mapping a held-back image."""
        scored = self.folder / "scores" / name
        scored.mkdir(parents=True, exist_ok=True)
        model = self.folder / f"{name}.safetensors"
        for prediction, truth in self._predictions(model, "held_back", scored):
            exported = InstanceSet(truth.shape, tuple(exported_instances(prediction).values()))
            score = score_image(prediction.name, exported, truth)
            errors = asdict(score.kinds.counts)
            content = {
                "name": prediction.name,
                "dsb": score.dsb,
                **{kind: errors[kind] for kind in _ERRORS},
            }
            _write(scored / f"{prediction.name}.json", json.dumps(content))
        return [json.loads(path.read_text()) for path in sorted(scored.glob("*.json"))]

    def _predictions(
        self, model: Path, part: str, noted: Path
    ) -> Iterator[tuple[Prediction, InstanceSet]]:
        """Predict the images of a part that have no note yet; each with its truth."""
        predictor = Predictor.create(load_model(model))
        folder = self.folder / "drawn" / part
        for source in find_images(folder / "images", predictor.model.header.network.channels):
            if not (noted / f"{source.name}.json").is_file():
                channels = source.read().channels
                truth = read_instances(folder / "instances" / f"{source.name}.tif")
                yield predictor.predict(channels, name=source.name), truth


def correct(session: CurationSession, truth: InstanceSet, n_stops: int) -> None:
    """Correct a session at its highest ranked peaks, by the rule of the simulation.

    At each stop the instances that the peak involves are painted as their true counterparts, or
    deleted, and missed ones beside it are added (`evaluation.correction`); then it is accepted.
    """
    case = Case.create(session.prediction, truth)
    state = untouched(case)
    for number, peak in enumerate(session.peaks[:n_stops]):
        session.position = number
        before, state = state, visit(case, state, Stop(0, peak.y, peak.x, peak.instances))
        for edit in _edits(case, before, state, session):
            try:
                session.apply(edit)
            except EditRefusedError:
                # The model drew it exactly already.
                continue
        session.decide(number, "accepted")


def _edits(
    case: Case, before: Corrected, after: Corrected, session: CurationSession
) -> Iterator[Edit]:
    """Edits that a stop of the simulation stands for."""
    placed = set(after.placed - before.placed)
    for index in sorted(before.kept - after.kept):
        identifier, partner = index + 1, case.partners[index]
        if identifier not in session.instances:
            # Too small to be exported: it isn't shown, and not to be mended.
            continue
        if partner in placed:
            placed.remove(partner)
            yield Repaint(identifier, case.truth.instances[partner])
        else:
            yield Delete((identifier,))
    for index in sorted(placed):
        yield Add(case.truth.instances[index])


def note(session: CurationSession, truth: InstanceSet) -> dict[str, Any]:
    """What a session's corrections came to."""
    scores = BeforeAfter(session.prediction, truth)
    scores.catch_up(session.steps)
    return {
        "name": session.prediction.name,
        "peaks": len(session.peaks),
        "stops": len(scores.curve) - 1,
        "edits": sum(step.kind == "edit" for step in session.steps),
        "dsb_before": scores.before.dsb,
        "dsb_after": scores.now.dsb,
    }


def summary(
    scores: Sequence[Mapping[str, float]], without: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Means and sums over the images, and the gain over the model trained without sessions.

    The interval of the gain is a 95 % bootstrap over images, each scored by both models.
    """
    gains = np.array(
        [one["dsb"] - other["dsb"] for one, other in zip(scores, without, strict=True)]
    )

    def mean(indices: NDArray[np.intp]) -> dict[str, float]:
        return {"gain": float(gains[indices].mean())}

    intervals = bootstrap_intervals(mean, len(gains), n_resamples=2000, seed=0)
    return {
        "dsb": float(np.mean([score["dsb"] for score in scores])),
        "gain": float(gains.mean()),
        "gain_interval": intervals.get("gain"),
        **{kind: sum(score[kind] for score in scores) for kind in _ERRORS},
    }


def table(results: Mapping[str, Any]) -> str:
    """Markdown table of the models."""
    titles = ["model", "DSB", "gain (95 %)", *(kind.replace("_", " ") for kind in _ERRORS)]
    lines = [titles, ["---"] * len(titles)]
    for name, model in results["models"].items():
        low, high = model["gain_interval"] or (float("nan"),) * 2
        gain = "" if name == "without" else f"{model['gain']:+.3f} ({low:+.3f} to {high:+.3f})"
        counts = [f"{model[kind]:g}" for kind in _ERRORS]
        lines.append([name, f"{model['dsb']:.3f}", gain, *counts])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as file:
        file.write(text.encode())


if __name__ == "__main__":
    main()
