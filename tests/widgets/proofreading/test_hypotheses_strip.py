"""The hypotheses strip: pictures with votes, adopted by click or digit."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QColor, QKeyEvent
from qtpy.QtWidgets import QLabel

from napari_probinst.core.curation.edits import Delete, Merge, Shrink
from napari_probinst.core.curation.proposals import proposals
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import InstanceSet, Peak
from napari_probinst.core.prediction import Prediction
from napari_probinst.widgets.label_view import PALETTE
from napari_probinst.widgets.proofreading import hypotheses
from napari_probinst.widgets.proofreading.hypotheses import MOST, HypothesesStrip
from napari_probinst.widgets.proofreading.hypothesis_card import (
    LEAST_SIDE,
    PICTURE_SIDE,
    HypothesisCard,
)


class Chooser:
    """Somebody in front of the strip alone; what they adopt is applied at once."""

    def __init__(self, qtbot, session, image=None):
        self.qtbot, self.session, self.image = qtbot, session, image
        self.adopted = []
        self.strip = HypothesesStrip()
        self.strip.adopted.connect(self.adopt)
        # Keeps us alive until the strip is closed: a widget that is collected as garbage while Qt
        # paints it is a crash.
        qtbot.addWidget(self.strip, before_close_func=lambda _strip: self.adopted.clear())
        self.strip.resize(400, 240)
        self.strip.show()
        self.follow()

    def adopt(self, proposal):
        self.adopted.append(proposal)
        self.session.apply(proposal.edit(self.session.instances))
        self.follow()

    def follow(self):
        self.strip.show_session(self.session, self.image)

    def press(self, key):
        self.qtbot.keyClick(self.strip, key)

    @property
    def cards(self):
        cards = self.strip.findChildren(HypothesisCard)
        return [card for card in cards if not card.isHidden()]

    @property
    def hint(self):
        return self.strip.findChild(QLabel, "hypotheses_hint").text()


@pytest.fixture
def chooser(qtbot, make_prediction):
    prediction = make_prediction()
    image = np.arange(64 * 96, dtype=np.float32).reshape(64, 96)
    return Chooser(qtbot, CurationSession(prediction), image)


def colours_in(card):
    """Which colours of the palette a card's picture has."""
    image = card.grab().toImage()
    pixels = {
        QColor(image.pixel(x, y)).name().upper()
        for y in range(image.height())
        for x in range(image.width())
    }
    return pixels & set(PALETTE)


def test_opinions_with_their_votes(chooser):
    first, second = chooser.cards
    assert (first.text(), second.text()) == ("6 of 8", "2 of 8")
    assert first.toolTip().startswith("6 of 8 draws see two instances, cut at")
    assert second.toolTip() == "2 of 8 draws see one instance. Click, or press 2, to adopt it."
    # All draws but two see what is there now; their outlines, however, are the same.
    assert (first.is_current, second.is_current) == (True, False)
    assert chooser.hint == "2 hypotheses: click to adopt"


def test_one_opinion_that_is_so_already_is_no_offer(chooser, make_prediction):
    session = CurationSession(make_prediction())
    # Where the crossing bar is longer or shorter, all draws are of one opinion.
    session.position = next(
        place
        for place, peak in enumerate(session.peaks)
        if len(proposals(session.prediction, peak)) == 1
    )
    chooser.strip.show_session(session, None)
    (card,) = [each for each in chooser.cards if each.isVisibleTo(chooser.strip)]
    assert card.is_current
    assert chooser.hint == "One hypothesis: as it is now"
    assert card.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_objects_have_the_colours_of_the_canvas(chooser):
    ids = sorted(chooser.strip._proposals[0].ids)
    two, one = (colours_in(card) for card in chooser.cards)
    assert two == {PALETTE[identifier % len(PALETTE)] for identifier in ids}
    assert len(one) == 1
    assert one < two


def test_click_adopts_and_marks_what_is_now(chooser):
    chooser.qtbot.mouseClick(chooser.cards[1], Qt.MouseButton.LeftButton)
    assert [proposal.votes for proposal in chooser.adopted] == [2]
    assert [card.is_current for card in chooser.cards] == [False, True]
    assert len(chooser.session.instances) == 3
    # Adopting what is there already does nothing.
    chooser.qtbot.mouseClick(chooser.cards[1], Qt.MouseButton.LeftButton)
    assert len(chooser.adopted) == 1
    chooser.session.undo()
    chooser.follow()
    assert [card.is_current for card in chooser.cards] == [True, False]


def test_what_is_closest_to_now_is_marked_where_nothing_equals_it(chooser):
    def marked():
        return [card.is_closest for card in chooser.cards]

    assert marked() == [False, False]  # the first one is as it is now
    for identifier in (1, 2):
        chooser.session.apply(Shrink(identifier))
    chooser.follow()
    assert not any(card.is_current for card in chooser.cards)
    assert marked() == [True, False]
    assert "Closest to what you have now. Click" in chooser.cards[0].toolTip()
    chooser.session.apply(Merge((1, 2)))
    chooser.follow()
    assert marked() == [False, True]
    chooser.session.apply(Delete((1,)))
    chooser.follow()
    assert marked() == [False, False]
    # It is an offer all the same.
    chooser.session.undo()
    chooser.follow()
    chooser.qtbot.mouseClick(chooser.cards[1], Qt.MouseButton.LeftButton)
    assert [card.is_current for card in chooser.cards] == [False, True]


def test_digits_adopt(chooser):
    chooser.press(Qt.Key.Key_3)
    chooser.press(Qt.Key.Key_1)
    assert chooser.adopted == []
    chooser.press(Qt.Key.Key_2)
    chooser.press(Qt.Key.Key_2)
    assert [proposal.votes for proposal in chooser.adopted] == [2]


@pytest.mark.parametrize(
    ("key", "text", "kept"),
    [
        (Qt.Key.Key_N, "n", False),
        (Qt.Key.Key_0, "0", False),
        (Qt.Key.Key_Return, "\r", False),
        # napari's tools are chosen by digits: also those without a hypothesis stay here.
        (Qt.Key.Key_9, "9", True),
    ],
)
def test_other_keys_are_left_to_the_canvas(chooser, key, text, kept):
    event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, text)
    chooser.strip.keyPressEvent(event)
    assert event.isAccepted() is kept


def test_focus_is_said(chooser):
    chooser.strip.activateWindow()
    chooser.strip.setFocus()
    chooser.qtbot.waitUntil(chooser.strip.hasFocus)
    assert chooser.hint == "2 hypotheses: press 1 or 2 to adopt"
    chooser.strip.clearFocus()
    assert chooser.hint == "2 hypotheses: click to adopt"


@pytest.mark.parametrize("error", [OSError("the disk is gone"), ValueError("no such chunk")])
def test_an_image_that_cant_be_read_any_more_is_grey(chooser, error):
    class Gone:
        shape = (64, 96)

        def __getitem__(self, _key):
            raise error

    chooser.image = None
    chooser.follow()
    plain = [card.grab().toImage() for card in chooser.cards]
    chooser.image = Gone()
    chooser.follow()
    assert [card.grab().toImage() for card in chooser.cards] == plain


def test_nothing_is_computed_anew_without_need(chooser, monkeypatch):
    calls = []

    def count(*args):
        calls.append(args)
        return ()

    monkeypatch.setattr(hypotheses, "proposals", count)
    monkeypatch.setattr(HypothesesStrip, "_draw", count)
    chooser.follow()
    assert calls == []
    chooser.session.position = 1
    chooser.follow()
    assert len(calls) == 2
    chooser.session.decide(1, "accepted")
    chooser.follow()
    assert len(calls) == 3


def test_no_place_has_no_hypotheses(qtbot, make_prediction):
    chooser = Chooser(qtbot, CurationSession(make_prediction(certain=True)))
    assert chooser.cards == []
    assert chooser.hint == "No place: no hypotheses."
    chooser.press(Qt.Key.Key_1)
    assert chooser.adopted == []


def test_more_opinions_than_keys(qtbot):
    """Eleven draws see none, the first, the first two, ... all of ten bars."""
    bars = [np.arange(40)[None] // 4 == number for number in range(10)]
    draws = [InstanceSet.from_masks(bars[:count], (1, 40)) for count in range(11)]
    instances = agglomerate(draws)
    peak = Peak(0, 20, tuple(range(10)), 0.6, 9.0, 1, "spurious", "")
    chooser = Chooser(qtbot, CurationSession(Prediction("well", instances, (peak,))))
    assert len(chooser.cards) == MOST
    assert chooser.hint == "11 hypotheses: click to adopt (2 rarer ones not shown)"


def test_height_stays_whatever_is_shown(chooser):
    before = chooser.strip.sizeHint().height()
    chooser.strip.show_nothing()
    assert chooser.strip.sizeHint().height() == before


def test_pictures_follow_lines_of_text_above_but_not_a_layout_that_settles(chooser):
    strip, card = chooser.strip, chooser.cards[0]
    strip.fit_into(strip.end - 20)
    before = card.side
    assert before == PICTURE_SIDE - 20
    # However little it is: a picture that would be cut off gives way, and stays so.
    strip.move(0, 2)
    assert card.side == before
    chooser.qtbot.waitUntil(lambda: card.side == before - 2)
    strip.move(0, 0)
    chooser.qtbot.wait(20)
    assert card.side == before - 2
    strip.move(0, 18)
    assert card.side == before - 2
    chooser.qtbot.waitUntil(lambda: card.side == before - 18)
    strip.move(0, 500)
    chooser.qtbot.waitUntil(lambda: card.side == LEAST_SIDE)
    assert strip.shrunk == PICTURE_SIDE - LEAST_SIDE
