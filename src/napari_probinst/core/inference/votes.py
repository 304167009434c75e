"""What the draws say of a place in doubt: the likely error, and the votes in words."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.inference.opinions import opinions, surely_one_opinion
from napari_probinst.core.inference.place import instances_beside, views_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.instances import Instance, ProbabilisticInstances

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Witness:
    """Says what the draws see where instances are in doubt."""

    def __init__(
        self, instances: ProbabilisticInstances, threshold: float, existence: float = 0.0
    ) -> None:
        self._instances = instances
        self._threshold, self._existence = threshold, existence
        self._beside = cache(partial(instances_beside, instances))
        self._known: dict[tuple[int, ...], tuple[str, str]] = {}

    def testify(self, involved: tuple[int, ...]) -> tuple[str, str]:
        """Kind of the likely error, and the votes in words."""
        key = tuple(sorted(involved))
        if key not in self._known:
            self._known[key] = (self._kind(key), self._reason(key))
        return self._known[key]

    def _reason(self, involved: tuple[int, ...]) -> str:
        asked = sorted(frozenset().union(*map(self._beside, involved)))
        views = views_at(self._instances, asked)
        if len(asked) == 1:  # nearly all, and the draws need not be compared with one another
            n_pixels = int(np.count_nonzero(self._instances.instances[asked[0]].counts))
            if surely_one_opinion(views, n_pixels):
                return _unanimous(1, len(views))
        return votes_in_words(views)

    def _kind(self, involved: tuple[int, ...]) -> str:
        doubtful = self._doubtful(involved)
        if doubtful is None:
            shown = all(self._is_predicted(index) for index in involved)
            return "contour" if shown else "missed"
        elsewhere = self._belongs_to_another(doubtful, involved)
        if self._is_predicted(doubtful):
            return "split" if elsewhere else "spurious"
        return "merge" if elsewhere else "missed"

    def _doubtful(self, involved: tuple[int, ...]) -> int | None:
        """Instance whose existence the draws are most divided about, if any."""
        n_draws = self._instances.n_draws
        votes = {index: self._instances.instances[index].votes for index in involved}
        divided = [index for index in involved if votes[index] < n_draws]
        return min(divided, key=lambda index: abs(2 * votes[index] - n_draws), default=None)

    def _is_predicted(self, index: int) -> bool:
        return self._instances.instances[index].area(self._threshold, self._existence) > 0

    def _belongs_to_another(self, doubtful: int, involved: tuple[int, ...]) -> bool:
        """Whether draws without the doubtful instance give its pixels to another one.

        If so, the draws see the same pixels as one object or as two; otherwise they see an
        object or background.
        """
        instance = self._instances.instances[doubtful]
        counts = instance.counts.astype(np.int64)
        # Where no pixel is common to half of the votes, the commonest stand for the instance.
        body = counts >= min(instance.votes / 2, counts.max(initial=0))
        shares = []
        for index, draw in enumerate(self._instances.draws):
            if instance.matches[index] is not None:
                continue
            covered = np.zeros_like(body)
            for other in involved:
                match = self._instances.instances[other].matches[index]
                if match is not None:
                    covered |= draw.instances[match].crop(instance.bbox)
            shares.append(np.count_nonzero(covered & body) / np.count_nonzero(body))
        return float(np.mean(shares)) >= 0.5


def number_word(number: int) -> str:
    """Number of instances in words up to ten, then in digits; "no" for 0."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def votes_in_words(views: Sequence[Sequence[Instance]]) -> str:
    """What the draws see at a place, e.g. "5 of 8 draws see one instance here, 3 see two".

    The votes are those of the draws' `opinions`, in their order.

    Parameters
    ----------
    views : sequence of sequence of Instance, length n_draws
        For each draw what it sees there.
    """
    n_draws = len(views)
    clauses: list[str] = []
    told: set[int] = set()
    for draws in opinions(views):
        number, n_votes = len(views[draws[0]]), len(draws)
        if n_votes == n_draws:
            return _unanimous(number, n_draws)
        word, otherwise = number_word(number), " differently" if number in told else ""
        told.add(number)
        if clauses:
            clauses.append(f"{n_votes} {_see(n_votes)} {word if number else 'none'}{otherwise}")
        else:
            clauses.append(f"{n_votes} of {n_draws} draws {_see(n_votes)} {word} {_noun(number)}")
    return ", ".join(clauses)


def _unanimous(number: int, n_draws: int) -> str:
    if n_draws == 1:
        return f"the only draw sees {number_word(number)} {_noun(number)}"
    draws = "both draws" if n_draws == 2 else f"all {n_draws} draws"
    outlines = "their outlines differ" if number > 1 else "its outline differs"
    return f"{draws} see {number_word(number)} {_noun(number)}, {outlines}"


def _noun(number: int) -> str:
    return "instances here" if number > 1 else "instance here"


def _see(n_votes: int) -> str:
    return "sees" if n_votes == 1 else "see"
