"""What the Proofread dock says about saving: it is always visible."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from napari_probinst.core.curation.records import Visit

if TYPE_CHECKING:
    from napari_probinst.core.curation.session import CurationSession


@dataclass(frozen=True, slots=True)
class SavedState:
    """When a session was saved, and how many records it had then."""

    moment: str = ""
    n_records: int = 0

    @classmethod
    def now(cls, session: CurationSession) -> SavedState:
        """State right after saving."""
        return cls(datetime.now().astimezone().strftime("%H:%M:%S"), len(session.records))

    def text(self, session: CurationSession) -> str:
        """What the dock says, e.g. "3 unsaved changes"."""
        if session.modified:
            later = session.records[self.n_records :]
            changes = sum(not isinstance(record.event, Visit) for record in later)
            before = f" (saved {self.moment})" if self.moment else ""
            return f"{changes} unsaved {'change' if changes == 1 else 'changes'}{before}"
        return f"saved {self.moment}" if self.moment else "no changes"
