"""The archive: one ZIP file that Python can run, holding the journal and whatever is needed to check it in ten years.

MANIFEST.json     what lies in it, with the size and SHA-256 of each part; MANIFEST.sig the gateway's signature over it
journal.jsonl     every row up to the newest signed head: [place, name, text, hash in hex], one a line
records.ocmf      every signed record, one a line
sessions.csv      the table of all sessions, as `laddvakt export --format csv` writes it
keys/SERIAL.pem   the gateway's public keys
config/0001.json  what the config said at first, and so on for each change
meter-records.ocmf, meter-pins.json   what meters signed themselves, and the keys that it is proven with
gateway/…, __main__.py, README.txt   the verifier: `python3 FILE --key KEY`

The last 64 bytes of the file are the SHA-256 in hex of every byte before them.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from gateway.journal.archive import Archive
from gateway.journal.facts import ConfigSeen, KeyHandedOver, KeyMade
from gateway.journal.imports import pins_of_facts
from gateway.journal.meter_facts import MeterKeyPinned
from gateway.metering.keys import public_key
from gateway.metering.pins import pins_text

MANIFEST: Final = "MANIFEST.json"
SIGNATURE: Final = "MANIFEST.sig"
ROWS: Final = "journal.jsonl"
RECORDS: Final = "records.ocmf"
METER_RECORDS: Final = "meter-records.ocmf"
METER_PINS: Final = "meter-pins.json"
TABLE: Final = "sessions.csv"
FORMAT: Final = 1
ZIP_START: Final = b"PK\x03\x04"
SEAL_START: Final = b"laddvakt archive, SHA-256 of all before: "
DIGEST_BYTES: Final = 64
PIECE_BYTES: Final = 1 << 20


def key_part(made: KeyMade | KeyHandedOver) -> tuple[str, bytes]:
    """Name and content of a public key's part."""
    return f"keys/{made.serial}.pem", public_key(made.public_key).pem.encode("ascii")


def config_part(number: int, seen: ConfigSeen) -> tuple[str, bytes]:
    """Name and content of a config's part. number: from 1."""
    return f"config/{number:04d}.json", f"{seen.text}\n".encode()


def small_parts(
    keys: Iterable[KeyMade | KeyHandedOver], configs: Iterable[ConfigSeen], meter_keys: Iterable[MeterKeyPinned]
) -> dict[str, bytes]:
    """Name and content of the keys' parts, the configs', and of the pins of meters."""
    parts = dict(key_part(made) for made in keys)
    parts |= dict(config_part(at, seen) for at, seen in enumerate(configs, 1))
    parts[METER_PINS] = pins_text(pins_of_facts(meter_keys)).encode("ascii")
    return parts


def derived_parts(archive: Archive) -> dict[str, bytes]:
    """Name and content of every part that follows from the journal's rows alone."""
    parts = small_parts(archive.keys, archive.configs, archive.meter_keys)
    parts[RECORDS] = b"".join(part_lines(page.record for page in archive.pages))
    kept = [record for session in archive.sessions.values() for record in session.meter_records]
    parts[METER_RECORDS] = b"".join(part_lines(record.text.strip() for record in (*kept, *archive.strays)))
    return parts


def part_lines(texts: Iterable[str]) -> Iterator[bytes]:
    """A part with one text a line."""
    return (f"{text}\n".encode() for text in texts)


def is_archive(file: Path) -> bool:
    """Whether the file begins as an archive does. Raises OSError."""
    with file.open("rb") as stream:
        return stream.read(len(ZIP_START)) == ZIP_START


def digest_before_seal(file: Path) -> str:
    """SHA-256 in hex of every byte but the last 64. Raises OSError."""
    digest, left = sha256(), max(0, file.stat().st_size - DIGEST_BYTES)
    with file.open("rb") as stream:
        while left and (piece := stream.read(min(left, PIECE_BYTES))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()
