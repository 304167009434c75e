"""The package from a notebook: two functions, and the objects they take and give.

Examples
--------
Predict the synthetic sample and look at its most uncertain place:

>>> from napari_probinst import predict
>>> from napari_probinst.core.data.synthetic import synthetic_image
>>> sample = synthetic_image(seed=1)
>>> prediction = predict(sample.channels)
>>> len(prediction.instances), prediction.peaks[0].reason  # doctest: +SKIP
(14, '5 of 8 draws see one instance here, 3 see two')
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.data.io import find_images
from napari_probinst.core.data.lazy import ChannelStack
from napari_probinst.core.data.planes import Plane
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.network.checkpoint import Model, load_model
from napari_probinst.core.section import validated
from napari_probinst.models import default_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.config import Config
    from napari_probinst.core.prediction import Prediction
    from napari_probinst.core.training.fit import TrainingResult


def predict(
    image: Any | Path | str,
    model: Model | Path | str | None = None,
    *,
    device: str = "auto",
    **settings: Any,
) -> Prediction:
    """Predict instances with probability, entropy and ranked peaks.

    Parameters
    ----------
    image : array-like of shape (n_channels, height, width) or (height, width), or path
        Intensities in the model's order of channels, or an image file. Optional channels of
        the model may be missing at the end. Of a Dask or Zarr array windows are read when they
        are needed.
    model : Model or path, optional
        The bundled model by default.
    device : str, default "auto"
        Where to compute.
    **settings
        Fields of `InferenceConfig` that differ from the model's defaults, e.g. ``n_draws=16``.

    Returns
    -------
    Prediction
        Also its ``binary()`` instances; maps are in `napari_probinst.core.inference.entropy`.

    Raises
    ------
    ProbinstError
        With a sentence that says what to mend.
    """
    if not isinstance(model, Model):
        model = load_model(Path(model) if model is not None else default_model())
    merged = validated(
        InferenceConfig, {**model.header.inference.model_dump(), **settings}, "settings"
    )
    predictor = Predictor.create(model, device)
    if isinstance(image, (str, Path)):
        if Path(image).is_dir():
            raise InputError(f"{image} is a folder; expected an image file, so name one of them.")
        read = find_images(Path(image), model.header.network.channels)[0].open()
        return predictor.predict(
            read.channels,
            merged,
            name=read.name,
            present=read.present,
            pixel_size=read.pixel_size,
        )
    channels, present = _complete(image, model)
    return predictor.predict(channels, merged, present=present)


def train(
    data: Path | str | Sequence[Path | str],
    output: Path | str,
    config: Config | Path | str | None = None,
    *,
    start_from: Path | str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "auto",
    max_steps: int | None = None,
    max_seconds: float | None = None,
) -> TrainingResult:
    """Train a model on images, as the command ``train`` does.

    Parameters
    ----------
    data : path or sequence of path
        Folders with ``images/`` and ``instances/``, of BBBC010's layout or of sessions, and
        sessions; may be empty with ``resume``.
    output : path
        Model file to write, ``*.safetensors``.
    config : Config or path, optional
        Settings, or a YAML file of them. What a file leaves out is the model's of
        ``start_from``, or the program's default.
    start_from : path, optional
        Model whose weights to start from.
    resume : bool, default False
        Go on from the last checkpoint of ``output``, with the images and settings that it was
        begun with; without one, begin anew.
    overwrite : bool, default False
        Begin anew, and replace a model and checkpoints that are there.
    device : str, default "auto"
        Where to train.
    max_steps : int, optional
        Optimiser steps in all; by default the settings'.
    max_seconds : float, optional
        Training time in all; without ``max_steps`` it alone ends the training.

    Returns
    -------
    TrainingResult
        Model file, steps, score.

    Raises
    ------
    ProbinstError
        With a sentence that says what to mend.
    """
    # Lightning takes a second to import, which prediction need not wait for.
    from napari_probinst.core.training.plan import plan_training

    plan = plan_training(
        Path(output),
        [Path(data)] if isinstance(data, (str, Path)) else [Path(each) for each in data],
        Path(config) if isinstance(config, str) else config,
        start_from=None if start_from is None else Path(start_from),
        max_steps=max_steps,
        max_seconds=max_seconds,
        resume=resume,
        overwrite=overwrite,
    )
    return plan.fit(plan.read(), device)


def _complete(image: Any, model: Model) -> tuple[ChannelStack, list[bool]]:
    """Add the optional channels that an array lacks at its end."""
    try:
        shape, dtype = tuple(int(length) for length in image.shape), np.dtype(image.dtype)
    except (AttributeError, TypeError):  # a list, a tensor, ...
        image = np.asarray(image)
        shape, dtype = image.shape, image.dtype
    if dtype.kind not in "buif":
        raise InputError(f"The image is of the type {dtype}, no real numbers; convert it first.")
    expected = model.header.network.channels
    n_given = shape[0] if len(shape) == 3 else 1
    if len(shape) not in (2, 3) or 0 in shape or n_given > len(expected):
        raise InputError(
            f"The image has the shape {shape}; expected (channels, height, width) with up "
            f"to {len(expected)} channels, or (height, width)."
        )
    places = [(None, None)] if len(shape) == 2 else [(i, None, None) for i in range(n_given)]
    planes = [Plane("The image", image, place) for place in places]
    for plane in planes:
        plane.check()
    n_missing = len(expected) - n_given
    sources = (*((plane, 0) for plane in planes), *[None] * n_missing)
    present = [True] * n_given + [False] * n_missing
    return ChannelStack(sources, (len(expected), shape[-2], shape[-1]), dtype), present
