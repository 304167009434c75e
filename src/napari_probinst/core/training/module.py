"""One training step and one validation score, as Lightning runs them."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from napari_probinst.core.evaluation.average_precision import Counts, count_hits, mean_dsb
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.network.calibration import Calibration
from napari_probinst.core.network.checkpoint import Model
from napari_probinst.core.network.concrete_dropout import concrete_regulariser, dropout_rates
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet
from napari_probinst.core.training.loading import NO_IMAGE
from napari_probinst.core.training.losses import instance_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.config import Config
    from napari_probinst.core.network.device import Runtime
    from napari_probinst.core.training.dataset import Crop
    from napari_probinst.core.training.sources import LabelledImage

#: Name of the validation score: the mean DSB over IoU thresholds and images.
SCORE = "validation/dsb"


class TrainingModule(pl.LightningModule):
    """Loss, optimiser, schedule and score of one U-Net.

    Parameters
    ----------
    config : Config
        All settings.
    validation : sequence of LabelledImage
        Images of the validation score; may be empty.
    runtime : Runtime
        Where validation images are predicted.
    max_seconds : float, optional
        Time that the training is planned for; the learning rate then follows the clock as
        well as the steps.
    beginning : str, default ""
        What else the training was begun with, as its checkpoints record it: see `Beginning`.
    """

    def __init__(
        self,
        config: Config,
        validation: Sequence[LabelledImage],
        runtime: Runtime,
        max_seconds: float | None = None,
        beginning: str = "",
    ) -> None:
        super().__init__()
        self.config = config
        torch.manual_seed(config.training.seed)
        self.network = UNet(config.network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.best_score: float | None = None
        self._validation = validation[: config.training.validation_images]
        self._runtime = runtime
        self._max_seconds = max_seconds
        self._beginning = beginning
        self._seconds_before = 0.0
        self._started = time.monotonic()
        self._counts: dict[int, dict[float, Counts]] = {}
        self._header = ModelHeader(
            network=config.network,
            binning=config.training.binning,
            # Validation images go through in one piece, as most images will.
            extent=_largest([item.truth.shape for item in self._validation]),
            calibration=Calibration.undoing(config.loss.overlap_weight),
        )

    @property
    def seconds(self) -> float:
        """Training time so far, seconds, earlier runs that this one resumes included."""
        return self._seconds_before + time.monotonic() - self._started

    @property
    def progress(self) -> float:
        """Fraction of the training that is done, in [0, 1]."""
        by_steps = self.global_step / self.config.training.max_steps
        by_time = self.seconds / self._max_seconds if self._max_seconds else 0.0
        return min(1.0, max(by_steps, by_time))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, with a group of their own for the logits of the dropout rates."""
        settings = self.config.training
        named = list(self.network.named_parameters())
        weights = [parameter for name, parameter in named if not name.endswith("raw_rate")]
        rates = [parameter for name, parameter in named if name.endswith("raw_rate")]
        groups: list[dict[str, Any]] = [{"params": weights, "peak": settings.learning_rate}]
        if rates:
            groups.append({"params": rates, "peak": settings.rate_learning_rate})
        # Decay is part of the loss (eq. 4), where it means the same with and without dropout.
        return torch.optim.Adam(groups, lr=settings.learning_rate)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set the learning rates, and the noise of this step from the seed and its number."""
        del batch, batch_idx
        settings = self.config.training
        warm = min(1.0, (self.global_step + 1) / max(1, settings.warmup_steps))
        # Clocks differ between processes, and their learning rates must not.
        progress = self._mean_over_processes(torch.tensor(self.progress, dtype=torch.float64))
        cosine = 0.5 * (1 + math.cos(math.pi * float(progress)))
        end = settings.final_learning_rate
        for group in self.optimizers().param_groups:  # type: ignore[union-attr]
            group["lr"] = group["peak"] * warm * (end + (1 - end) * cosine)
        torch.manual_seed((settings.seed << 32) + self.global_step)

    def training_step(self, batch: Crop, batch_idx: int) -> Tensor:
        """Loss of one batch under one relaxed realisation of the weights."""
        del batch_idx
        image = batch.image.to(memory_format=torch.channels_last)
        embeddings, logits = self.network(image)
        terms = instance_loss(embeddings, logits, batch.labels, batch.classes, self.config.loss)
        terms["dropout"] = self._weight_penalty()
        loss = torch.stack(list(terms.values())).sum()
        values = self._mean_over_processes(torch.stack([*terms.values(), loss]).detach())
        names = [*(f"loss/{name}" for name in terms), "loss"]
        self.log_dict(dict(zip(names, values, strict=True)))
        rates = dropout_rates(self.network)
        if rates:
            self.log_dict({"rate/lowest": min(rates.values()), "rate/highest": max(rates.values())})
        return loss

    def validation_step(self, batch: int, batch_idx: int) -> None:
        """Predict one validation image and count its hits; `NO_IMAGE` has none."""
        del batch_idx
        if batch == NO_IMAGE:
            return
        item = self._validation[batch]
        settings = self.config.inference.model_copy(
            update={"n_draws": self.config.training.validation_draws}
        )
        model = Model(self.network, self._header)
        # Lightning's autocast would reach the clustering, which needs float32.
        with torch.autocast(self.device.type, enabled=False):
            runtime = replace(self._runtime, device=str(self.device))
            prediction = Predictor(model, runtime).predict(
                item.image.channels, settings, present=item.image.present
            )
        self._counts[batch] = count_hits(prediction.binary(), item.truth)

    def on_validation_epoch_end(self) -> None:
        """Log the score over all validation images."""
        counts = self._counts
        if self.trainer.world_size > 1:
            shares: list[dict[int, dict[float, Counts]]] = [{}] * self.trainer.world_size
            torch.distributed.all_gather_object(shares, counts)
            counts = {image: hits for share in shares for image, hits in share.items()}
        # In the order of the images, whoever predicted them.
        score = mean_dsb([counts[image] for image in sorted(counts)])
        self._counts = {}
        self.best_score = score if self.best_score is None else max(score, self.best_score)
        # Every process has the same score; the mean of them only silences a warning.
        self.log(SCORE, score, sync_dist=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the time spent, the score, and what the training was begun with."""
        checkpoint["probinst_seconds"] = self.seconds
        checkpoint["probinst_score"] = self.best_score
        checkpoint["probinst_network"] = self.config.network.model_dump_json()
        checkpoint["probinst_config"] = self.config.model_dump_json()
        checkpoint["probinst_beginning"] = self._beginning

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting where the earlier run stopped."""
        self._seconds_before = float(checkpoint["probinst_seconds"])
        self._started = time.monotonic()
        self.best_score = checkpoint["probinst_score"]
        self._beginning = self._beginning or checkpoint.get("probinst_beginning", "")

    def _mean_over_processes(self, values: Tensor) -> Tensor:
        if self.trainer.world_size == 1:
            return values
        mean = self.trainer.strategy.reduce(values.to(self.device), reduce_op="mean")
        return torch.as_tensor(mean)

    def _weight_penalty(self) -> Tensor:
        loss = self.config.loss
        if self.config.network.dropout == "none":
            squares = [p.square().sum() for p in self.network.parameters() if p.ndim > 1]
            return 0.5 * loss.weight_decay * torch.stack(squares).sum()
        return concrete_regulariser(
            self.network,
            length_scale_squared=loss.length_scale_squared,
            rate_regulariser=loss.rate_regulariser,
            n_examples=loss.n_examples,
        )


def _largest(shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    heights, widths = zip(*shapes, strict=True) if shapes else ((1,), (1,))
    return max(heights), max(widths)
