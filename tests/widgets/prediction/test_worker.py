"""What a queue in another thread tells arrives, whatever comes in between."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_probinst.widgets.prediction.worker import QueueRun


@pytest.mark.usefixtures("qapp")
def test_the_end_is_told_also_where_it_comes_with_an_error_in_the_middle_of_an_event():
    told = []

    def hear(_event):
        # As napari's bars do, which let Qt deliver what has come meanwhile.
        run._fail(ValueError("The network is gone."))
        run._finish()

    def fail(error):
        raise error

    run = QueueRun(
        SimpleNamespace(names=(), run=lambda _talk: None),
        on_event=hear,
        on_error=fail,
        on_finished=lambda: told.append("finished"),
    )
    with pytest.raises(ValueError, match="network is gone"):
        run._receive("an event")
    assert told == ["finished"]
