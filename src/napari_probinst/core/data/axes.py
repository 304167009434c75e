"""From whatever axes a file has to channels, height, width."""

from __future__ import annotations

from dataclasses import dataclass
from operator import ge
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_probinst.core.data.raster import Raster

#: Weights of red, green and blue in luminance (ITU-R BT.601).
LUMINANCE = (0.299, 0.587, 0.114)

_NAMES = {"Z": "depth", "T": "time", "C": "channel", "S": "colour"}
_KNOWN = frozenset("CYXSZT")
#: Axes that count the planes of a stack: each plane can be an image of its own.
_STACKED = frozenset("TZ")
#: tifffile's names for axes whose meaning isn't stated.
_UNSTATED = frozenset("QI")
#: These, and samples of no colour.
_CHANNEL_LIKE = _UNSTATED | {"S"}


def channels_first(
    raster: Raster, where: str, axes: str | None = None, *, colours: bool = False
) -> NDArray[Any]:
    """Pixels as channels, height, width.

    Axes of length 1 are dropped. Red, green and blue become one channel of luminance
    (Rec. 601, rounded for integers), and grey in all three stays what it is, unless ``colours``
    or ``axes="YXC"`` ask for three channels. Colours stored as separate planes, and an axis whose
    meaning the file doesn't state, count as channels. Where low values are bright the order of
    the values is reversed, except for one bit pixels: programs that store masks mark them so
    without inverting them.

    Parameters
    ----------
    raster : Raster
        Content of a file.
    where : str
        Name of the file, for messages.
    axes : str, optional
        Meaning of the stored dimensions in their order, e.g. ``"CYX"``, where the file lies.
    colours : bool, default False
        Whether red, green and blue become three channels.

    Returns
    -------
    ndarray of shape (n_channels, height, width)
        In the file's data type.

    Raises
    ------
    InputError
        If ``axes`` doesn't fit, or the image is not two-dimensional.
    """
    return arrangement(raster, where, axes, colours=colours).of(raster)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the dimensions of a file become channels, height, width.

    Parameters
    ----------
    kept : tuple of int
        Stored dimensions that are left once those of length 1 are dropped.
    letters : str
        What each of them is: Y, X, and C for channels or S for colours that become grey.
    white_is_zero : bool
        Whether the order of the values is reversed.
    bits : int
        Bits of a sample that are in use.
    place : tuple of (int, int)
        Of a plane of a stack, the stored dimensions that count planes, with its index on each.
    """

    kept: tuple[int, ...]
    letters: str
    white_is_zero: bool
    bits: int
    place: tuple[tuple[int, int], ...] = ()

    @property
    def from_colours(self) -> bool:
        """Whether colours become luminance."""
        return "S" in self.letters

    def of(self, raster: Raster) -> NDArray[Any]:
        """Channels, height, width of all of a file, or of the plane of it."""
        return self.apply(raster.pixels[self.index(raster.pixels.ndim)])

    def index(
        self, n_dimensions: int, window: Mapping[str, slice] | None = None
    ) -> tuple[int | slice, ...]:
        """Where pixels lie among a file's dimensions; all along a letter without a window."""
        found: list[int | slice] = [0] * n_dimensions
        for letter, dimension in zip(self.letters, self.kept, strict=True):
            found[dimension] = (window or {}).get(letter, slice(None))
        for dimension, number in self.place:
            found[dimension] = number
        return tuple(found)

    def apply(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Channels, height, width of pixels, or of a window of them, that have ``letters``."""
        letters = self.letters
        if self.white_is_zero:
            pixels = reversed_values(pixels, self.bits)
        if "S" in letters:
            pixels = luminance(np.moveaxis(pixels, letters.index("S"), -1))
            letters = letters.replace("S", "")
        if "C" not in letters:
            pixels, letters = pixels[np.newaxis], "C" + letters
        return pixels.transpose([letters.index(letter) for letter in "CYX"])


def arrangement(
    raster: Raster,
    where: str,
    axes: str | None = None,
    *,
    colours: bool = False,
    plane: tuple[int, ...] = (),
) -> Arrangement:
    """Find out what the dimensions of a file are, from their lengths alone.

    Other parameters and errors are those of `channels_first`.

    Parameters
    ----------
    plane : tuple of int, default ()
        Of a stack, the plane that is wanted: its index along each axis of `Layout.planes`. An
        index that the stack doesn't have is refused.
    """
    layout = layout_of(raster, where, axes, colours=colours)
    stored = _dimensions_kept(raster.pixels.shape, layout.shape)
    stacked = [i for i, letter in enumerate(layout.letters) if letter in _STACKED] if plane else []
    _check_plane(plane, [layout.shape[i] for i in stacked], where)
    rest = [i for i in range(len(layout.letters)) if i not in stacked]
    letters = "".join(layout.letters[i] for i in rest)
    shape = tuple(layout.shape[i] for i in rest)
    _check_planar(shape, letters, where, allowed="CYXS" if layout.from_colours else "CYX")
    return Arrangement(
        kept=tuple(stored[i] for i in rest),
        letters=letters,
        white_is_zero=raster.white_is_zero,
        bits=raster.bits,
        place=tuple(zip((stored[i] for i in stacked), plane, strict=True)),
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """What the dimensions of a file are, those of length 1 left out.

    Parameters
    ----------
    shape : tuple of int
        Their lengths.
    letters : str
        What each of them is, as for `Arrangement`, or what the file calls it.
    from_colours : bool
        Whether S are colours, which become luminance.
    is_guess : bool
        Whether C is an axis whose meaning the file doesn't state.
    """

    shape: tuple[int, ...]
    letters: str
    from_colours: bool
    is_guess: bool

    @property
    def planes(self) -> tuple[int, ...]:
        """Numbers of planes along time and depth, in the file's order; empty without a stack."""
        pairs = zip(self.shape, self.letters, strict=True)
        return tuple(length for length, letter in pairs if letter in _STACKED)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.shape[self.letters.index("C")] if "C" in self.letters else 1


def layout_of(
    raster: Raster, where: str, axes: str | None = None, *, colours: bool = False
) -> Layout:
    """Find out what the dimensions of a file are, planar or not.

    Parameters are those of `channels_first`.

    Raises
    ------
    InputError
        If ``axes`` doesn't fit.
    """
    lengths: NDArray[Any] = np.broadcast_to(np.uint8(0), raster.pixels.shape)
    letters, colour = raster.axes, raster.colour
    if axes is not None:
        lengths, letters = relabelled(lengths, letters, axes, where)
        colour = colour and "S" in letters
    lengths, letters = squeezed(lengths, letters)
    from_colours = colour and "S" in letters and not (colours and "C" not in letters)
    spare: str | None = None
    if "C" not in letters:
        candidates = letters.replace("S", "") if from_colours else letters
        spare = next((letter for letter in candidates if letter in _CHANNEL_LIKE), None)
        letters = letters.replace(spare, "C") if spare else letters
    return Layout(lengths.shape, letters, from_colours, is_guess=spare in _UNSTATED)


def _dimensions_kept(stored: tuple[int, ...], left: tuple[int, ...]) -> tuple[int, ...]:
    """Stored dimensions that are left, where the dropped ones all have length 1."""
    kept: list[int] = []
    for index, length in enumerate(stored):
        if len(kept) < len(left) and left[len(kept)] == length:
            kept.append(index)
    return tuple(kept)


def squeezed(pixels: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """Drop the axes of length 1, except Y and X."""
    kept = [i for i, letter in enumerate(axes) if letter in "YX" or pixels.shape[i] != 1]
    shape = [pixels.shape[i] for i in kept]
    return pixels.reshape(shape), "".join(axes[i] for i in kept)


def relabelled(
    pixels: NDArray[Any], stored: str, axes: str, where: str
) -> tuple[NDArray[Any], str]:
    """Replace the axes that a file states by the user's.

    ``axes`` names all stored dimensions, or only those longer than 1.

    Raises
    ------
    InputError
        If a letter is unknown or repeated, Y or X is absent, or the number doesn't fit.
    """
    letters = axes.upper()
    if not {"Y", "X"} <= set(letters) <= _KNOWN or len(set(letters)) != len(letters):
        raise InputError(
            f"axes {axes!r} are not understood; name each dimension of {where} once, with Y, X "
            "and if need be C, Z, T or S, for instance CYX."
        )
    if len(letters) == pixels.ndim:
        return pixels, letters
    longer = tuple(length for length in pixels.shape if length != 1)
    if len(letters) == len(longer):
        return pixels.reshape(longer), letters
    reduced, _ = squeezed(pixels, stored)
    if len(letters) == reduced.ndim:
        return reduced, letters
    raise InputError(
        f"axes {axes!r} name {len(letters)} dimensions, but {where} has "
        f"{' x '.join(str(length) for length in reduced.shape)} values; name each dimension."
    )


def luminance(colours: NDArray[Any]) -> NDArray[Any]:
    """Luminance of colours whose red, green and blue lie on the last axis, same data type."""
    grey = np.zeros(colours.shape[:-1])
    for i, weight in enumerate(LUMINANCE):
        grey += weight * colours[..., i]
    return (np.rint(grey) if colours.dtype.kind in "ui" else grey).astype(colours.dtype)


def reversed_values(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Reverse the order of the values: white is zero becomes black is zero.

    ``2**bits - 1 - v`` for unsigned integers, ``-1 - v`` for signed ones (no overflow), ``-v``
    for floats; one bit pixels stay as they are.
    """
    mirrored: NDArray[Any] = pixels
    if pixels.dtype.kind == "u" and bits > 1:
        mirrored = np.array(2**bits - 1, dtype=pixels.dtype) - pixels
    elif pixels.dtype.kind == "i" and bits > 1:
        mirrored = ~pixels
    elif pixels.dtype.kind in "fc":
        mirrored = -pixels
    return mirrored


def _check_plane(plane: tuple[int, ...], lengths: list[int], where: str) -> None:
    if len(plane) != len(lengths) or any(map(ge, plane, lengths)):
        raise InputError(
            f"{where} has no plane {list(plane)}; it is "
            + (f"a stack of {' x '.join(map(str, lengths))} planes." if lengths else "no stack.")
        )


def _check_planar(shape: tuple[int, ...], letters: str, where: str, allowed: str) -> None:
    if not {"Y", "X"} <= set(letters):
        raise InputError(
            f"{where} has axes {letters or 'of unknown meaning'}, not height and width; expected "
            "a 2-D image, so state the axes, for instance CYX."
        )
    surplus = [
        f"{length} along {_NAMES.get(letter, letter)} ({letter})"
        for length, letter in zip(shape, letters, strict=True)
        if letter not in allowed
    ]
    if surplus:
        raise InputError(
            f"{where} has {', '.join(surplus)}; expected one 2-D plane a channel, so save a "
            "single plane or a projection, or state the axes if the file is wrong about them."
        )
