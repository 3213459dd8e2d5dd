"""Every reason and verdict has Swedish and English words."""

from collections.abc import Sequence
from enum import Enum

import pytest

from gateway.control.state import SessionPhase
from gateway.ids import FuseId
from gateway.publish import words
from gateway.publish.commands import Refusal
from gateway.publish.refusal_words import REFUSALS
from gateway.publish.shown import SHOWN_OF_PHASE, ShownState
from gateway.publish.words import Language, reason
from gateway.quantities import Phase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.wishes import EndKind

TABLES: list[tuple[type[Enum], Sequence[tuple[Enum, tuple[str, str]]]]] = [
    (Why, list(words.REASONS.items())),
    (Freshness, list(words.FRESHNESS.items())),
    (EndKind, list(words.ENDINGS.items())),
    (ShownState, list(words.SHOWN.items())),
    (Refusal, list(REFUSALS.items())),
]


@pytest.mark.parametrize(("kind", "table"), TABLES, ids=[kind.__name__ for kind, _ in TABLES])
def test_every_member_has_words_in_both_languages(
    kind: type[Enum], table: Sequence[tuple[Enum, tuple[str, str]]]
) -> None:
    assert {member for member, _ in table} == set(kind)
    for _, pair in table:
        assert all(text.strip() == text and text for text in pair)


@pytest.mark.parametrize("why", list(Why))
@pytest.mark.parametrize("language", list(Language))
def test_a_reason_is_one_short_sentence_with_and_without_its_figures(why: Why, language: Language) -> None:
    bare = reason(Because(why), language)
    full = reason(Because(why, FuseId("main"), Phase.L2, 3.4, 90.0), language, 60.0)
    for text in (bare, full):
        assert 0 < len(text) <= 80
        assert "{" not in text
        assert text[0].isupper()


def test_a_waiting_car_is_told_which_fuse_phase_lacks_how_much() -> None:
    because = Because(Why.QUEUED, FuseId("huvud"), Phase.L2, 3.4)
    assert reason(because, Language.SV) == "Väntar: säkring huvud, fas L2 saknar 3,4 A"
    assert reason(because, Language.EN) == "Waiting: fuse huvud, phase L2 lacks 3.4 A"


def test_every_figure_of_a_reason_is_said() -> None:
    for why in (Why.FUSE_BINDS, Why.QUEUED, Why.OVERLOAD):
        for language in Language:
            text = reason(Because(why, FuseId("main"), Phase.L3, 17.25), language)
            assert "main" in text
            assert "L3" in text
            assert words.decimal(17.25, 1, language) in text


@pytest.mark.parametrize(
    "why",
    [
        Why.QUEUED,
        Why.QUEUED_MINIMUM,
        Why.QUEUED_EQUAL,
        Why.QUEUED_PRIORITY,
        Why.QUEUED_DEPARTURE,
        Why.ROOM_LOST,
        Why.EXTERNAL_LIMIT,
    ],
)
@pytest.mark.parametrize("language", list(Language))
def test_who_waits_for_room_is_told_fuse_phase_amperes_and_until_when(why: Why, language: Language) -> None:
    text = reason(Because(why, FuseId("main"), Phase.L3, 6.5, until_s=160.0), language, 100.0)
    assert "main" in text
    assert "L3" in text
    assert words.decimal(6.5, 1, language) in text
    assert "60 s" in text or why is Why.ROOM_LOST


@pytest.mark.parametrize(
    ("left_s", "said"),
    [(600.0, "600 s kvar"), (1801.0, "31 min kvar"), (7200.0, "120 min kvar"), (82_800.0, "23 h kvar")],
)
def test_a_long_time_is_told_in_minutes_or_hours(left_s: float, said: str) -> None:
    assert reason(Because(Why.PRICE_WAITS, until_s=left_s), Language.SV, 0.0).endswith(said)


def test_time_left_is_said_only_when_now_is_known_and_never_negative() -> None:
    because = Because(Why.MINIMUM_OFF, until_s=100.0)
    assert reason(because, Language.SV, 58.0).endswith("42 s kvar")
    assert reason(because, Language.SV, 158.0).endswith("0 s kvar")
    assert "kvar" not in reason(because, Language.SV)


def test_every_session_phase_is_shown_as_something() -> None:
    assert set(SHOWN_OF_PHASE) == set(SessionPhase)
