"""The hypotheses strip: what the draws see at a place, as pictures with votes, to be adopted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QScrollBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_probinst.core.curation.proposals import closest, proposals
from napari_probinst.core.curation.thumbnails import Backdrop, field_of_view
from napari_probinst.core.data.raster import refusing_damage
from napari_probinst.core.errors import EditRefusedError, InputError
from napari_probinst.widgets.label_view import PALETTE
from napari_probinst.widgets.proofreading.hypothesis_card import (
    LEAST_SIDE,
    PICTURE_SIDE,
    HypothesisCard,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QFocusEvent, QKeyEvent, QMoveEvent, QShowEvent

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.curation.edits import AdoptDraw
    from napari_probinst.core.curation.proposals import Proposal
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.curation.thumbnails import Colour

#: Hypotheses that are shown at most: one for each key from 1 to 9.
MOST = 9
#: Room between what is said and the pictures, pixels.
_SPACING = 2
#: Moves that no line of text causes, pixels.
_LEEWAY = 4
#: A height that needs no picture to shrink, pixels.
_ENOUGH = 10_000


class HypothesesStrip(QWidget):
    """Thumbnails of the draws' distinct hypotheses about the current peak, most votes first.

    A click adopts one; so do the keys 1 to 9 while the strip has the focus, which a click or Tab
    gives it. Other keys are left to the canvas.

    Attributes
    ----------
    adopted : Signal of Proposal
        A proposal was chosen; never one that equals the current state.
    """

    adopted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._proposals: tuple[Proposal, ...] = ()
        self._place: tuple[CurationSession | None, int | None] = (None, None)
        self._drawn: tuple[Any, ...] | None = None
        #: Height that is seen of the column that we are in, pixels; at first there is enough.
        self._room = _ENOUGH
        #: Where we were in it when the pictures were fitted.
        self._fitted_at = 0
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._fit)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(_SPACING)
        self._hint = QLabel()
        self._hint.setObjectName("hypotheses_hint")
        layout.addWidget(self._hint)
        layout.addWidget(self._build_cards())
        self.show_nothing()

    def show_nothing(self) -> None:
        """Show that there is no place to have hypotheses about."""
        self._proposals, self._place, self._drawn = (), (None, None), None
        for card in self._cards:
            card.hide()
        self._say()

    def show_session(
        self,
        session: CurationSession,
        image: Any | None = None,
        colours: Mapping[int, int] | None = None,
    ) -> None:
        """Show the hypotheses about the current peak; cheap where nothing has changed.

        Parameters
        ----------
        session : CurationSession
            Its current peak and instances.
        image : array of shape (height, width), optional
            What is behind the outlines; only a small part is read. The same object each time,
            or the pictures are drawn anew.
        colours : mapping of int to int, optional
            Place in the palette of instances that have one of their own, by id.
        """
        position = session.position
        if position is None:
            self.show_nothing()
            return
        if self._place[0] is not session or self._place[1] != position:
            self._place = (session, position)
            self._proposals = proposals(session.prediction, session.peaks[position])
            self._bar.setValue(0)
        drawn = (session, position, session.undo_step, image)
        if self._drawn is None or any(a is not b for a, b in zip(drawn, self._drawn, strict=True)):
            self._drawn = drawn
            self._draw(session, image, colours or {})
            self._say()

    def choose(self, index: int) -> None:
        """Adopt a hypothesis by its place in the strip, unless it equals the current state."""
        if index < min(len(self._proposals), MOST) and not self._cards[index].is_current:
            self.adopted.emit(self._proposals[index])

    def _draw(
        self, session: CurationSession, image: Any | None, colours: Mapping[int, int]
    ) -> None:
        position = self._place[1]
        if position is None:
            return
        peak, side = session.peaks[position], session.prediction.settings.patch
        place = (peak.y, peak.x, peak.y + side, peak.x + side)
        shown = self._proposals[:MOST]
        # All hypotheses are about one scene: the page is searched once for what lies in it.
        present = shown[0].scene.present(session.instances) if shown else {}
        edits = [proposal.edit(present) for proposal in shown]
        boxes = [instance.bbox for edit in edits for instance in edit.taken]
        field = field_of_view(boxes, place, session.shape)
        beside = _beside(session, field, edits)
        try:
            with refusing_damage(Path(session.prediction.name), "image"):
                backdrop = Backdrop.create(image, field, PICTURE_SIDE, beside)
        except InputError:
            # A lazy image whose file is gone or damaged: the queue goes on without it.
            backdrop = Backdrop.create(None, field, PICTURE_SIDE, beside)
        current = [_is_current(session, edit) for edit in edits]
        like_now = None if any(current) else closest(shown, tuple(present.values()))
        for number, card in enumerate(self._cards):
            if number < len(shown):
                edit = edits[number]
                picture = backdrop.draw(edit.taken, _colours(session, edit, colours), place)
                card.show_hypothesis(
                    shown[number],
                    picture,
                    is_current=current[number],
                    is_closest=number == like_now,
                )
            card.setVisible(number < len(shown))

    def _say(self) -> None:
        """Say what the strip is for now."""
        count = len(self._proposals)
        keys = ("1", "1 or 2")[count - 1] if 0 < count <= 2 else f"1 to {min(count, MOST)}"
        hypotheses = "One hypothesis" if count == 1 else f"{count} hypotheses"
        rarer = f" ({count - MOST} rarer ones not shown)" if count > MOST else ""
        if count == 0:
            text = "No place: no hypotheses."
        elif self.hasFocus():
            text = f"{hypotheses}: press {keys} to adopt{rarer}"
        else:
            text = f"{hypotheses}: click to adopt{rarer}"
        if count == 1 and self._cards[0].is_current:
            text = f"{hypotheses}: as it is now"
        self._hint.setText(text)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Adopt by digit; napari's own meaning of digits must not come through meanwhile."""
        if event is None:
            return
        digit = event.text()
        bare = event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        )
        if not (bare and digit and digit in "123456789"):
            event.ignore()
        elif not event.isAutoRepeat():
            self.choose(int(digit) - 1)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Say that the keys are ready."""
        super().focusInEvent(event)
        self._say()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Say that they are not."""
        super().focusOutEvent(event)
        self._say()

    def _build_cards(self) -> QScrollArea:
        inner = QWidget()
        row = QHBoxLayout(inner)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self._cards = tuple(HypothesisCard(number) for number in range(1, MOST + 1))
        for number, card in enumerate(self._cards):
            card.clicked.connect(lambda _checked=False, number=number: self.choose(number))
            row.addWidget(card, alignment=Qt.AlignmentFlag.AlignTop)
        row.addStretch(1)
        self._bar = QScrollBar(Qt.Orientation.Horizontal)
        self._scroll = QScrollArea()
        self._scroll.setHorizontalScrollBar(self._bar)
        self._scroll.setObjectName("hypotheses")
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(inner)
        return self._scroll

    def showEvent(self, event: QShowEvent | None) -> None:
        """Give the cards the height that the font asks for."""
        super().showEvent(event)
        self._fit()

    def moveEvent(self, event: QMoveEvent | None) -> None:
        """Fit anew where there is a line more or less to read above, once that is in its place.

        A layout on its way to another height moves its parts back and forth: a strip that
        followed at once would have it change the height again, without end.
        """
        super().moveEvent(event)
        if abs(self.y() - self._fitted_at) > _LEEWAY or self._is_cut_off:
            self._later.start(0)

    @property
    def _is_cut_off(self) -> bool:
        """Whether the cards end beyond what is seen, though their pictures can shrink."""
        side = self._cards[0].side
        return side > LEAST_SIDE and self._above + self._around + side > self._room

    @property
    def shrunk(self) -> int:
        """By how much the pictures are lower than they would like to be, pixels."""
        return PICTURE_SIDE - self._cards[0].side

    @property
    def end(self) -> int:
        """Where in the column the cards would end with pictures of full size, pixels."""
        return self._above + self._around + PICTURE_SIDE

    def fit_into(self, height: int) -> None:
        """Have the cards in the first ``height`` pixels of the column, as far as they can shrink.

        The scroll bar below them may be beyond.
        """
        self._room = height
        self._fit()

    def _fit(self) -> None:
        self._fitted_at = self.y()
        side = min(max(self._room - self._above - self._around, LEAST_SIDE), PICTURE_SIDE)
        if side != self._cards[0].side:
            for card in self._cards:
                card.side = side
        # One height, however many there are: nothing below may move under the pointer.
        height = self._around + side + self._bar.sizeHint().height()
        self._scroll.setFixedHeight(height + 2 * self._frame)

    @property
    def _frame(self) -> int:
        return self._scroll.contentsMargins().top()

    @property
    def _above(self) -> int:
        """Height of the column above the cards, pixels."""
        return self.y() + self._hint.sizeHint().height() + _SPACING + self._frame

    @property
    def _around(self) -> int:
        """Height of a card without its picture, pixels."""
        return self._cards[0].sizeHint().height() - self._cards[0].side


def _is_current(session: CurationSession, edit: AdoptDraw) -> bool:
    """Whether adopting would change nothing."""
    try:
        session.preview(edit)
    except EditRefusedError:
        return True
    return False


def _beside(session: CurationSession, field: BBox, edits: list[AdoptDraw]) -> list[Any]:
    """Current instances in view that no hypothesis would replace."""
    replaced = {identifier for edit in edits for identifier in edit.replaced}
    return [
        session.instances[identifier]
        for identifier in session.instances_within(field)
        if identifier not in replaced
    ]


def _colours(session: CurationSession, edit: AdoptDraw, chosen: Mapping[int, int]) -> list[Colour]:
    """Colours of a draw's instances: those of the current instances that they are most like.

    So an object looks the same in all pictures and on the canvas; what is new gets a colour that
    is left.
    """
    places: list[int | None] = []
    left = set(edit.replaced)
    for instance in edit.taken:
        common = {each: instance.intersection(session.instances[each]) for each in sorted(left)}
        like = max(common, key=lambda each: common[each], default=None)
        place = None
        if like is not None and common[like] > 0:
            left.remove(like)
            place = chosen.get(like, like % len(PALETTE))
        # In one picture no two look the same, as far as the palette goes.
        places.append(None if place in places else place)
    spare = (place for place in range(len(PALETTE)) if place not in places)
    filled = [next(spare, 0) if place is None else place for place in places]
    return [_rgb(PALETTE[place]) for place in filled]


def _rgb(name: str) -> Colour:
    colour = QColor(name)
    return (colour.red(), colour.green(), colour.blue())
