"""An evaluation free of any layer, for a thread of its own: what is scored, and against what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.curation.manifest import SESSION_SUFFIX
from napari_probinst.core.curation.session_folder import open_session
from napari_probinst.core.data.flattening import exported_instances
from napari_probinst.core.data.naming import PREDICTION_SUFFIX
from napari_probinst.core.data.undivided import undivided_text
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.entropy import confidence
from napari_probinst.core.instances import InstanceSet
from napari_probinst.widgets.truth import LayerTruth, read_image_truth

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from napari_probinst.core.evaluation.evaluate import Evaluation
    from napari_probinst.core.evaluation.predicted import PredictedImage, PredictedImages
    from napari_probinst.core.evaluation.report_figures import ReportFigure
    from napari_probinst.core.instances import Instance
    from napari_probinst.core.prediction import Prediction

PREDICTED, CORRECTED = "predicted", "corrected"


@dataclass(frozen=True, slots=True, eq=False)
class Curated:
    """A prediction and the instances that a curator left, by id.

    Parameters
    ----------
    prediction : Prediction
        The start.
    current : mapping of int to Instance
        Copied from the session: that one may go on changing.
    """

    prediction: Prediction
    current: Mapping[int, Instance]


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationTask:
    """What is to be scored, and the truth.

    Parameters
    ----------
    predicted : Curated or Path
        One prediction of the viewer; or a results folder, a session, or a COCO file.
    truth : LayerTruth or Path
        A layer; or a folder or file as `evaluate` reads it.
    """

    predicted: Curated | Path
    truth: LayerTruth | Path


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """Scores of a prediction, and of its corrected state where there is one.

    Parameters
    ----------
    scores : mapping of str to Evaluation
        `PREDICTED`, and `CORRECTED` where anything was corrected.
    figures : mapping of str to (mapping of str to ReportFigure)
        Figures of the report for each of them.
    truth : str
        Where the truth is from.
    doubt : str
        Sentence about a truth that holds one value for many objects; empty for others.
    """

    scores: Mapping[str, Evaluation]
    figures: Mapping[str, Mapping[str, ReportFigure]]
    truth: str
    doubt: str = ""


def evaluate_in_steps(task: EvaluationTask) -> Generator[str, None, Evaluated]:
    """Score, yielding what is being done.

    Raises
    ------
    ProbinstError
        If prediction or truth can't be read, or they don't fit.
    """
    yield "Reading…"
    # scikit-learn, pycocotools and matplotlib are imported here, not when the dock opens.
    from napari_probinst.core.evaluation.evaluate import evaluate_predictions
    from napari_probinst.core.evaluation.report_figures import report_figures

    states = _states(task.predicted)
    truth = _true_instances(task.truth, states[PREDICTED])
    source = task.truth if isinstance(task.truth, Path) else Path(f"layer {task.truth.name}")
    scores, figures = {}, {}
    for state, images in states.items():
        yield f"Scoring the {state} instances…"
        scores[state] = evaluate_predictions(images, truth)
        yield f"Drawing figures of the {state} instances…"
        figures[state] = report_figures(scores[state], source)
    undivided = undivided_text(truth, str(source))
    return Evaluated(scores, figures, str(source), f"{undivided}." if undivided else "")


def write_in_steps(evaluated: Evaluated, folder: Path) -> Generator[str, None, Path]:
    """Write the full report, or one for each state, yielding what is being done.

    Returns
    -------
    Path
        The page to open: of the corrected state where there is one.

    Raises
    ------
    OutputError
        If a file can't be written.
    """
    yield "Writing the report…"
    from napari_probinst.core.evaluation.report import build_report, write_report

    several = len(evaluated.scores) > 1
    page = folder
    # Dictionaries keep their order: the last page is of the corrected state.
    for state, evaluation in evaluated.scores.items():
        if several:
            yield f"Writing the report of the {state} instances…"
        content = build_report(evaluation, evaluated.figures[state], evaluated.truth)
        page = write_report(content, folder / state if several else folder)
    return page


def _states(source: Curated | Path) -> dict[str, PredictedImages]:
    """What was predicted and, where anything was corrected, what became of it."""
    from napari_probinst.core.evaluation.predicted import (
        PredictedImages,
        read_predictions,
        scored_image,
    )

    if isinstance(source, Curated):
        curated, where = {source.prediction.name: source}, Path(source.prediction.name)
        images = [scored_image(source.prediction.name, source.prediction)]
    else:
        curated, where = _sessions(source), source
        known = _predictions(source)
        if known or not curated:
            images = list(read_predictions(source).images)
        else:
            images = [scored_image(name, each.prediction) for name, each in curated.items()]
    states = {PREDICTED: PredictedImages(where, tuple(images))}
    after = tuple(
        _corrected_image(curated[image.name]) if image.name in curated else image
        for image in images
    )
    if any(not _alike(one, other) for one, other in zip(images, after, strict=True)):
        states[CORRECTED] = PredictedImages(where, after)
    return states


def _predictions(source: Path) -> list[Path]:
    return sorted(source.glob(f"*{PREDICTION_SUFFIX}")) if source.is_dir() else []


def _sessions(source: Path) -> dict[str, Curated]:
    """Sessions at a path by the name of their image."""
    folders = [source]
    if not source.name.endswith(SESSION_SUFFIX):
        folders = sorted(source.glob(f"*{SESSION_SUFFIX}")) if source.is_dir() else []
    found = {}
    for folder in folders:
        with open_session(folder, read_only=True) as opened:
            session = opened.session
            found[session.prediction.name] = Curated(session.prediction, dict(session.instances))
    return found


def _corrected_image(curated: Curated) -> PredictedImage:
    """Current instances; those that were edited are certain, the others as before.

    The native prediction is left out: its uncertainty is not that of the corrected instances.
    """
    from napari_probinst.core.evaluation.predicted import PredictedImage

    prediction, current = curated.prediction, curated.current
    before = exported_instances(prediction)
    confidences = confidence(prediction.instances)
    scores = [
        confidences[key - 1] if _unchanged(before.get(key - 1), current[key]) else 1.0
        for key in sorted(current)
    ]
    return PredictedImage(
        prediction.name,
        InstanceSet(prediction.shape, tuple(current[key] for key in sorted(current))),
        np.array(scores, dtype=np.float64),
    )


def _unchanged(before: Instance | None, now: Instance) -> bool:
    return before is not None and before.same_pixels(now)


def _alike(one: PredictedImage, other: PredictedImage) -> bool:
    return len(one.instances) == len(other.instances) and all(
        a.same_pixels(b)
        for a, b in zip(one.instances.instances, other.instances.instances, strict=True)
    )


def _true_instances(
    truth: LayerTruth | Path, predicted: PredictedImages
) -> Mapping[str, InstanceSet]:
    from napari_probinst.core.evaluation.truth import read_truth

    shapes = predicted.shapes
    if len(shapes) == 1:
        ((name, shape),) = shapes.items()
        return {name: read_image_truth(truth, name, shape)}
    if isinstance(truth, Path):
        return read_truth(truth, shapes)
    raise InputError(
        f"The layer '{truth.name}' is the truth of one image, but {predicted.source} holds "
        f"{len(shapes)}; choose a folder of truth."
    )


def start_worker(
    steps: Callable[..., Generator[str, None, Any]],
    *arguments: Any,
    on_progress: Callable[[str], None],
    on_result: Callable[[Any], None],
    on_cancelled: Callable[[], None],
    on_error: Callable[[Exception], None],
    on_finished: Callable[[], None],
) -> Any:
    """Run a generator that yields what it does in a thread of its own."""
    from napari.qt.threading import create_worker

    return create_worker(
        steps,
        *arguments,
        _progress={"desc": "Evaluating"},
        _connect={
            "yielded": on_progress,
            "returned": on_result,
            "aborted": on_cancelled,
            "errored": on_error,
            "finished": on_finished,
        },
    )
