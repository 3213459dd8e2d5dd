"""Every file that we export is accepted by software that we did not write, with the key pinned from outside.

A gateway lives on a real disk: sessions of every kind, a death in the middle, strange tokens, registers with other
numbers of decimals, a clock that is not trusted. All of it is exported, and each record is handed to pyocmf (PyPI) and
to @road-labs/ocmf (npm) with the key that `laddvakt key show` prints. Both must also refuse each record with one digit
changed, and with another gateway's key: a verifier that takes everything proves nothing.
"""

import argparse
import asyncio
import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import ModuleType

from pyocmf.compliance.models import IssueCode
from pyocmf.core.ocmf import OCMF
from pyocmf.utils.xml import OcmfContainer

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.cli import export, key, verify
from gateway.clock import UtcTrust
from gateway.devices.journal_store import JournalStore
from gateway.ids import SocketId
from tests.campaigns._scripted_life import World, live
from tests.ledger.ledger_bench import SOCKETS, HandClock, PocketKey, begin, end, reading, station

NPM_PACKAGES = ("@road-labs/ocmf@0.0.9", "@road-labs/ocmf-crypto-noble@0.0.9")
TOKENS = ("resident-7", "=cmd()|calc", "Åsa Öberg", '"},{"', "a b\tc", "\u202e\U0001f50c", "04A2B3C4D5E680")
STEPS = ("0", "0.0", "0.00", "0.000", "0.0000001")
WITHIN_S = 300
NODE = """
const { Verifier } = require('@road-labs/ocmf');
const { Crypto } = require('@road-labs/ocmf-crypto-noble');
const lines = require('fs').readFileSync(0, 'utf8').trim().split('\\n').map((line) => JSON.parse(line));
(async () => {
  const crypto = new Crypto();
  const verifier = new Verifier(crypto);
  for (const { record, key } of lines) {
    const pinned = await crypto.decodeEcPublicKey(new Uint8Array(Buffer.from(key, 'hex')), 'spki-der');
    let verified = false, problem = null, serial = null;
    try {
      const result = await verifier.parseAndVerify(record, pinned);
      verified = result.verified;
      serial = verified ? result.value.payload?.MS ?? result.value.payloadData?.MS ?? null : null;
    } catch (error) { problem = String(error); }
    console.log(JSON.stringify({ verified, problem, serial }));
  }
})();
"""


@dataclass(frozen=True)
class Case:
    """One record for a foreign verifier, with what it must say."""

    name: str
    record: str
    key: str
    accepted: bool


def called(command: ModuleType, *words: str) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        code: int = command.run(parser.parse_args(list(words)))
    return code, heard.getvalue()


LONGEST_TARIFF = "".join(chr(code) for code in range(33, 127) if chr(code) != "|").ljust(249, " ") + "."
"""Every sign that a tariff id may hold, at its greatest length."""


def lived(folder: Path, chance: random.Random, sessions: int) -> None:
    """Fills a state folder: one life cut off in the middle of a meter exchange, one whole, and one of odd sessions."""

    def die(line: str) -> None:
        if line.startswith("serial "):
            os._exit(0)

    pid = os.fork()
    if pid == 0:
        asyncio.run(live(folder, World(1), die, boot_id="boot-1"))
        os._exit(1)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise RuntimeError("the first life was not cut off")
    asyncio.run(live(folder, World(2), lambda _: None, boot_id="boot-2"))
    asyncio.run(odd_sessions(folder, chance, sessions))


async def odd_sessions(folder: Path, chance: random.Random, sessions: int) -> None:
    clock = HandClock()
    clock.pass_s(40_000)
    here = replace(station("boot-3"), tariff_ids={SOCKETS[0]: "villa-2026", SOCKETS[1]: LONGEST_TARIFF})
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, here)
    for at in range(sessions):
        clock.trust = chance.choice(list(UtcTrust))
        clock.pass_s(chance.uniform(0.0, 5_000_000.0))
        socket: SocketId = chance.choice(SOCKETS)
        step = Decimal(chance.choice(STEPS))
        first = Decimal(chance.randrange(10**9)).quantize(Decimal(1)) + step
        last = first + Decimal(chance.randrange(10**5)) * Decimal(1).scaleb(int(step.as_tuple().exponent))
        token = chance.choice([None, *TOKENS])
        serial = f"{chance.choice(['', '<b>', 'Zähler '])}{at}"
        name = f"odd-{at}"
        await ledger.record_begin(begin(name, reading(clock, first, serial), socket=socket, token=token))
        clock.pass_s(chance.uniform(0.0, 50_000.0))
        await ledger.record_end(end(name, reading(clock, last, serial), socket=socket))
    await ledger.shut_down()


def exported(folder: Path, room: Path) -> tuple[str, list[Path], list[str]]:
    """The pinned key, the XML files, and the records of the OCMF file."""
    _, shown = called(key, "show", "--state-dir", str(folder))
    pinned = next(line.removeprefix("hex: ") for line in shown.splitlines() if line.startswith("hex: "))
    files = room / "xml"
    files.mkdir()
    text = room / "all.ocmf"
    called(export, "--state-dir", str(folder), "--format", "safe-xml", "-o", str(files))
    called(export, "--state-dir", str(folder), "--format", "ocmf", "-o", str(text))
    return pinned, sorted(files.iterdir()), text.read_text("ascii").splitlines()


def cases_of(pinned: str, records: dict[str, str]) -> list[Case]:
    stranger = PocketKey().public_key_hex
    cases = []
    for name, record in records.items():
        payload = record.split("|")[1]
        at = payload.index(",", payload.index('"RV":')) - 1
        digit = str((int(payload[at]) + 1) % 10)
        changed = record.replace(payload, f"{payload[:at]}{digit}{payload[at + 1 :]}")
        cases += [
            Case(name, record, pinned, True),
            Case(f"{name} with another digit", changed, pinned, False),
            Case(f"{name} under another key", record, stranger, False),
        ]
    return cases


def pyocmf_says(cases: list[Case]) -> list[str]:
    return [
        f"pyocmf, {case.name}: {'refused' if case.accepted else 'accepted'}"
        for case in cases
        if OCMF.from_string(case.record).verify_signature(case.key) is not case.accepted
    ]


def pyocmf_says_of_files(files: list[Path], pinned: str) -> tuple[int, list[str]]:
    """Sessions without a complaint, and what is wrong: it may complain only where our own verdict is not green, and of
    times that both are relative: there the duration is proven, and the record itself says that the time of day is not.
    """
    wrong, faultless = [], 0
    for file in files:
        first, last = OcmfContainer.from_xml(file, strict=True)
        right, issues = first.ocmf.verify(pinned, last.ocmf)
        right = right and last.ocmf.verify_signature(pinned)
        code, said = called(verify, str(file), "--key", pinned)
        faultless += right and not issues
        beyond = [one for one in issues if one.code is not IssueCode.TIME_SYNC or "got 'R'" not in one.message]
        if not right or (beyond and code == 0) or code > 1:
            wrong.append(f"{file.name}: pyocmf {right} {issues}, we {said}")
    return faultless, wrong


def road_labs_says(cases: list[Case], room: Path) -> list[str] | str:
    """What is wrong, or why it could not be asked."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no node or npm here"
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(room), *NPM_PACKAGES]
    try:
        installed = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        return f"npm did not finish in {WITHIN_S} s"
    if installed.returncode != 0:
        return f"npm could not install {' '.join(NPM_PACKAGES)}: {installed.stderr.strip()[-300:]}"
    program = room / "verify.cjs"
    program.write_text(NODE)
    asked = "".join(json.dumps({"record": case.record, "key": case.key}) + "\n" for case in cases)
    done = subprocess.run(
        ["node", str(program)], input=asked, capture_output=True, text=True, timeout=WITHIN_S, check=False, cwd=room
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(cases):
        return [f"node answered {len(answers)} of {len(cases)}: {done.stderr[-500:]}"]
    return [
        f"@road-labs/ocmf, {case.name}: {answer}"
        for case, answer in zip(cases, answers, strict=True)
        if answer["verified"] is not case.accepted or answer["problem"] is not None
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="a few sessions")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="laddvakt-foreign-") as name:
        room = Path(name)
        lived(room / "state", chance, 12 if args.sample else 300)
        pinned, files, lines = exported(room / "state", room)
        cases = cases_of(pinned, {f"page {at}": line for at, line in enumerate(lines, 1)})
        wrong = pyocmf_says(cases)
        faultless, of_files = pyocmf_says_of_files(files, pinned)
        wrong += of_files
        road_labs = road_labs_says(cases, room)
    for problem in wrong + (road_labs if isinstance(road_labs, list) else []):
        print(f"WRONG: {problem}")
    print(f"{len(files)} sessions, {len(lines)} records, {len(cases) - len(lines)} forgeries, seed {args.seed}")
    print(f"pyocmf: {len(wrong)} wrong; {faultless} of {len(files)} files without a complaint")
    if isinstance(road_labs, str):
        print(f"SKIPPED @road-labs/ocmf: {road_labs}")
        return 1 if wrong else 0
    print(f"{NPM_PACKAGES[0]}: {len(road_labs)} wrong")
    return 1 if wrong or road_labs else 0


if __name__ == "__main__":
    sys.exit(main())
