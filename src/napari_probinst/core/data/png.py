"""Read a PNG as a raster.

imagecodecs decodes it rather than Pillow, which reduces 16 bit colours to 8 and warns of
large images.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import imagecodecs

from napari_probinst.core.data.raster import Raster, check_size, refusing_damage
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">8s4x4sIIBB")  # signature, chunk name, width, height, bits, colour type
_SAMPLES = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}  # by colour type; a palette may carry alpha
_PALETTE = 3


def read_png(path: Path, memory_limit: int | None = None) -> Raster:
    """Read a PNG file; alpha is dropped, a palette becomes colours.

    Parameters
    ----------
    path : Path
        Greyscale, RGB or palette, 1 to 16 bits, with or without alpha.
    memory_limit : int, optional
        Largest number of bytes to allocate; default: a share of the machine's memory.

    Raises
    ------
    InputError
        If the file can't be read, is no complete PNG, or claims more than memory holds.
    """
    with refusing_damage(path, "PNG"):
        content = path.read_bytes()
        if len(content) < _HEADER.size or not content.startswith(_SIGNATURE):
            raise InputError(f"{path} is not a PNG file, whatever its name; export it again.")
        _, _, width, height, bits, kind = _HEADER.unpack_from(content)
        check_size(path, (height, width, _SAMPLES.get(kind, 4)), max(bits // 8, 1), memory_limit)
        pixels = imagecodecs.png_decode(content)
        if pixels.ndim == 2:
            return Raster(pixels, "YX", bits=8 * pixels.itemsize)
        n_samples = pixels.shape[-1]
        if n_samples == 2:
            return Raster(pixels[..., 0], "YX", bits=8 * pixels.itemsize)
        return Raster(
            pixels[..., :3], "YXS", colour=True, palette=kind == _PALETTE, bits=8 * pixels.itemsize
        )
