"""What the Proofread dock says about saving: it is always visible."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from napari_probinst.core.curation.records import Visit
from napari_probinst.widgets.elided import short_name

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.curation.kept_session import KeptSession
    from napari_probinst.core.curation.session import CurationSession


@dataclass(frozen=True, slots=True)
class SavedState:
    """When and where the results were saved, and how many records the session had then."""

    moment: str = ""
    n_records: int = 0
    folder: Path | None = None

    @classmethod
    def now(cls, session: CurationSession, folder: Path) -> SavedState:
        """State right after saving to a folder."""
        moment = datetime.now().astimezone().strftime("%H:%M")
        return cls(moment, len(session.records), folder.absolute())

    def text(self, session: CurationSession, *, named: bool = False) -> str:
        """What the dock says of the result files; empty before they were saved for once.

        Parameters
        ----------
        session : CurationSession
            The corrections.
        named : bool, default False
            Whether the image is named: of several, the results of one are saved.
        """
        if not self.moment:
            return ""
        later = session.records[self.n_records :] if session.modified else ()
        changes = sum(not isinstance(record.event, Visit) for record in later)
        where = "" if self.folder is None else f" to {short_name(self.folder.name)}"
        since = f"; {_changes(changes)} since" if changes else ""
        name = f"{short_name(session.prediction.name)} " if named else ""
        return f"Saved {name}{self.moment}{where}{since}."


def kept_text(kept: KeptSession) -> str:
    """Where the corrections are, e.g. "Every correction is on disk: C04.probinst"."""
    if kept.n_waiting:
        return f"NOT ON DISK: {_changes(kept.n_waiting)}. {kept.problem or ''}".rstrip()
    if kept.path is None:
        return "No corrections yet. Each one goes to disk at once."
    if kept.read_only:
        return f"READ-ONLY: {short_name(kept.path.name)} is being corrected elsewhere."
    return f"Every correction is on disk: {short_name(kept.path.name)}"


def _changes(number: int) -> str:
    return f"{number} {'change' if number == 1 else 'changes'}"
