"""People are told on which phases a socket was seen, and never more certainty than there is."""

import json

import pytest

from gateway.control.phase_evidence import PhaseEvidence, PhaseVerdict
from gateway.ids import SocketId
from gateway.publish.board import plain_text
from gateway.publish.discovery import discovery_topics
from gateway.publish.phase_words import REMARKS, VERDICTS, confidence, phase_facts, phase_table
from gateway.publish.words import Language
from gateway.quantities import Phase
from tests.control.planned_site import plain, site, wallbox

CROSSED = PhaseEvidence((-20.0, -20.0, 0.0), steps=7, balanced=2, named=True)
ONE = wallbox("one", phases=(Phase.L1,))
SITE = site(ONE, wallbox("three"), plain("blind", metered=False))


def test_every_verdict_has_words_in_both_languages() -> None:
    assert set(VERDICTS) == set(REMARKS) == set(PhaseVerdict)
    assert all(all(pair) for pair in VERDICTS.values())


@pytest.mark.parametrize(("language", "words"), [(Language.SV, "Fel fas"), (Language.EN, "Wrong phase")])
def test_the_table_has_a_row_for_each_socket_with_a_meter(language: Language, words: str) -> None:
    table = phase_table(SITE, {SocketId("one"): CROSSED}, language)
    assert [row[0] for row in table.rows] == ["one", "three"]
    crossed, nothing = table.rows
    assert crossed[1:3] == ("L1", "L3")
    assert crossed[3].startswith(words)
    assert crossed[4] == ("99,9" if language is Language.SV else "99.9")
    assert crossed[5:8] == ("7", "2", "0")
    assert nothing[1:3] == ("L1 L2 L3", "– – –")
    assert all(len(row) == len(table.heads) for row in table.rows)
    assert words in plain_text([table])


def test_no_confidence_is_ever_called_certain() -> None:
    proven = PhaseEvidence((0.0, -20.0, -20.0), steps=500)
    assert confidence(ONE, proven) == 0.999
    assert confidence(ONE, PhaseEvidence.none(1)) == pytest.approx(1 / 3)
    assert confidence(ONE, CROSSED) == 0.999


def test_the_topic_says_what_was_seen_and_null_where_nothing_was() -> None:
    facts = phase_facts(SITE.sockets[SocketId("three")], None)
    assert facts["phases"] == "unproven"
    assert facts["phases_seen"] == (None, None, None)
    assert facts["phases_confidence"] == pytest.approx(1 / 3, abs=0.001)
    assert phase_facts(SITE.sockets[SocketId("blind")], None)["phases"] is None


def test_home_assistant_shows_the_phases_of_sockets_with_a_meter_as_a_diagnosis() -> None:
    texts = discovery_topics(SITE, Language.SV, "1", "homeassistant")
    shown = {topic.split("_")[-1].split("/")[0]: json.loads(text)["cmps"] for topic, text in texts.items()}
    entity = next(one for key, one in shown["one"].items() if "phases" in key)
    assert entity["ent_cat"] == "diagnostic"
    assert entity["ops"] == [verdict.value for verdict in PhaseVerdict]
    assert not any("phases" in key for key in shown["blind"])
