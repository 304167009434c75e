"""What the list of peaks says: short words for its columns, and whether to go on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.widgets.elided import short_name
from napari_probinst.widgets.wording import counted

if TYPE_CHECKING:
    from napari_probinst.core.curation.folder_review import FolderProgress
    from napari_probinst.core.curation.review import ReviewStatistics

#: Likely error of a peak, short enough for a column of a narrow dock.
SHORT_KINDS = {
    "merge": "Merge?",
    "split": "Split?",
    "missed": "Missed?",
    "spurious": "Spurious?",
    "contour": "Outline",
}
#: How many of the draws see what most of them see, in the words of `votes_in_words`.
_VOTES = re.compile(r"(?:(\d+) of|all) (\d+) draws")
#: State of a peak in one word.
SHORT_STATUSES = {
    "open": "open",
    "accepted": "accepted",
    "skipped": "skipped",
    "flagged": "flagged",
    "touched": "settled",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said at the end of the queue, or when it hardly pays to go on.

    Parameters
    ----------
    title : str
        A few words.
    text : str
        One or two sentences.
    """

    title: str
    text: str


def short_kind(kind: str) -> str:
    """Word for a kind of peak; kinds that are not known speak for themselves."""
    return SHORT_KINDS.get(kind, kind.capitalize())


def short_reason(reason: str) -> str:
    """Votes for what most draws see, as the hypotheses tell theirs, e.g. "6 of 8"."""
    if reason.startswith("both draws"):
        return "2 of 2"
    found = _VOTES.search(reason)
    return f"{found[1] or found[2]} of {found[2]}" if found else ""


def listed_text(n_listed: int, total: int, n_open: int, *, n_unusable: int = 0) -> str:
    """How much of the queue is listed, e.g. "11 of 110 · 9 open"; short, for a line of its own.

    Where the text wrapped for some numbers, the buttons above the list would move with them.
    """
    if total == 0 and not n_unusable:
        return "The draws agree everywhere: nothing to list."
    said = f"{n_listed} of {total} · {n_open} open"
    if n_listed == 0:
        said = f"None of the {total} places passes the filters."
    if not n_unusable:
        return said
    return f"{said} · {counted(n_unusable, 'image')} unusable"


def hidden_text(progress: FolderProgress) -> str:
    """What the filters hide, e.g. "131 contour places"."""
    only_contours = progress.n_hidden == progress.n_hidden_contours
    return counted(progress.n_hidden, "contour place" if only_contours else "place")


def stop_notice(progress: FolderProgress) -> Notice | None:
    """Hint that the review hardly pays any longer; None while it does, or once it is done."""
    statistics = progress.peaks
    if not statistics.may_stop or statistics.open == 0:
        return None
    needed = statistics.recent_edited or "None"
    left = 100 * (1 - statistics.mass_share)
    return Notice(
        "This may be the time to stop",
        f"{needed} of the last {statistics.recent} needed an edit, and what is open holds "
        f"{left:.0f} % of the uncertainty.",
    )


def end_notice(progress: FolderProgress) -> Notice | None:
    """Summary where nothing that is listed is open; None before, and where nothing ever was."""
    statistics = progress.peaks
    if statistics.open or statistics.total + progress.n_hidden == 0:
        return None
    hidden = f"{hidden_text(progress)} hidden." if progress.n_hidden else ""
    if statistics.total == 0:
        return Notice("No place is listed", hidden)
    parts = [summary_text(statistics), counted(progress.n_edits, "edit")]
    if progress.n_images > 1:
        parts.insert(0, f"{progress.n_done} of {progress.n_images} {progress.unit}s done")
    parts.append(f"{100 * statistics.mass_share:.0f} % of the uncertainty reviewed")
    return Notice("End of the queue", " ".join(filter(None, (" · ".join(parts) + ".", hidden))))


def folder_text(progress: FolderProgress, image: int, name: str) -> str:
    """Where in a folder or a stack one is, e.g. "Image 2 of 22: C04 · 5 done · 12 edits".

    Parameters
    ----------
    progress : FolderProgress
        How far all images are.
    image : int
        Index of the image.
    name : str
        Its name.
    """
    edits = counted(progress.n_edits, "edit")
    where = f"{progress.unit.capitalize()} {image + 1} of {progress.n_images}"
    return f"{where}: {short_name(name)} · {progress.n_done} done · {edits}"


def summary_text(statistics: ReviewStatistics) -> str:
    """What became of the places, e.g. "40 accepted, 12 settled by an edit, 5 open"."""
    counts = {
        "accepted": statistics.accepted,
        "settled by an edit": statistics.touched,
        "flagged": statistics.flagged,
        "skipped": statistics.skipped,
        "open": statistics.open,
    }
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)
