"""The archive of a prediction's file: each array's size is known before it is read.

An archive of kilobytes can claim terabytes. What a member claims is compared with what it should
hold first, so that nobody's memory is filled by a damaged or a malicious file.
"""

from __future__ import annotations

import math
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.data.raster import default_memory_limit
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

#: Archive members with their data type and number of dimensions.
MEMBERS: Mapping[str, tuple[type, int]] = {
    "header": (np.uint8, 1),
    "boxes": (np.int32, 2),
    "counts": (np.uint8, 1),
    "matches": (np.int32, 2),
    "draw_sizes": (np.int32, 1),
    "draw_boxes": (np.int32, 2),
    "draw_masks": (np.uint8, 1),
}
#: A hundred thousand peaks take a tenth of it, bytes.
_LONGEST_HEADER = 2**28


class Members:
    """Arrays of an archive by name, read when they are asked for; a context manager.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If its members claim more than memory holds.
    Exception
        Whatever `zipfile` and NumPy raise for a damaged file; see `refusing_damage`.
    """

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        try:
            self._check_claimed(path)
            self._shapes = {name: self._claimed_shape(name) for name in MEMBERS}
        except BaseException:
            self._archive.close()
            raise
        if self.length("header") > _LONGEST_HEADER:
            raise ValueError("the header is far too long")

    def length(self, name: str) -> int:
        """Size of a member along its first axis, without reading it."""
        return self._shapes[name][0]

    def __getitem__(self, name: str) -> NDArray[Any]:
        with self._archive.open(f"{name}.npy") as member:
            array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
        return array

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._archive.close()

    def _check_claimed(self, path: Path) -> None:
        claimed = sum(member.file_size for member in self._archive.infolist())
        if claimed > default_memory_limit():
            raise InputError(
                f"{path} claims {claimed / 1e9:.3g} GB, more than one prediction may take here; "
                "check whether the file is damaged."
            )

    def _claimed_shape(self, name: str) -> tuple[int, ...]:
        dtype, n_dimensions = MEMBERS[name]
        info = self._archive.getinfo(f"{name}.npy")
        with self._archive.open(info) as member:
            version = np.lib.format.read_magic(member)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, _, found = read(member)
            start = member.tell()
        if found != np.dtype(dtype) or len(shape) != n_dimensions:
            raise ValueError(f"{name} is of another type")
        if start + math.prod(shape) * found.itemsize != info.file_size:
            raise ValueError(f"{name} claims another size than it has")
        return tuple(shape)
