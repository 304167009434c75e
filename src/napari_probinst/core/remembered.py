"""What is derived from an object that never changes, and is asked for more than once."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

S = TypeVar("S")
T = TypeVar("T")


def remembered(function: Callable[[S], T]) -> Callable[[S], T]:
    """Call ``function`` once for each object that it is given, as long as that object lives.

    The object is told by identity, must never change, and must allow weak references; nor must
    the caller change what is returned.
    """
    known: WeakKeyDictionary[S, T] = WeakKeyDictionary()

    @wraps(function)
    def call(of: S) -> T:
        if of not in known:
            known[of] = function(of)
        return known[of]

    return call
