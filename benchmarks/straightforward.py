"""The pipeline as one would write it first: the yardstick of the benchmarks.

Activation masks instead of weight masks, float32 throughout, scikit-learn's bin-seeded mean
shift, full pages instead of boxes, one dense Hungarian problem a draw.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import MeanShift

from napari_probinst.core.network.concrete_dropout import sample_masks, stochastic_layers
from napari_probinst.core.network.coordinates import coordinate_channels

EIGHT = np.ones((3, 3), dtype=bool)


class ActivationMasks:
    """Dropout as it is usually implemented: channels of the activations are masked."""

    def __init__(self, network, seed=0):
        self.network = network.eval()
        self.generator = torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def apply(self, channels):
        """Return embeddings and class probabilities of one draw."""
        masks = sample_masks(self.network, self.generator)
        layers = stochastic_layers(self.network)
        hooks = []
        for name, layer in layers.items():
            scale = masks[name].float() / (1 - layer.dropout.rate)
            hooks.append(
                layer.register_forward_pre_hook(
                    lambda _, inputs, scale=scale: (inputs[0] * scale[None, :, None, None],)
                )
            )
        height, width = channels.shape[1:]
        stride = self.network.stride
        padded = np.pad(
            channels, ((0, 0), (0, -height % stride), (0, -width % stride)), constant_values=-1
        )
        grid = coordinate_channels(*padded.shape[1:], (-padded.shape[1] / 2, -padded.shape[2] / 2))
        embeddings, logits = self.network(torch.cat([torch.from_numpy(padded), grid])[None])
        for hook in hooks:
            hook.remove()
        classes = logits.softmax(1)[0, :, :height, :width].numpy()
        return embeddings[0, :, :height, :width].numpy(), classes


def segment(embeddings, classes, *, bandwidth, threshold, min_size):
    """Full-page masks of one draw."""
    overlap = classes.argmax(0) == 2
    foreground = classes.argmax(0) == 1
    points = embeddings[:, foreground].T
    if not len(points):
        return []
    centres = MeanShift(bandwidth=bandwidth, bin_seeding=True).fit(points).cluster_centers_
    distance = np.linalg.norm(points[:, None] - centres[None], axis=2)
    nearest = distance.argmin(1)
    masks = []
    for index in range(len(centres)):
        mask = np.zeros(foreground.shape, dtype=bool)
        mask[foreground] = (nearest == index) & (distance.min(1) <= threshold)
        if mask.sum() < min_size:
            continue
        pieces, n_pieces = ndimage.label(mask | overlap, EIGHT)
        ious = [
            (mask & (pieces == piece)).sum() / (mask | (pieces == piece)).sum()
            for piece in range(1, n_pieces + 1)
        ]
        masks.append(pieces == 1 + int(np.argmax(ious)))
    return masks


def agglomerate(draws):
    """Full-page counts of all draws, matched by one dense Hungarian problem a draw."""
    order = sorted(range(len(draws)), key=lambda index: (-len(draws[index]), index))
    base = [mask.copy() for mask in draws[order[0]]]
    counts = [mask.astype(np.uint8) for mask in base]
    for index in order[1:]:
        masks = draws[index]
        iou = np.zeros((len(base), len(masks)))
        for row, one in enumerate(base):
            for column, other in enumerate(masks):
                iou[row, column] = (one & other).sum() / max(1, (one | other).sum())
        matched = set()
        for row, column in zip(*linear_sum_assignment(iou, maximize=True), strict=True):
            if iou[row, column] > 0:
                counts[row] += masks[column]
                base[row] |= masks[column]
                matched.add(column)
        for column, mask in enumerate(masks):
            if column not in matched:
                base.append(mask.copy())
                counts.append(mask.astype(np.uint8))
    return counts


def rank(counts, n_draws, patch=4):
    """Patches of every instance by their mean entropy."""
    patches = []
    for index, page in enumerate(counts):
        p = np.clip(page / n_draws, 1e-12, 1 - 1e-12)
        entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
        height, width = (length // patch for length in entropy.shape)
        blocks = entropy[: height * patch, : width * patch].reshape(height, patch, width, patch)
        mean = blocks.mean(axis=(1, 3))
        for y, x in np.argwhere((mean > 0) & (mean == ndimage.maximum_filter(mean, 3))):
            patches.append((mean[y, x], index, int(y), int(x)))
    return sorted(patches, reverse=True)
