"""Records as other makers' meters sign them: made here after the format's own words, none copied from anybody."""

import base64
import json
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.metering.keys import PublicKey, public_key


class MakersMeter:
    """A meter with its own key, on whatever curve its maker took."""

    def __init__(self, serial: str = "1EMH0012345", curve: ec.EllipticCurve | None = None) -> None:
        self._key = ec.generate_private_key(curve or ec.SECP256K1())
        self.serial = serial
        self.page = 0

    @property
    def public(self) -> PublicKey:
        spki = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return public_key(spki.hex())

    def payload(self, *readings: dict[str, Any], **more: Any) -> str:
        """Fields as an older version of the format has them, with a page of their own."""
        self.page += 1
        fields = {
            "FV": "1.0",
            "GI": "Wallbox of some maker",
            "GS": f"GW-{self.serial}",
            "GV": "2.1",
            "PG": f"T{self.page}",
            "MV": "Maker",
            "MM": "Meter",
            "MS": self.serial,
            "IS": True,
            "IL": "VERIFIED",
            "IF": ["RFID_PLAIN"],
            "IT": "ISO14443",
            "ID": "04A2B3C4D5E680",
            "RD": list(readings),
        }
        return json.dumps(fields | more, ensure_ascii=False, separators=(", ", " : "))

    def record(self, payload: str, *, in_base64: bool = False) -> str:
        der = self._key.sign(payload.encode("utf-8"), ec.ECDSA(hashes.SHA256()))
        how = {"SE": "base64", "SD": base64.b64encode(der).decode()} if in_base64 else {"SD": der.hex()}
        return f"OCMF|{payload}|{json.dumps({'SA': self.public.method, **how})}"

    def session(self, begin: datetime, first: str, end: datetime, last: str, **more: Any) -> str:
        """One record with both readings; the second leaves out what is as in the first."""
        begun = reading(begin, "B", first, RI="1-0:1.8.0", RU="kWh", ST="G")
        payload = self.payload(begun, reading(end, "E", last), **more)
        return self.record(payload.replace(f'"{first}"', first).replace(f'"{last}"', last))

    def edge(self, letter: str, at: datetime, value: str, **more: Any) -> str:
        """A record with one reading."""
        payload = self.payload(reading(at, letter, value, RI="1-0:1.8.0", RU="kWh", ST="G"), **more)
        return self.record(payload.replace(f'"{value}"', value))


def reading(at: datetime, letter: str, value: str, state: str = "S", **more: Any) -> dict[str, Any]:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S,000%z")
    return {"TM": f"{stamp} {state}", "TX": letter, "RV": value, **more}
