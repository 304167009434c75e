"""Going on with less where memory runs out: on the CPU, then in smaller tiles."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import torch

from napari_probinst.core.network.device import choose_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.network.device import Runtime

T = TypeVar("T")

#: Tiles are not halved below this many pixels a side: no worm would fit.
_SMALLEST_TILE = 128


class Resources:
    """Device and tile size in use; both shrink when memory runs out, and stay so.

    Parameters
    ----------
    runtime : Runtime
        Device and precision to begin with.
    extent : (int, int)
        Height and width, pixels, that an image may have in one piece, to begin with.
    notify : callable, optional
        Told in a sentence when memory runs out.
    """

    def __init__(
        self, runtime: Runtime, extent: Shape, notify: Callable[[str], None] | None
    ) -> None:
        self._runtime = runtime
        self._extent = extent
        self._notify = notify
        self._lock = Lock()

    @property
    def runtime(self) -> Runtime:
        """Device in use."""
        return self._runtime

    def spend(self, work: Callable[[Runtime, Shape], T]) -> T:
        """Do ``work``, with less memory each time that there isn't enough."""
        while True:
            tried = self._runtime, self._extent
            try:
                return work(*tried)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                with self._lock:
                    # Others that ran out of the same may have shrunk it already.
                    if tried == (self._runtime, self._extent) and not self._shrink():
                        raise

    def _shrink(self) -> bool:
        if self._runtime.device != "cpu":
            message = f"{self._runtime.device} ran out of memory; going on on the CPU."
            self._runtime = choose_runtime("cpu")
        elif min(self._extent) >= 2 * _SMALLEST_TILE:
            self._extent = (self._extent[0] // 2, self._extent[1] // 2)
            message = (
                "Memory ran out; going on in tiles of "
                f"{self._extent[0]} x {self._extent[1]} pixels."
            )
        else:
            return False
        if self._notify is not None:
            self._notify(message)
        return True


def at_once_if_possible(
    at_once: Callable[[], Iterator[T]],
    one_by_one: Callable[[], Iterator[T]],
    notify: Callable[[str], None] | None,
) -> Iterator[T]:
    """Results of ``at_once``, or of ``one_by_one`` where there isn't enough memory for it.

    Parameters
    ----------
    at_once, one_by_one : callable
        Return the same results; the first one has them all by then.
    notify : callable, optional
        Told in a sentence when memory runs out.
    """
    try:
        results = at_once()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        if notify is not None:
            notify("Memory ran out for all draws at once; going on one by one.")
        results = one_by_one()
    yield from results


def is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Whether an error of NumPy or torch says that memory is short."""
    # The CPU's allocator raises a plain RuntimeError that only its text tells from others.
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        "can't allocate memory" in str(error) or "not enough memory" in str(error)
    )
