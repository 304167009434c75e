"""Work that is done side by side comes in order, and shares the threads of torch."""

from __future__ import annotations

import threading

import pytest
import torch

from napari_probinst.core.inference.parallel import in_order


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
class TestInOrder:
    @pytest.mark.parametrize("n_at_once", [0, 1, 2, 3, 9])
    def test_results_come_in_the_order_of_the_items(self, n_at_once):
        assert list(in_order(str, range(20), n_at_once=n_at_once)) == list(map(str, range(20)))
        assert list(in_order(str, [], n_at_once=n_at_once)) == []

    @pytest.mark.parametrize(("n_at_once", "share"), [(0, 1), (2, 2), (1, 4), (3, 1)])
    def test_threads_are_shared_out_and_given_back(self, n_at_once, share):
        got = list(in_order(lambda _: torch.get_num_threads(), range(8), n_at_once=n_at_once))
        assert got == [share] * 8
        assert torch.get_num_threads() == 4
        later = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert later == [4]

    def test_items_are_worked_on_at_once(self):
        together = threading.Barrier(4, timeout=10)
        assert len(list(in_order(lambda _: together.wait(), range(8)))) == 8

    def test_no_more_items_are_begun_than_there_are_threads(self):
        begun = []
        results = in_order(begun.append, range(20), n_at_once=2)
        next(results)
        assert len(begun) <= 2
        results.close()
        assert len(begun) <= 3

    def test_what_goes_wrong_is_raised_in_its_turn(self):
        results = in_order(lambda number: 1 // (2 - number), range(20), n_at_once=2)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(ZeroDivisionError):
            next(results)
        assert torch.get_num_threads() == 4


def test_one_thread_works_by_itself():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        here = threading.get_ident()
        assert set(in_order(lambda _: threading.get_ident(), range(3))) == {here}
    finally:
        torch.set_num_threads(before)
