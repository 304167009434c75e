"""U-Net that predicts an embedding and background / foreground / overlap for each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from napari_probinst.core.network.classes import N_CLASSES
from napari_probinst.core.network.concrete_dropout import (
    ConcreteDropout,
    StochasticConv2d,
    StochasticUpConv2d,
)
from napari_probinst.core.network.coordinates import COORDINATE_UNIT, POSITION_UNIT
from napari_probinst.core.network.double_conv import DoubleConv

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_probinst.core.config import NetworkConfig

#: So many pixels away a feature has an effect on an embedding: two convolutions of 3x3.
EMBEDDING_REACH = 2
#: Name of the layer that makes the global context.
CONTEXT = "context"


class UNet(nn.Module):
    """U-Net with optional Concrete Dropout in every layer but the first.

    The first layer sees the image's own channels: without one of them there is no image, so
    it carries no dropout (and a coordinate that is read there is never dropped).

    Parameters
    ----------
    config : NetworkConfig
        Channels, levels, filters, embedding dimensions, kind of dropout.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        #: How pages are made half as high and wide; see `merge_steps`.
        self.halve: Callable[[Tensor], Tensor] = _halve

        def dropout(n_channels: int) -> ConcreteDropout | None:
            if config.dropout == "none":
                return None
            return ConcreteDropout(n_channels, config.initial_rate)

        widths = [config.filters * 2**level for level in range(config.levels)]
        n_in = config.n_channels + 2 * (config.coordinates == "input")
        self.encoder = nn.ModuleList()
        for level, width in enumerate(widths):
            first = None if level == 0 else dropout(n_in)
            self.encoder.append(DoubleConv(n_in, width, first, dropout(width)))
            n_in = width
        self.up = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.up.append(StochasticUpConv2d(2 * width, width, dropout(2 * width)))
            self.decoder.append(DoubleConv(2 * width, width, dropout(2 * width), dropout(width)))
        n_embedding = config.embedding_dimensions
        width = config.filters
        self.class_block = self.class_head = self.context = None
        if config.class_decoder:
            joined = width if config.levels == 1 else 2 * width
            if config.global_context:
                self.context = StochasticConv2d(sum(widths[: self._n_context]), width, 1, None)
                joined += width
            self.class_block = DoubleConv(joined, width, dropout(joined), dropout(width))
            self.class_head = StochasticConv2d(width, N_CLASSES, 1, dropout(width))
        # What a pixel's y and x, in units of `POSITION_UNIT`, add to its embedding.
        self.position = None
        if config.coordinates == "output":
            self.position = nn.Parameter(torch.empty(n_embedding, 2))
            if not self.position.is_meta:
                nn.init.orthogonal_(self.position)
        n_out = n_embedding if config.class_decoder else n_embedding + N_CLASSES
        self.head = StochasticConv2d(width, n_out, 1, dropout(width))
        self.apply(_initialise)

    @property
    def _n_context(self) -> int:
        """Levels whose means are the context: the skips, which dropout hardly thins."""
        return max(1, self.config.levels - 1)

    @property
    def stride(self) -> int:
        """Height and width of an input must be multiples of this many pixels."""
        return int(2 ** (self.config.levels - 1))

    @property
    def first_width(self) -> int:
        """Channels that the first layer makes; a thinned one makes fewer."""
        return self._outermost.conv1.out_channels

    def first(self, x: Tensor) -> Tensor:
        """Output of the first layer, which no dropout precedes, for ``x`` as for `forward`."""
        return self._outermost.first(self._pages(x))

    @property
    def _outermost(self) -> DoubleConv:
        return cast("DoubleConv", self.encoder[0])

    def _pages(self, x: Tensor) -> Tensor:
        """Channels that the convolutions read: without coordinates that are added later."""
        return x if self.position is None else x[:, :-2]

    def forward(
        self, x: Tensor, context: Tensor | None = None, first: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict embeddings and class logits.

        Parameters
        ----------
        x : Tensor of shape (batch, n_channels [+ 2], height, width)
            Normalised channels, then the coordinates where the network uses them.
        context : Tensor of shape (batch, filters, 1, 1), optional
            What a network with a global context is to know of the image, as by `context_of`,
            where ``x`` is a part of it; by default ``x`` is all there is.
        first : Tensor of shape (batch, filters, height, width), optional
            What `first` gives for ``x``, if it is known.

        Returns
        -------
        embeddings : Tensor of shape (batch, embedding_dimensions, height, width)
        logits : Tensor of shape (batch, 3, height, width)
            Background, foreground, overlap.
        """
        return self.finish(x, *self.classify(x, context, first))

    def finish(self, x: Tensor, features: Tensor, logits: Tensor | None) -> tuple[Tensor, Tensor]:
        """What `forward` gives for ``x``, from what `classify` gives for it."""
        out = self.embed(features)
        if logits is None:
            out, logits = out[:, :-N_CLASSES], out[:, -N_CLASSES:]
        offsets = self.offsets(x)
        if offsets is None:
            return out, logits
        # In place, as pages that are made anew cost more than what is computed on them.
        return out.float().add_(offsets[0]).add_(offsets[1]), logits

    def classify(
        self, x: Tensor, context: Tensor | None = None, first: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Predict the classes, and no more than is needed for that and for any embedding.

        Parameters
        ----------
        x, context, first
            As for `forward`.

        Returns
        -------
        features : Tensor of shape (batch, n_features, height, width)
            What `embed` reads.
        logits : Tensor of shape (batch, 3, height, width) or None
            None without a class decoder: `embed` gives them as well then.
        """
        skips = self._encode(self._pages(x), len(self.encoder), first)
        if self.context is not None and context is None:
            context = self.context_of(self._means(skips[: self._n_context]))
        joined = skips.pop()
        for number, up in enumerate(self.up):
            x = joined if number == 0 else self.decoder[number - 1](joined)
            joined = torch.cat([skips.pop(), up(x)], dim=1)
        if self.class_block is None or self.class_head is None:
            return joined, None
        return joined, self.class_head(self.class_block(joined, context))

    def embed(self, features: Tensor) -> Tensor:
        """Embeddings from the features of an image or a part of it, see `classify`.

        They are without what coordinates add (`offsets`). Pixels farther than `EMBEDDING_REACH`
        from a border that isn't the image's are those of the whole.

        Returns
        -------
        Tensor of shape (batch, embedding_dimensions [+ 3], height, width)
            The class logits come last where they have no decoder of their own.
        """
        embeddings: Tensor = self.head(self.decoder[-1](features) if self.up else features)
        return embeddings

    def offsets(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """What each pixel's coordinates add to its embedding, in float32; None where nothing is.

        Semi-convolutional embeddings (Novotny et al. 2018, section 3.2): what the convolutions
        give is the same wherever an image begins, and so are all distances of the sums.

        Parameters
        ----------
        x : Tensor of shape (batch, n_channels + 2, height, width)
            As for `forward`.

        Returns
        -------
        rows : Tensor of shape (batch, embedding_dimensions, height, 1)
        columns : Tensor of shape (batch, embedding_dimensions, 1, width)
            y is the same along a row, x along a column: no pages of products. The rows are added
            first.
        """
        if self.position is None:
            return None
        down, across = (COORDINATE_UNIT / POSITION_UNIT * self.position.T)[..., None, None]
        return down * x[:, -2:-1, :, :1], across * x[:, -1:, :1, :]

    def means(self, x: Tensor, inside: tuple[slice, slice] | None = None) -> Tensor:
        """Means of the features that the global context is made of, (batch, n_features, 1, 1).

        Parameters
        ----------
        x : Tensor of shape (batch, n_channels [+ 2], height, width)
            As for `forward`.
        inside : (slice, slice), optional
            Rows and columns, pixels, that the means are taken over: to the nearest stride, and one
            at least. By default all.
        """
        return self._means(self._encode(self._pages(x), self._n_context), inside)

    def context_of(self, means: Tensor) -> Tensor:
        """Global context of an image, (batch, filters, 1, 1), from the means of its features.

        Raises
        ------
        ValueError
            If the network has none.
        """
        if self.context is None:
            raise ValueError("the network has no global context")
        return torch.relu(self.context(means))

    def _encode(self, x: Tensor, n_levels: int, first: Tensor | None = None) -> list[Tensor]:
        """Features of the first levels of the encoder."""
        block = self._outermost
        features: list[Tensor] = [block(x) if first is None else block.second(first)]
        for deeper in self.encoder[1:n_levels]:
            features.append(deeper(self.halve(features[-1])))
        return features

    def _means(self, features: list[Tensor], inside: tuple[slice, slice] | None = None) -> Tensor:
        # Block by block (a stride at each level) first: reducing whole bfloat16 pages copies them.
        blocks = (2 ** (self.config.levels - 1 - level) for level in range(len(features)))
        grids = [
            nn.functional.avg_pool2d(each, block)
            for each, block in zip(features, blocks, strict=True)
        ]
        if inside is not None:
            rows, columns = (_in_strides(each, self.stride) for each in inside)
            grids = [grid[:, :, rows, columns] for grid in grids]
        return torch.cat([grid.float().mean(dim=(2, 3), keepdim=True) for grid in grids], dim=1)

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Whose outputs each layer reads, concatenated in this order, by the layers' names.

        What the first layer reads is "image".
        """
        result: dict[str, tuple[str, ...]] = {}
        x = "image"
        for level in range(len(self.encoder)):
            x = _chain(result, f"encoder.{level}", (x,))
        joined: tuple[str, ...] = (x,)
        for step in range(len(self.decoder)):
            result[f"up.{step}"] = (x,)
            joined = (f"encoder.{len(self.encoder) - 2 - step}.conv2", f"up.{step}")
            x = _chain(result, f"decoder.{step}", joined)
        result["head"] = (x,)
        if self.context is not None:
            result[CONTEXT] = tuple(f"encoder.{level}.conv2" for level in range(self._n_context))
            joined += (CONTEXT,)
        if self.class_block is not None:
            result["class_head"] = (_chain(result, "class_block", joined),)
        return result


def _halve(x: Tensor) -> Tensor:
    return nn.functional.max_pool2d(x, 2)


def _in_strides(pixels: slice, stride: int) -> slice:
    start = round(pixels.start / stride)
    return slice(start, max(round(pixels.stop / stride), start + 1))


def _chain(sources: dict[str, tuple[str, ...]], block: str, read: tuple[str, ...]) -> str:
    """Enter the two layers of a block that reads ``read``; return the name of the second."""
    sources[f"{block}.conv1"] = read
    sources[f"{block}.conv2"] = (f"{block}.conv1",)
    return f"{block}.conv2"


def _initialise(module: nn.Module) -> None:
    # Weights on the meta device are to be read from a file; to draw them there as well, torch
    # imports its compiler, which takes a second.
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and not module.weight.is_meta:
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
