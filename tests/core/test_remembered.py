from __future__ import annotations

import gc

from napari_probinst.core.remembered import remembered


class Thing:
    pass


def test_is_called_once_an_object_and_forgets_it_with_the_object():
    calls = []

    @remembered
    def size(of):
        """Docstring."""
        calls.append(id(of))
        return len(calls)

    first, second = Thing(), Thing()
    assert [size(first), size(second), size(first)] == [1, 2, 1]
    assert size.__doc__ == "Docstring."
    del first
    gc.collect()
    assert size(Thing()) == 3
