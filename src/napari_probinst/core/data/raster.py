"""What an image file holds before anything is made of it, and the refusals all formats share."""

from __future__ import annotations

import os
import struct
import tokenize
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.pixels import Pixels

#: One image may take this share of the machine's memory: working copies need the rest.
MEMORY_SHARE = 0.25
#: Bytes taken for the machine's memory where the system doesn't tell.
_ASSUMED_MEMORY = 8 * 2**30

#: A damaged file can drive a decoder into nearly any error; each of these was met in practice.
DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,  # a compression that this installation of imagecodecs lacks
    LookupError,
    MemoryError,
    ParseError,
    RuntimeError,  # all of imagecodecs' errors, and what zipfile doesn't support
    TypeError,
    ValueError,  # tifffile's own error among them
    struct.error,
    tokenize.TokenError,  # NumPy, on the header of an array
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Pixels as a file stores them, and what the file says about them.

    Parameters
    ----------
    pixels : ndarray
        One dimension for each letter of ``axes``, native byte order, without alpha.
    axes : str
        C channel, Z depth, T time, Y, X, S sample of a colour; Q and I are of unknown meaning.
    colour : bool
        Whether S, the last axis, holds red, green and blue.
    palette : bool
        Whether these colours stand for the entries of a table.
    white_is_zero : bool
        Whether low values are bright (TIFF's min-is-white).
    bits : int
        Bits of a sample that are in use.
    channel_names : tuple of str
        Empty where the file has none.
    pixel_size : (float, float) or None
        y and x size of a pixel in micrometres.
    n_images : int
        Images in the file; only the first was read, the others are of another shape or type.
    """

    pixels: NDArray[Any]
    axes: str
    colour: bool = False
    palette: bool = False
    white_is_zero: bool = False
    bits: int = 8
    channel_names: tuple[str, ...] = ()
    pixel_size: tuple[float, float] | None = None
    n_images: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class OpenRaster:
    """An image file whose pixels are read when they are needed.

    Parameters
    ----------
    header : Raster
        What the file says. Its pixels have the right shape and type, are all zero and take no
        memory.
    stored : Pixels
        The pixels, one dimension for each letter of ``header.axes``, maybe with alpha; windows
        of them are read by slices and whole numbers.
    """

    header: Raster
    stored: Pixels


def default_memory_limit() -> int:
    """Bytes that one image may take: `MEMORY_SHARE` of the machine's memory."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        memory = _ASSUMED_MEMORY
    return int((memory if memory > 0 else _ASSUMED_MEMORY) * MEMORY_SHARE)


def check_size(
    path: Path, shape: tuple[int, ...], itemsize: int, memory_limit: int | None = None
) -> None:
    """Refuse, before anything is allocated, an image without pixels or larger than memory.

    Raises
    ------
    InputError
        If a dimension is 0, or the pixels need more than ``memory_limit`` bytes
        (default: `default_memory_limit`).
    """
    n_bytes = itemsize
    for length in shape:
        n_bytes *= int(length)
    size = " x ".join(str(length) for length in shape)
    if n_bytes <= 0:
        raise InputError(
            f"{path} has no pixels (its header says {size}); expected an image of at least "
            "1 x 1 pixel, so save it again."
        )
    limit = default_memory_limit() if memory_limit is None else memory_limit
    if n_bytes > limit:
        raise InputError(
            f"{path} claims {size} values ({n_bytes / 1e9:.3g} GB), more than the "
            f"{limit / 1e9:.3g} GB that one image may take here; crop it, or check whether the "
            "file is damaged."
        )


@contextmanager
def refusing_damage(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence about ``path``.

    Parameters
    ----------
    path : Path
        The file, for the message.
    kind : str
        What was expected, e.g. ``"TIFF"``.

    Raises
    ------
    InputError
        For every error a damaged, foreign or unreadable file can cause.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} doesn't exist; check the path.") from error
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise InputError(f"{path} can't be read: {reason}; check the file and the disk.") from error
    except DAMAGE as error:
        raise InputError(
            f"{path} is not a complete {kind} file ({one_line(error)}); export or copy it again."
        ) from error


def one_line(error: object, longest: int = 160) -> str:
    """Text of an error as one short line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= longest else text[: longest - 1] + "…"
