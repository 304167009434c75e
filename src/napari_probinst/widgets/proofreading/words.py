"""What the Proofread dock says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_probinst.widgets.proofreading.queue_words import hidden_text

if TYPE_CHECKING:
    from napari_probinst.core.curation.folder_review import FolderProgress, FolderReview
    from napari_probinst.core.curation.peak_filter import PeakFilter
    from napari_probinst.core.curation.session import CurationSession

#: Likely error of a peak in a curator's words.
KINDS = {
    "merge": "Likely false merge",
    "split": "Likely false split",
    "missed": "Likely missed",
    "spurious": "Possibly nothing there",
    "contour": "Uncertain outline",
}
_STATUS = {
    "open": "open",
    "accepted": "accepted",
    "skipped": "skipped for later",
    "flagged": "flagged",
    "touched": "settled by an edit",
}


def position_text(review: FolderReview, row: int | None, among: PeakFilter) -> str:
    """Place among those listed, e.g. "3 of 57": of the image, or of all by score."""
    if row is None:
        return "0 of 0"
    place, total = review.position(row, among)
    return f"{'–' if place is None else place} of {total}"


def peak_text(session: CurationSession) -> str:
    """Likely error and state of the current peak."""
    if session.position is None:
        return "The draws agree everywhere: nothing to review."
    peak = session.peaks[session.position]
    kind = KINDS.get(peak.kind, peak.kind.capitalize())
    return f"{kind} — {_STATUS[session.status(session.position)]}"


def reason_text(session: CurationSession) -> str:
    """Votes of the draws at the current peak, and its entropy."""
    if session.position is None:
        return "Missed instances can still be added, and outlines corrected."
    peak = session.peaks[session.position]
    reason = peak.reason[:1].upper() + peak.reason[1:]
    stop = "" if reason.endswith(".") else "."
    return f"{reason}{stop}\nEntropy {peak.entropy:.2f} of at most {math.log(2):.2f} nats."


def statistics_text(progress: FolderProgress) -> str:
    """How far the review is, what the filters hide, and whether it still pays."""
    statistics = progress.peaks
    parts = [
        f"{statistics.reviewed} reviewed: {100 * statistics.mass_share:.0f} % of the uncertainty"
    ]
    if progress.n_hidden:
        parts.append(f"{hidden_text(progress)} hidden")
    if statistics.recent:
        parts.append(f"{statistics.recent_edited} of the last {statistics.recent} needed an edit")
    return " · ".join(parts)


def selection_text(session: CurationSession, selected: tuple[int, ...]) -> str:
    """Selected instances in words."""
    if not selected:
        return "No instance selected: click one."
    if len(selected) > 1:
        return f"Instances {', '.join(map(str, selected))} selected"
    area = session.instances[selected[0]].area
    return f"Instance {selected[0]} selected, {area} pixels"
