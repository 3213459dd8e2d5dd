"""Signed records made by hand, and a forger who has a key of his own."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.clock import UtcTrust
from gateway.ids import GatewayId, SessionId, SocketId, Token
from gateway.metering.keys import PublicKey, public_key, with_low_s
from gateway.metering.ocmf import (
    NO_PAGE_BEFORE,
    Ending,
    GatewayIdentity,
    MeterIdentity,
    Page,
    RecordTime,
    Subject,
    begin_payload,
    end_payload,
    payload_hash,
    record_text,
)
from gateway.quantities import EnergyRegister
from gateway.site.because import Why
from gateway.site.wishes import EndKind

WINTER = datetime(2026, 3, 1, 9, 0, 0, tzinfo=UTC)
GATEWAY = GatewayIdentity(GatewayId("villa-1"), "00AA11BB22CC33DD", "0.1.0", "ab" * 32)
METER = MeterIdentity("Eastron", "SDM630", "1.0", "12345678")


class Pen:
    """A key that signs payloads."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        spki = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.public: PublicKey = public_key(spki.hex())

    def der(self, payload: str) -> bytes:
        return with_low_s(self._key.sign(payload.encode("utf-8"), ec.ECDSA(hashes.SHA256())))

    def record(self, payload: str) -> str:
        return record_text(payload, self.der(payload))


def subject(**changes: Any) -> Subject:
    fields: dict[str, Any] = {
        "session": SessionId("5d1e8f5e-0000-4000-8000-000000000001"),
        "socket": SocketId("p1"),
        "token": Token("resident-7"),
        "continues": None,
        "meter": METER,
    }
    return Subject(**(fields | changes))


def at(seconds: float = 0.0, trust: UtcTrust = UtcTrust.SYNCHRONISED, **changes: Any) -> RecordTime:
    return RecordTime(WINTER + timedelta(seconds=seconds), timedelta(hours=1), trust, **changes)


def register(kwh: str, step: str = "0.001") -> EnergyRegister:
    return EnergyRegister(Decimal(kwh), Decimal(step), (0x449A, 0x5000))


def begin_text(page: Page | None = None, kwh: str = "1234.500", **changes: Any) -> str:
    time = changes.pop("time", at())
    gateway = changes.pop("gateway", GATEWAY)
    return begin_payload(
        gateway,
        subject(**changes),
        page or Page(1, NO_PAGE_BEFORE),
        time,
        register=register(kwh),
        why=Why.COMMAND,
    )


def end_text(page: Page, kwh: str = "1242.250", ending: Ending | None = None, **changes: Any) -> str:
    time = changes.pop("time", at(3600))
    gateway = changes.pop("gateway", GATEWAY)
    return end_payload(
        gateway,
        subject(**changes),
        page,
        time,
        register=register(kwh),
        ending=ending or Ending(EndKind.COMPLETED, Why.COMMAND),
    )


def pair_texts(**end_changes: Any) -> tuple[str, str]:
    first = begin_text()
    return first, end_text(Page(2, payload_hash(first)), **end_changes)
