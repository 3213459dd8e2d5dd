"""What a key and a store of pins look like as text, word for word, and what is said of a text that is neither."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.metering.keys import NotAKey, public_key
from gateway.metering.pins import NotAPinStore, Pin, PinState, pins_of, pins_text

PRIVATE = ec.derive_private_key(123456789, ec.SECP256R1())
SPKI = PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
KEY = SPKI.hex().upper()
PIN = Pin("GW", "M1", KEY, PinState.CONFIRMED, "Ann", "2026-11-22", "label")


@pytest.mark.parametrize(
    "text", [PEM, f"\n {PEM}", KEY, KEY.lower(), f"{KEY[:40]} \n{KEY[40:]}", base64.b64encode(SPKI).decode()]
)
def test_a_key_is_read_from_pem_hex_and_base64_and_is_one_and_the_same(text: str) -> None:
    key = public_key(text)
    assert key.hex == KEY
    assert key.pem == PEM
    assert key.method == "ECDSA-secp256r1-SHA256"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no key at all!", "no public key: neither PEM, nor hex, nor base64"),
        (f"{base64.b64encode(SPKI).decode()}!", "no public key: neither PEM, nor hex, nor base64"),
        (base64.b64encode(SPKI).decode().replace("A", "A*"), "no public key: neither PEM, nor hex, nor base64"),
        (
            rsa.generate_private_key(65537, 1024)
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode(),
            "no public key of a curve that OCMF knows",
        ),
        (
            ec.derive_private_key(5, ec.SECP521R1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode(),
            "no public key of a curve that OCMF knows",
        ),
    ],
)
def test_what_is_no_key_is_said_in_words(text: str, words: str) -> None:
    with pytest.raises(NotAKey) as said:
        public_key(text)
    assert str(said.value) == words


def test_a_broken_key_names_what_is_wrong_with_it() -> None:
    with pytest.raises(NotAKey, match=r"^no public key: .+"):
        public_key(KEY[:-2])


def test_a_store_has_one_text() -> None:
    assert pins_text([PIN]) == (
        '{\n "pins": [\n  {\n   "gateway": "GW",\n   "how": "label",\n'
        f'   "key": "{KEY}",\n   "meter": "M1",\n   "state": "confirmed",\n'
        '   "when": "2026-11-22",\n   "who": "Ann"\n  }\n ],\n "version": 1\n}\n'
    )
    assert pins_of(pins_text([PIN])) == (PIN,)


def changed(**words: object) -> str:
    said = json.loads(pins_text([PIN]))
    said["pins"][0] |= words
    return json.dumps(said)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (pins_text([PIN]).replace('"version": 1', '"version": 7'), "version 7; this program knows 1"),
        (changed(more="than it has"), "a pin has other fields"),
        (changed(meter=3), "a pin has other fields"),
        (changed(who=None), "who is no text"),
        (changed(key="XYZ"), "no public key: neither PEM, nor hex, nor base64"),
        (changed(who=""), "a confirmed pin says who compared it, and how"),
        (changed(how=""), "a confirmed pin says who compared it, and how"),
        (changed(state="perhaps"), "'perhaps' is not a valid PinState"),
        (pins_text([PIN, PIN]), "two pins for one meter"),
        ("[]", "list indices must be integers or slices, not str"),
        ('{"version": 1}', "'pins'"),
    ],
)
def test_what_is_no_store_is_said_in_words(text: str, words: str) -> None:
    with pytest.raises(NotAPinStore) as said:
        pins_of(text)
    assert str(said.value) == words


def test_a_key_seen_first_needs_no_who() -> None:
    pins = pins_of(changed(state="tofu", who="", how=""))
    assert pins[0].state is PinState.TOFU
