"""A prediction in a thread of its own: progress and Cancel between draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker

from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.network.checkpoint import load_model

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from napari.qt.threading import GeneratorWorker
    from numpy.typing import NDArray

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.prediction import Prediction


@dataclass(frozen=True, slots=True, eq=False)
class PredictionTask:
    """What is to be predicted, free of any layer: it may be read in another thread.

    Parameters
    ----------
    model : Path
        Model file.
    device : str
        "auto", "cpu", "cuda" or "mps".
    channels : ndarray of shape (n_channels, height, width)
        Intensities in the model's order.
    present : tuple of bool
        False for the channels that are absent.
    settings : InferenceConfig
        Draws and thresholds.
    name : str
        Name of the image.
    pixel_size : (float, float) or None
        y and x size of a pixel, micrometres.
    """

    model: Path
    device: str
    channels: NDArray[Any]
    present: tuple[bool, ...]
    settings: InferenceConfig
    name: str
    pixel_size: tuple[float, float] | None = None


def predict_in_steps(task: PredictionTask) -> Generator[tuple[int, int], None, Prediction]:
    """Predict, yielding (draws done, draws in all) after each draw.

    Raises
    ------
    ProbinstError
        If the model or the image can't be used.
    """
    predictor = Predictor.create(load_model(task.model), task.device)
    total = predictor.n_draws(task.settings)
    yield 0, total
    draws: list[InstanceSet] = []
    for draw in predictor.draws(task.channels, task.settings, task.present):
        draws.append(draw)
        yield len(draws), total
    return predictor.assemble(
        draws,
        task.settings,
        name=task.name,
        channels=task.channels,
        pixel_size=task.pixel_size,
    )


def start_prediction(
    task: PredictionTask,
    *,
    on_progress: Callable[[tuple[int, int]], None],
    on_result: Callable[[Prediction], None],
    on_error: Callable[[Exception], None],
    on_cancelled: Callable[[], None],
    on_finished: Callable[[], None],
) -> GeneratorWorker:
    """Start a prediction; its bar in napari's activity dock closes whatever happens.

    ``quit()`` of the worker stops it after the draw that is running.
    """
    return create_worker(
        predict_in_steps,
        task,
        _progress={"total": task.settings.n_draws + 1, "desc": f"Predicting {task.name}"},
        _connect={
            "yielded": on_progress,
            "returned": on_result,
            "errored": on_error,
            "aborted": on_cancelled,
            "finished": on_finished,
        },
    )
