"""From a prediction and its journal back to the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.curation.journal import Journal, check_header
from napari_probinst.core.curation.session import CurationSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_probinst.core.curation.records import Record
    from napari_probinst.core.prediction import Prediction


def replay(
    prediction: Prediction,
    journal: Journal | Iterable[Record],
    *,
    recorder: Callable[[Record], None] | None = None,
) -> CurationSession:
    """Build the session that a journal describes, at the peak where the curator left it.

    Parameters
    ----------
    prediction : Prediction
        The prediction that was curated.
    journal : Journal or iterable of Record
        What happened; the checksum of a `Journal` is compared.
    recorder : callable, optional
        Where the session's next records go.

    Raises
    ------
    InputError
        If the journal belongs to another prediction, or is damaged.
    """
    session = CurationSession(prediction, recorder=recorder)
    if isinstance(journal, Journal):
        check_header(journal, session.header.prediction)
        journal = journal.records
    session.restore(journal)
    return session
