"""The electrician reads what to do, what was found, and what to mend, in Swedish and in English."""

import string

import pytest

from gateway.ids import SocketId
from gateway.publish.commission_words import (
    REMEDIES,
    SAYINGS,
    VERDICTS,
    Finding,
    Verdict,
    finding_table,
    finding_text,
    saying,
)
from gateway.publish.words import Language
from gateway.quantities import Phase
from tests.control.planned_site import fuse, plain, site, wallbox

SITE = site(wallbox("one", on="garage"), plain("two"), fuses=(fuse(), fuse("garage", 16.0, parent="main")))
ONE = SocketId("one")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_verdict_and_every_line_has_words_in_both_languages() -> None:
    assert set(VERDICTS) == set(REMEDIES) == set(Verdict)
    for swedish, english in (*VERDICTS.values(), *SAYINGS.values()):
        assert swedish
        assert english
        assert fields(swedish) == fields(english)
    assert all(bool(swedish) == bool(english) for swedish, english in REMEDIES.values())


@pytest.mark.parametrize(
    ("language", "words"),
    [(Language.SV, ("KORSAD", "9,5 A", "lås upp")), (Language.EN, ("CROSSED", "9.5 A", "unlock"))],
)
def test_a_finding_is_a_sentence_with_what_to_do(language: Language, words: tuple[str, ...]) -> None:
    finding = Finding(ONE, Verdict.CROSSED, (SocketId("two"),), ((Phase.L2, 9.51),), "Because.")
    text = finding_text(finding, language)
    assert all(word in text for word in (*words, "two", "L2", "Because. "))
    assert ".." not in text


def test_the_table_names_fuses_from_the_main_down_meter_and_session() -> None:
    finding = Finding(ONE, Verdict.RIGHT, session="0123456789ab")
    table = finding_table(SITE, {ONE: "4711"}, [finding, Finding(SocketId("two"), Verdict.NOTHING)], Language.EN)
    assert table.rows[0] == ("one", "main 20 A > garage 16 A", "4711", "Right meter", "–", "01234567")
    assert table.rows[1] == ("two", "main 20 A", "–", "No meter moved", "–", "–")
    assert all(len(row) == len(table.heads) for row in table.rows)


def test_a_line_says_which_socket_it_means() -> None:
    assert saying("plug_car", Language.EN, place="one", label="Plats 1").startswith("one: plug a car into Plats 1")
