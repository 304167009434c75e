"""Pieces of a prediction side by side on the cores of a processor, one thread each.

Two threads that share one network's layers gain less than two that each run a network of their
own, and what follows the network hardly uses a second thread at all.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

S = TypeVar("S")
T = TypeVar("T")


def in_order(work: Callable[[S], T], items: Iterable[S], *, n_at_once: int = 0) -> Iterator[T]:
    """Results of ``work`` in the order of the items, some of which are worked on at once.

    The threads of torch are shared out: each item has one, or as many as there are more of
    them than items at once. Their number changes no result, as long as it changes none of torch's.

    Parameters
    ----------
    work : callable
        Called with an item, on a thread of its own.
    items : iterable
        They are taken as they are worked on.
    n_at_once : int, default 0
        Items that are worked on at the same time, at most; as many as torch has threads where
        it is 0. With 1 all is done by the thread that asks.

    Yields
    ------
    object
        The next result. What ``work`` raises is raised here, in the item's turn; the items after
        it that have been begun are finished and forgotten.
    """
    n_threads = torch.get_num_threads()
    n_at_once = min(n_at_once, n_threads) if n_at_once else n_threads
    if n_at_once == 1:
        yield from map(work, items)
        return
    share = n_threads // n_at_once
    waiting: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(n_at_once, initializer=torch.set_num_threads, initargs=(share,))
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) == n_at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        # Threads that are started from now on take the number that was set last.
        torch.set_num_threads(n_threads)
