"""Fit a model's calibration to the images it was trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from napari_probinst.core.binning import bin_pages
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.draws import realise
from napari_probinst.core.inference.tiling import tile_layout
from napari_probinst.core.network.calibration import Calibration, foreground_share
from napari_probinst.core.network.classes import BACKGROUND, FOREGROUND, OVERLAP
from napari_probinst.core.network.device import choose_runtime
from napari_probinst.core.network.normalisation import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.training.sources import LabelledImage

#: Pixels around a true instance that count: objects that the model misses or invents elsewhere
#: say nothing of contours.
_MARGIN = 8
#: Pixels of an image that are looked at, evenly spread; more would change no digit.
_MOST_PIXELS = 100_000
#: A line through fewer images than this would follow their accidents: they get an offset alone.
_LEAST_IMAGES = 10
#: Nor is there a line through shares that spread no more than this.
_EVEN = 1e-6
#: Weight of the squared slope, for shares in units of their standard deviation.
_PENALTY = 1e-4
#: Log-odds of a probability of one in ten million.
_MOST_LOG_ODDS = 16.1


@dataclass(frozen=True, slots=True, eq=False)
class ContourSample:
    """Pixels near the true instances of an image, or of a tile of a large one.

    Parameters
    ----------
    share : float
        Share of foreground in the whole of it, 0 to 1, as the model sees it.
    log_odds : ndarray of float64, shape (n_pixels,)
        Log-odds of foreground.
    truth : ndarray of bool, shape (n_pixels,)
        Whether a true instance holds the pixel.
    overlap_log_odds : ndarray of float64, shape (n_true_pixels,)
        Log-odds of overlap against foreground where a true instance is.
    overlap : ndarray of bool, shape (n_true_pixels,)
        Whether there are several.
    """

    share: float
    log_odds: NDArray[np.float64]
    truth: NDArray[np.bool_]
    overlap_log_odds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    overlap: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    def iou(self, shift: float) -> float:
        """IoU of the pixels whose log-odds exceed ``shift`` with the true ones."""
        seen = self.log_odds >= shift
        return float((seen & self.truth).sum() / max((seen | self.truth).sum(), 1))


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """A calibration, and what it changes on the images that it was fitted to.

    Parameters
    ----------
    calibration : Calibration
        The fit.
    n_samples : int
        Images, or tiles of large ones, with an instance.
    before, after : float
        Mean IoU of foreground and truth near the true instances.
    overlap_before, overlap_after : float
        IoU of the pixels seen as overlap and the true ones of all images together.
    """

    calibration: Calibration
    n_samples: int
    before: float
    after: float
    overlap_before: float
    overlap_after: float


def calibrate(
    model: Model, images: Iterable[LabelledImage], device: str = "auto"
) -> CalibrationResult:
    """Fit a model's calibration; one it has already is left out of account.

    Contours that the fit makes no better on these images are left as they are.

    Parameters
    ----------
    model : Model
        Trained network with its header.
    images : iterable of LabelledImage
        Those it was trained on, or others that nothing will be reported of.
    device : str, default "auto"
        Where the network runs, once an image.

    Raises
    ------
    InputError
        If no image has an instance.
    """
    samples = [sample for item in images for sample in _look(model, item, device)]
    if not samples:
        raise InputError("The images hold no instance at all, so no contour can be calibrated.")
    contours, before = fit_calibration(samples), _mean_iou(samples, Calibration())
    after = _mean_iou(samples, contours)
    if after < before:
        # The smooth measure of the fit may rise while the one that is reported falls.
        contours, after = Calibration(), before
    overlap = fit_overlap(samples)
    return CalibrationResult(
        contours.model_copy(update={"overlap": overlap}),
        len(samples),
        before=before,
        after=after,
        overlap_before=_overlap_iou(samples, 0.0),
        overlap_after=_overlap_iou(samples, overlap),
    )


def _mean_iou(samples: Sequence[ContourSample], contours: Calibration) -> float:
    return float(np.mean([sample.iou(contours.shift(sample.share)) for sample in samples]))


def fit_overlap(samples: Sequence[ContourSample]) -> float:
    """Shift of the log-odds of overlap that makes the truth likeliest.

    At the maximum of the likelihood, as many overlap pixels are expected as there are. A
    training that weighs them w times for their rarity is undone by about -ln w.

    Parameters
    ----------
    samples : sequence of ContourSample
        At least one.

    Returns
    -------
    float
        To add to the log-odds; 0 where no pixel is of several instances, or all are.
    """
    log_odds = np.concatenate([sample.overlap_log_odds for sample in samples])
    n_true = sum(int(sample.overlap.sum()) for sample in samples)
    if n_true in (0, log_odds.size):
        return 0.0

    def surplus(shift: float) -> float:
        return float(expit(log_odds + shift).sum()) - n_true

    reach = 2 * _MOST_LOG_ODDS
    # From none to all of them: there is a shift between.
    return float(brentq(surplus, -reach, reach, xtol=1e-6))


def _overlap_iou(samples: Sequence[ContourSample], shift: float) -> float:
    seen = np.concatenate([sample.overlap_log_odds for sample in samples]) + shift > 0
    true = np.concatenate([sample.overlap for sample in samples])
    return float((seen & true).sum() / max((seen | true).sum(), 1))


def fit_calibration(samples: Sequence[ContourSample]) -> Calibration:
    """Line with the highest mean soft IoU.

    The soft IoU of probabilities p with a truth t of 0 and 1 is sum(p t) / sum(p + t - p t): it
    is smooth in the shift, and rewards what the report measures.

    Parameters
    ----------
    samples : sequence of ContourSample
        At least one.
    """
    shares = np.array([sample.share for sample in samples])
    middle, spread = float(shares.mean()), float(shares.std())
    has_slope = spread > _EVEN and len(samples) >= _LEAST_IMAGES
    units = (shares - middle) / spread if has_slope else np.zeros(len(shares))

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        offset, slope = line[0], line[1] if has_slope else 0.0
        value, gradient = _PENALTY * slope**2, np.array([0.0, 2 * _PENALTY * slope])
        for sample, unit in zip(samples, units, strict=True):
            iou, change = _soft_iou(sample, offset + slope * unit)
            value -= iou / len(samples)
            gradient -= np.array([1.0, unit]) * change / len(samples)
        return value, gradient[: len(line)]

    fitted = minimize(loss, np.zeros(1 + has_slope), jac=True, method="L-BFGS-B").x
    slope = float(fitted[1] / spread) if has_slope else 0.0
    return Calibration(
        offset=float(fitted[0]) - slope * middle,
        slope=slope,
        least_share=float(shares.min()),
        largest_share=float(shares.max()),
    )


def _soft_iou(sample: ContourSample, shift: float) -> tuple[float, float]:
    """Soft IoU at a shift, and its derivative."""
    p, t = expit(sample.log_odds - shift), sample.truth
    common, union = float(p[t].sum()), float(p[~t].sum() + t.sum())
    change = -p * (1 - p)
    slope = (float(change[t].sum()) * union - common * float(change[~t].sum())) / union**2
    return common / union, slope


def _look(model: Model, item: LabelledImage, device: str) -> Iterator[ContourSample]:
    header = model.header
    runtime = choose_runtime(device)
    network = realise(model.network, seed=0, draw=0, runtime=runtime, binning=header.binning)
    channels = normalise(item.image.channels, header.network.channels, item.image.present)
    cover = item.truth.cover()
    truth = np.stack([cover > 0, cover > 1]).astype(np.float32)
    stride = network.network.stride * header.binning
    for tile in tile_layout(item.truth.shape, header.extent, stride=stride):
        pages = np.concatenate([channels[(slice(None), *tile.slices)], truth[:, *tile.slices]])
        *seen, share_true, share_several = _binned(pages, header.binning)
        true, several = share_true >= 0.5, share_several >= 0.5
        near = np.flatnonzero(binary_dilation(true, iterations=_MARGIN))
        if not near.size:
            continue
        near = near[:: -(-near.size // _MOST_PIXELS)]
        classes = network.apply(np.stack(seen)).classes
        inside = near[true.ravel()[near]]
        yield ContourSample(
            foreground_share(classes[BACKGROUND]),
            -_log_odds(classes[BACKGROUND].ravel()[near]),
            true.ravel()[near],
            _log_odds(_share_of_overlap(classes[:, *np.unravel_index(inside, true.shape)])),
            several.ravel()[inside],
        )


def _share_of_overlap(classes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probability of overlap where it isn't background, of classes of shape (3, n_pixels)."""
    overlap, foreground = classes[OVERLAP].astype(np.float64), classes[FOREGROUND]
    both = overlap + foreground
    result: NDArray[np.float64] = np.divide(overlap, both, out=np.zeros_like(both), where=both > 0)
    return result


def _log_odds(probability: NDArray[Any]) -> NDArray[np.float64]:
    # Beyond this, float32 knows no more of a probability than that it is 0 or 1.
    least = expit(-_MOST_LOG_ODDS)
    result: NDArray[np.float64] = logit(np.clip(probability.astype(np.float64), least, 1 - least))
    return result


def _binned(pages: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    if factor == 1:
        return pages
    rows, columns = pages.shape[1:]
    padding = ((0, 0), (0, -rows % factor), (0, -columns % factor))
    return bin_pages(np.pad(pages, padding, mode="edge"), factor)
