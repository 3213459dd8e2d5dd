"""Every attack on signed records that public verifiers let through, or fall over, is refused by `laddvakt verify`.

The cases are those that the OCMF format's security notes and the behaviour of the three public verifiers suggest; each
has the exit code, the reason and its words in both languages.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from gateway.cli import verify
from gateway.clock import UtcTrust
from gateway.ids import SessionId, Token
from gateway.metering.keys import P256_ORDER
from gateway.metering.ocmf import MeterIdentity, Page, payload_hash, record_text
from gateway.metering.safe_xml import safe_xml
from gateway.metering.verdicts import Reason
from gateway.publish.verdict_words import REASON_WORDS
from tests.metering.records import Pen, at, begin_text, end_text, pair_texts

PEN, FORGER = Pen(), Pen()
RED, YELLOW, GREY = 2, 1, 4
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@dataclass(frozen=True)
class Attack:
    """What a forger hands in, and what he must hear."""

    name: str
    file: Callable[[], str | bytes]
    code: int
    reason: Reason
    whole_key: bool = False


def lines(*payloads: str, pen: Pen = PEN) -> str:
    return "".join(f"{pen.record(text)}\n" for text in payloads)


def xml(*payloads: str, pen: Pen = PEN, key: str = PEN.public.hex) -> str:
    begin, end = (pen.record(text) for text in payloads)
    return safe_xml(1, begin, end, key)


def pair_with(there: str, here: str) -> tuple[str, str]:
    """A right pair with that text changed in the end record before it was signed."""
    first, last = pair_texts()
    assert there in last
    return first, last.replace(there, here)


def pair_both(there: str, here: str) -> tuple[str, str]:
    """The same in both records, the chain kept whole."""
    first, last = pair_texts()
    changed = first.replace(there, here)
    return changed, last.replace(there, here).replace(payload_hash(first), payload_hash(changed))


def malleated() -> str:
    first, last = pair_texts()
    r, s = decode_dss_signature(PEN.der(last))
    return f"{PEN.record(first)}\n{record_text(last, encode_dss_signature(r, P256_ORDER - s))}\n"


def replayed_malleated() -> str:
    """The same end once as it was signed and once with the other valid signature over the same bytes."""
    first, last = pair_texts()
    return lines(first, last) + malleated().splitlines()[1] + "\n"


def replayed_as_another_session() -> str:
    """Yesterday's session handed in again under another transaction number."""
    begin, end = (PEN.record(text) for text in pair_texts())
    once = safe_xml(1, begin, end, PEN.public.hex)
    again = safe_xml(2, begin, end, PEN.public.hex)
    return once.replace("</values>\n", "") + again.partition("<values>\n")[2]


def gap() -> str:
    """Three pages of a key, the second taken out: its session is gone without a trace in any other record."""
    first, last = pair_texts()
    hidden = begin_text(Page(3, payload_hash(last)), session=SessionId("hidden"))
    end_of_hidden = end_text(Page(4, payload_hash(hidden)), session=SessionId("hidden"))
    third = begin_text(Page(5, payload_hash(end_of_hidden)), session=SessionId("third"))
    fourth = end_text(Page(6, payload_hash(third)), session=SessionId("third"))
    return lines(first, last, third, fourth)


def rewritten_history() -> str:
    """A page replaced by another one that the same key signed: the page after it names the first one."""
    first, last = pair_texts()
    other = begin_text(kwh="1240.000")
    assert payload_hash(other) != payload_hash(first)
    return lines(other, last)


def with_signature(old: str, new: str) -> str:
    first, last = pair_texts()
    record = PEN.record(last)
    assert old in record
    return f"{PEN.record(first)}\n{record.replace(old, new)}\n"


def reversed_pages() -> str:
    first = begin_text(Page(9, "00" * 32))
    return lines(first, end_text(Page(2, "00" * 32)))


ATTACKS = [
    Attack("own key embedded", lambda: xml(*pair_texts(), pen=FORGER, key=FORGER.public.hex), RED, Reason.FOREIGN_KEY),
    Attack("own key, the right one embedded", lambda: xml(*pair_texts(), pen=FORGER), RED, Reason.SIGNATURE_WRONG),
    Attack("own key, no container", lambda: lines(*pair_texts(), pen=FORGER), RED, Reason.SIGNATURE_WRONG),
    Attack("value altered", lambda: lines(*pair_texts()).replace("1242.250", "1232.250"), RED, Reason.SIGNATURE_WRONG),
    Attack("value altered in XML", lambda: xml(*pair_texts()).replace("1242.250", "12.2"), RED, Reason.SIGNATURE_WRONG),
    Attack("space added", lambda: lines(*pair_texts()).replace('"TX":"R"', '"TX": "R"'), RED, Reason.SIGNATURE_WRONG),
    Attack("zero cut off", lambda: lines(*pair_texts()).replace("1242.250", "1242.25"), RED, Reason.SIGNATURE_WRONG),
    Attack("page gap", gap, YELLOW, Reason.PAGES_MISSING, whole_key=True),
    Attack("pages reversed", reversed_pages, RED, Reason.PAGES_NOT_RISING),
    Attack(
        "page used twice", lambda: lines(*pair_texts(), begin_text(session=SessionId("2"))), RED, Reason.PAGE_REUSED
    ),
    Attack("history rewritten", rewritten_history, RED, Reason.CHAIN_BROKEN),
    Attack(
        "mixed meters",
        lambda: xml(*pair_texts(meter=MeterIdentity("Eastron", "SDM630", "1.0", "999"))),
        RED,
        Reason.OTHER_METER,
    ),
    Attack("mixed users", lambda: xml(*pair_texts(token=Token("neighbour"))), RED, Reason.OTHER_USER),
    Attack("user taken away", lambda: xml(*pair_texts(token=None)), RED, Reason.OTHER_USER),
    Attack("user trust differs", lambda: xml(*pair_with('"IS":true', '"IS":false')), RED, Reason.OTHER_USER),
    Attack("stop below start", lambda: xml(*pair_texts(kwh="1234.499")), RED, Reason.VALUE_NOT_RISING),
    Attack("stop before start", lambda: xml(*pair_texts(time=at(-1))), RED, Reason.TIME_NOT_RISING),
    Attack("another register", lambda: xml(*pair_with("B0.08", "C0.08")), RED, Reason.OTHER_REGISTER),
    Attack("another unit", lambda: xml(*pair_with('"RU":"kWh"', '"RU":"Wh"')), RED, Reason.OTHER_REGISTER),
    Attack("duplicate key", lambda: lines(*pair_with('"MS":', '"MS":"9","MS":')), RED, Reason.DUPLICATE_NAME),
    Attack("duplicate key inside", lambda: lines(*pair_with('"RV":', '"RV":9,"RV":')), RED, Reason.DUPLICATE_NAME),
    Attack(
        "duplicate key, escaped", lambda: lines(*pair_with('"MS":', '"\\u004dS":"9","MS":')), RED, Reason.DUPLICATE_NAME
    ),
    Attack("duplicate signature", lambda: with_signature('"SD"', '"SD":"00","SD"'), RED, Reason.DUPLICATE_NAME),
    Attack("s flipped", malleated, RED, Reason.SIGNATURE_MALLEATED),
    Attack("s flipped, as a second record", replayed_malleated, RED, Reason.SIGNATURE_MALLEATED),
    Attack("record replayed", lambda: lines(*pair_texts(), pair_texts()[1]), RED, Reason.REPLAYED),
    Attack("session replayed under another number", replayed_as_another_session, RED, Reason.REPLAYED),
    Attack("two ends", lambda: lines(*pair_texts(), end_text(Page(9, "0" * 64), "9999")), RED, Reason.TWO_ENDS),
    Attack("two begins", lambda: lines(*pair_texts(), begin_text(Page(9, "0" * 64))), RED, Reason.TWO_BEGINS),
    Attack("energy unusable", lambda: lines(*pair_with('"EF":""', '"EF":"E"')), YELLOW, Reason.ENERGY_UNUSABLE),
    Attack("time unusable", lambda: lines(*pair_with('"EF":""', '"EF":"t"')), YELLOW, Reason.TIME_UNUSABLE),
    Attack("meter status", lambda: lines(*pair_with('"ST":"G"', '"ST":"M"')), YELLOW, Reason.METER_STATUS),
    Attack("no meter status", lambda: lines(*pair_with(',"ST":"G"', "")), RED, Reason.FIELD_MISSING),
    Attack("user unknown", lambda: lines(*pair_both("HEARSAY", "UNKNOWN")), YELLOW, Reason.USER_NOT_ASSIGNED),
    Attack("clock unknown", lambda: lines(*pair_texts(time=at(9, UtcTrust.UNKNOWN))), YELLOW, Reason.CLOCK_NOT_TRUSTED),
    Attack("relative stop alone", lambda: lines(*pair_with("+0100 S", "+0100 R")), RED, Reason.TIME_STATES_DIFFER),
    Attack("no time state", lambda: lines(*pair_with("+0100 S", "+0100")), RED, Reason.FIELD_MISSING),
    Attack("wrong SA", lambda: with_signature("secp256r1", "secp256k1"), RED, Reason.OTHER_ALGORITHM),
    Attack("SA without hash", lambda: with_signature("-SHA256", "-NONE"), RED, Reason.OTHER_ALGORITHM),
    Attack("SD empty", lambda: f"OCMF|{begin_text()}|" + '{"SD":""}', RED, Reason.SIGNATURE_WRONG),
    Attack("r and s zero", lambda: f"OCMF|{begin_text()}|" + '{"SD":"3006020100020100"}', RED, Reason.SIGNATURE_WRONG),
    Attack("exponent in the signature", lambda: "OCMF|{}|" + '{"SD":1e' + "9" * 30 + "}", RED, Reason.NOT_OCMF),
    Attack("end missing", lambda: lines(begin_text()), YELLOW, Reason.END_MISSING),
    Attack("begin missing", lambda: lines(pair_texts()[1]), YELLOW, Reason.BEGIN_MISSING),
    Attack("signature missing", lambda: f"OCMF|{begin_text()}|", GREY, Reason.UNSIGNED),
    Attack("nothing at all", lambda: "", YELLOW, Reason.NOTHING_FOUND),
    Attack("| inside", lambda: lines(*pair_with('"MV":"Eastron"', '"MV":"East|ron"')), RED, Reason.NOT_OCMF),
    Attack(
        "public key as fourth section", lambda: lines(*pair_texts()).replace("}\n", "}|3059\n"), RED, Reason.NOT_OCMF
    ),
    Attack("NaN", lambda: lines(*pair_with("1242.250", "NaN")), RED, Reason.NOT_ASCII_JSON),
    Attack("infinite", lambda: lines(*pair_with("1242.250", "Infinity")), RED, Reason.NOT_ASCII_JSON),
    Attack("value as text", lambda: lines(*pair_with("1242.250", '"1242.250"')), RED, Reason.FIELD_MISSING),
    Attack(
        "a million digits by exponent", lambda: lines(*pair_with("1242.250", "1e999999")), RED, Reason.FIELD_MISSING
    ),
    Attack(
        "exponent beyond any decimal", lambda: lines(*pair_with("1242.250", "1e" + "9" * 30)), RED, Reason.FIELD_MISSING
    ),
    Attack("hidden decimals", lambda: lines(*pair_with("1242.250", f"1242.{'0' * 40}1")), RED, Reason.FIELD_MISSING),
    Attack("9 000 digits", lambda: lines(*pair_with("1242.250", "9" * 9000)), RED, Reason.FIELD_MISSING),
    Attack("below zero", lambda: lines(*pair_both("1234.500", "-1234.500")), RED, Reason.FIELD_MISSING),
    Attack(
        "page beyond any counter",
        lambda: lines(*pair_with('"PG":"T2"', f'"PG":"T{"9" * 99}"')),
        RED,
        Reason.FIELD_MISSING,
    ),
    Attack("letters beyond ASCII", lambda: lines(*pair_with("resident-7", "åsa")), RED, Reason.NOT_ASCII_JSON),
    Attack(
        "bytes that are no text",
        lambda: lines(*pair_texts()).encode().replace(b"resident", b"\xff\xfe\0"),
        RED,
        Reason.NOT_ASCII_JSON,
    ),
    Attack(
        "deeply nested",
        lambda: lines(*pair_with('"EF":""', '"EF":' + "[" * 9000 + "]" * 9000)),
        RED,
        Reason.FIELD_MISSING,
    ),
    Attack(
        "DOCTYPE",
        lambda: xml(*pair_texts()).replace("<values>", "<!DOCTYPE values><values>"),
        RED,
        Reason.XML_NOT_RIGHT,
    ),
    Attack(
        "external entity",
        lambda: '<!DOCTYPE v [<!ENTITY x SYSTEM "file:///etc/passwd">]><values>&x;</values>',
        RED,
        Reason.XML_NOT_RIGHT,
    ),
    Attack(
        "billion laughs",
        lambda: f'<!DOCTYPE v [<!ENTITY l0 "ha">{LAUGHS}]><values>&l9;</values>',
        RED,
        Reason.XML_NOT_RIGHT,
    ),
    Attack(
        "namespace and others' elements",
        lambda: "<x:values xmlns:x='y'><x:script/></x:values>",
        RED,
        Reason.XML_NOT_RIGHT,
    ),
    Attack(
        "value within a value", lambda: "<values><value><value>x</value></value></values>", RED, Reason.XML_NOT_RIGHT
    ),
    Attack(
        "begin and end turned round",
        lambda: xml(*pair_texts()).replace("on.Begin", "on.#").replace("on.End", "on.Begin").replace("on.#", "on.End"),
        RED,
        Reason.XML_NOT_RIGHT,
    ),
    Attack("encoded data", lambda: xml(*pair_texts()).replace('"plain"', '"base64"'), RED, Reason.XML_NOT_RIGHT),
    Attack(
        "markup in a name",
        lambda: lines(*pair_with('"MS":"12345678"', '"MS":"<script>\\u001b[2J"')),
        RED,
        Reason.OTHER_METER,
    ),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_attack_is_refused_in_the_right_words(
    attack: Attack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = attack.file()
    file = tmp_path / "handed-in"
    file.write_bytes(made if isinstance(made, bytes) else made.encode())
    for language in ("sv", "en"):
        words = [str(file), "--key", PEN.public.hex, "--language", language]
        parser = argparse.ArgumentParser()
        verify.add_arguments(parser)
        began_s = time.monotonic()
        code = verify.run(parser.parse_args([*words, "--whole-key"] if attack.whole_key else words))
        said = capsys.readouterr().out
        assert time.monotonic() - began_s < 2.0, "a file cannot keep us busy"
        assert code == attack.code, said
        assert REASON_WORDS[attack.reason][language] in said
        assert attack.reason.value in said
        assert all(sign not in said for sign in "<>&\x1b")
        assert len(said) < 20_000


def test_what_is_attacked_is_green_without_the_attack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("lines", lines(*pair_texts())), ("xml", xml(*pair_texts()))):
        file = tmp_path / name
        file.write_text(text)
        parser = argparse.ArgumentParser()
        verify.add_arguments(parser)
        assert verify.run(parser.parse_args([str(file), "--key", PEN.public.hex, "--whole-key"])) == 0
        assert "7.750 kWh" in capsys.readouterr().out


def test_energy_is_told_in_kwh_also_where_the_register_counts_wh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wh"
    file.write_text(lines(*pair_both('"RU":"kWh"', '"RU":"Wh"')))
    parser = argparse.ArgumentParser()
    verify.add_arguments(parser)
    assert verify.run(parser.parse_args([str(file), "--key", PEN.public.hex])) == 0
    assert " 0.007750 kWh" in capsys.readouterr().out


def test_a_selection_says_which_pages_it_leaves_out_and_stays_green(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "two"
    first = pair_texts()
    begun = begin_text(Page(100, "0" * 64), session=SessionId("far"))
    far = begun, end_text(Page(101, payload_hash(begun)), session=SessionId("far"))
    file.write_text(lines(*first, *far))
    for language, words in (("sv", "sidor som inte finns med här"), ("en", "pages that are not here")):
        parser = argparse.ArgumentParser()
        verify.add_arguments(parser)
        pinned = [str(file), "--key", PEN.public.hex, "--language", language]
        assert verify.run(parser.parse_args(pinned)) == 0
        said = capsys.readouterr().out
        assert words in said
        assert "T3–T99" in said
        assert verify.run(parser.parse_args([*pinned, "--whole-key"])) == 1
        assert "pages_missing" in capsys.readouterr().out
