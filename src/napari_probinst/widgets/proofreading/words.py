"""What the Proofread dock says."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from napari_probinst.widgets.proofreading.queue_words import hidden_text
from napari_probinst.widgets.wording import counted

if TYPE_CHECKING:
    from napari_probinst.core.curation.folder_review import FolderProgress, FolderReview
    from napari_probinst.core.curation.peak_filter import PeakFilter
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.instances import Peak

#: Likely error of a peak in a curator's words.
KINDS = {
    "merge": "Likely false merge",
    "split": "Likely false split",
    "missed": "Likely missed",
    "spurious": "Possibly nothing there",
    "contour": "Uncertain outline",
}
#: Said of a vote, in the words of `votes_in_words`, if some draws see nothing at all.
_NOTHING_SEEN = re.compile(r"\b(none|no instance)\b")
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


def kind_text(peak: Peak) -> str:
    """Likely error of a peak; "nothing there" only where some draw sees nothing at all."""
    if peak.kind == "spurious" and peak.reason and not _NOTHING_SEEN.search(peak.reason):
        return "One of the instances here may be none"
    return KINDS.get(peak.kind, peak.kind.capitalize())


def peak_text(session: CurationSession) -> str:
    """Likely error and state of the current peak."""
    if session.position is None:
        return "The draws agree everywhere: nothing to review."
    peak = session.peaks[session.position]
    return f"{kind_text(peak)} — {_STATUS[session.status(session.position)]}"


def reason_text(session: CurationSession, edited: str = "") -> str:
    """Votes of the draws at the current peak, and its entropy, or what an edit there has done."""
    if session.position is None:
        return "Missed instances can still be added, and outlines corrected."
    peak = session.peaks[session.position]
    reason = peak.reason[:1].upper() + peak.reason[1:]
    stop = "" if reason.endswith(".") else "."
    if edited:
        return f"{reason}{stop}\n{edited}"
    return f"{reason}{stop}\nEntropy {peak.entropy:.2f} of at most {math.log(2):.2f} nats."


def edited_text(n_changed: int, n_beyond: int, n_settled: int) -> str:
    """What an edit has done, e.g. "3 instances changed, 2 of them beyond the view".

    Parameters
    ----------
    n_changed : int
        Instances that changed, appeared or went.
    n_beyond : int
        Those of them that changed where it can't be seen.
    n_settled : int
        Other places of the queue that it has settled.
    """
    text = counted(n_changed, "instance") + " changed"
    if n_beyond:
        text += f", {n_beyond} of them beyond the view" if n_changed > 1 else " beyond the view"
    if n_settled:
        text += f"; {counted(n_settled, 'other place')} settled"
    return f"{text}."


def removed_text(title: str) -> str:
    """What to do where the instances of a prediction were removed that has corrections."""
    return (
        f"The instances of '{title}' were removed, their corrections kept: choose it at the top "
        "of Proofread to show them again."
    )


def statistics_text(progress: FolderProgress) -> str:
    """How far the review is, what the filters hide, and whether it still pays.

    Outlines alone that are hidden are not told: the box that hides them has their number.
    """
    statistics = progress.peaks
    parts = [
        f"{statistics.reviewed} reviewed: {100 * statistics.mass_share:.0f} % of the uncertainty"
    ]
    if progress.n_hidden > progress.n_hidden_contours:
        parts.append(f"{hidden_text(progress)} hidden")
    # Who has only edited so far knows how many edits it took, and one place is no share.
    decided = statistics.accepted + statistics.skipped + statistics.flagged
    if statistics.recent > 1 and decided:
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
