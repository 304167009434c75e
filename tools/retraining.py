"""Correct, retrain, go on: what corrected sessions add to a further training, on synthetic images.

    python tools/retraining.py --output RUNS [--reduced]

A first model is trained briefly on images whose worms lie apart. It predicts further images, which
are crowded, and a simulated curator corrects each of them, through sessions on the disk. Then the
first model is trained further several times, with the same number of steps and the same seed:

    without      on the first images alone
    uncorrected  on these and on the sessions as they were before any correction
    corrected    on these and on the corrected sessions
    truth        on these and on the exact masks of the further images: the most there is to gain

All are scored on crowded images that no training and no curator has seen. ``retraining.json`` has
everything, ``retraining.md`` the table. What is finished is not done again, and a training that
was broken off goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from synthetic_study import ERRORS, parser, predictions, scores, train, write, write_config

from napari_probinst.core.before_after import BeforeAfter
from napari_probinst.core.curation.edits import Add, Delete, Repaint
from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.data.synthetic import write_dataset
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.core.evaluation.bootstrap import bootstrap_intervals
from napari_probinst.core.evaluation.correction import Case, Stop, untouched, visit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.curation.edit import Edit
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.evaluation.correction import Corrected
    from napari_probinst.core.instances import InstanceSet

#: Wells whose worms lie apart, and wells with many that touch and cross.
_APART = {"n_worms": 8, "crossing": 0.0, "touching": 0.0}
_CROWDED = {"n_worms": 20, "crossing": 0.35, "touching": 0.3}
#: A true instance is missed if none that is shown has this IoU with it.
_SHOWN = 0.2
ARMS = ("without", "uncorrected", "corrected", "truth")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything.

    Parameters
    ----------
    first, further, held_back : int
        Images of the first training, images to be corrected, and images to score on.
    first_steps, further_steps : int
        Optimiser steps of the first training, and of each further one.
    stops : int or None
        Peaks that the curator visits in each image, the highest ranked ones; None for all of
        them, and a look over the image in the end.
    shape : (int, int)
        Height and width of an image, pixels.
    """

    first: int = 4
    further: int = 8
    held_back: int = 20
    first_steps: int = 3000
    further_steps: int = 1000
    stops: int | None = None
    shape: tuple[int, int] = (520, 696)


#: Shows that all works, and nothing else.
REDUCED = Plan(2, 2, 3, first_steps=30, further_steps=10, stops=4, shape=(256, 320))


def main() -> None:
    """Do what is missing, and write the results."""
    options = parser(__doc__)
    options.add_argument("--seed", type=int, default=0, help="of images and trainings")
    given = options.parse_args()
    Run(given.output, REDUCED if given.reduced else Plan(), given.seed).finish()


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
        write_config(self.folder / "config.yaml", self.seed)
        first = self._train("first", self._data("first"), self.plan.first_steps)
        curation = self._curate(first)
        for arm in ARMS:
            self._train(arm, self._data(arm), self.plan.further_steps, first)
        models = ("first", *ARMS)
        scored = {name: self._scores(name) for name in models}
        results = {
            "plan": asdict(self.plan),
            "seed": self.seed,
            "curation": curation,
            "models": {name: summary(scored[name], scored["without"]) for name in models},
            "images": scored,
        }
        write(self.folder / "retraining.json", json.dumps(results, indent=2))
        write(self.folder / "retraining.md", table(results))

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
            wells = _APART if part == "first" else _CROWDED
            write_dataset(drawn / part, n_images, 3 * self.seed + number, shape=plan.shape, **wells)
        for arm in ("first", *ARMS[1:]):
            for part in ("first",) if arm == "first" else ("first", "further"):
                masked = part == "first" or arm == "truth"
                for kind in ("images", "instances") if masked else ("images",):
                    target = self.folder / "data" / arm / kind
                    target.mkdir(parents=True, exist_ok=True)
                    for path in (drawn / part / kind).iterdir():
                        shutil.copy(path, target / f"{part}_{path.name}")
        done.touch()

    def _train(self, name: str, data: Path, steps: int, start: Path | None = None) -> Path:
        model = self.folder / f"{name}.safetensors"
        return train(model, data, self.folder / "config.yaml", steps, start)

    def _curate(self, first: Path) -> list[dict[str, Any]]:
        """Predict the further images, and correct them in sessions; what became of each."""
        noted = self.folder / "curation"
        noted.mkdir(exist_ok=True)
        for prediction, truth in predictions(first, self.folder / "drawn" / "further", noted):
            name = f"further_{prediction.name}"
            for arm in ("uncorrected", "corrected"):
                folder = self.folder / "data" / arm / "instances" / f"{name}.probinst"
                # One that was broken off: what it holds is made again.
                shutil.rmtree(folder, ignore_errors=True)
                with create_session(prediction, folder) as opened:
                    if arm == "corrected":
                        correct(opened.session, truth, self.plan.stops)
                    told = note(opened.session, truth)
            write(noted / f"{prediction.name}.json", json.dumps(told))
        return [json.loads(path.read_text()) for path in sorted(noted.glob("*.json"))]

    def _scores(self, name: str) -> list[dict[str, float]]:
        """Scores of a model, one mapping a held-back image."""
        model, held_back = self.folder / f"{name}.safetensors", self.folder / "drawn" / "held_back"
        return scores(model, held_back, self.folder / "scores" / name)


def correct(session: CurationSession, truth: InstanceSet, n_stops: int | None) -> None:
    """Correct a session at its highest ranked peaks, by the rule of the simulation.

    At each stop the instances that the peak involves are painted as their true counterparts, or
    deleted, and missed ones beside it are added (`evaluation.correction`); then it is accepted.
    Without a number of stops the curator goes to the end of the queue, looks over the image, and
    adds what no instance shows.
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
    if n_stops is None:
        for instance in truth.instances:
            shown = max((instance.iou(each) for each in session.instances.values()), default=0.0)
            if shown < _SHOWN:
                session.apply(Add(instance))


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
        **{kind: sum(score[kind] for score in scores) for kind in ERRORS},
    }


def table(results: Mapping[str, Any]) -> str:
    """Markdown table of the models."""
    titles = ["model", "DSB", "gain (95 %)", *(kind.replace("_", " ") for kind in ERRORS)]
    lines = [titles, ["---"] * len(titles)]
    for name, model in results["models"].items():
        low, high = model["gain_interval"] or (float("nan"),) * 2
        gain = "" if name == "without" else f"{model['gain']:+.3f} ({low:+.3f} to {high:+.3f})"
        counts = [f"{model[kind]:g}" for kind in ERRORS]
        lines.append([name, f"{model['dsb']:.3f}", gain, *counts])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    main()
