"""A model of the medium below a journal: from what strace heard, what a disk may hold after any of the calls.

What was synced is there; of what was not, each 512-byte sector is there or not, and of the names that were made or
removed a first part. Not modelled: media that lie about a flush, and sectors that are damaged outside of any write.
"""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaigns.strace_kills import forked, heard

CALLS = "openat,close,pwrite64,write,ftruncate,fsync,fdatasync,unlink,link,rename"
SECTOR = 512
LINE = re.compile(r"^(?P<tid>\d+) +(?P<rest>.*)$")
CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+).*$", re.DOTALL)
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True)
class Call:
    """One call that succeeded. texts: its strings, as bytes; numbers: its plain arguments, the file first."""

    name: str
    texts: tuple[bytes, ...]
    numbers: tuple[int, ...]
    flags: str
    result: int


def calls_in(log: str) -> Iterator[Call]:
    """The calls of a strace log in the order in which they ended."""
    begun: dict[str, str] = {}
    for line in log.splitlines():
        parts = LINE.match(line)
        if parts is None:
            continue
        tid, rest = parts["tid"], parts["rest"]
        if rest.endswith("<unfinished ...>"):
            begun[tid] = rest.removesuffix("<unfinished ...>")
            continue
        if rest.startswith("<..."):
            rest = begun.pop(tid) + rest.partition("resumed>")[2]
        call = CALL.match(rest)
        if call is None or int(call["result"]) < 0:
            continue
        texts = tuple(bytes.fromhex(text.replace("\\x", "")) for text in TEXT.findall(call["arguments"]))
        plain = [part.strip() for part in TEXT.sub("", call["arguments"]).split(",")]
        numbers = tuple(int(part) for part in plain if re.fullmatch(r"-?\d+", part))
        yield Call(call["name"], texts, numbers, call["arguments"], int(call["result"]))


@dataclass
class Inode:
    """A file. Each pending change: a write (place, bytes), or a new length (length, None)."""

    durable: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        self.durable, self.pending = self._with(self.pending), []

    def image(self, chance: random.Random | None) -> bytes:
        """What the disk may hold; None: nothing but what was synced."""
        if chance is None:
            return self.durable
        share = chance.choice((0.1, 0.5, 0.9))
        kept: list[tuple[int, bytes | None]] = []
        for place, content in self.pending:
            if content is None:
                kept += [(place, None)] if chance.random() < share else []
                continue
            at = 0
            while at < len(content):
                end = min(len(content), at + SECTOR - (place + at) % SECTOR)
                if chance.random() < share:
                    kept.append((place + at, content[at:end]))
                at = end
        return self._with(kept)

    def _with(self, changes: list[tuple[int, bytes | None]]) -> bytes:
        content = bytearray(self.durable)
        for place, piece in changes:
            if piece is None:
                content = content[:place] + bytes(max(0, place - len(content)))
                continue
            content += bytes(max(0, place + len(piece) - len(content)))
            content[place : place + len(piece)] = piece
        return bytes(content)


class Medium:
    """A folder on a disk, as it is and as it may be after a power cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._durable_names: dict[str, Inode] = {}
        self._names: list[tuple[str, Inode | None]] = []
        self._open: dict[int, Inode | str] = {}
        self._place: dict[int, int] = {}
        self.said: list[str] = []
        if folder.is_dir():
            self._durable_names = {file.name: Inode(file.read_bytes()) for file in folder.iterdir()}

    def take(self, call: Call) -> bool:
        """Does the call; True if the disk may differ from before."""
        match call.name:
            case "openat":
                return self._opened(call)
            case "close":
                self._open.pop(call.numbers[0], None)
                return False
            case "write" | "pwrite64":
                return self._write(call)
            case "ftruncate":
                file = self._open.get(call.numbers[0])
                if isinstance(file, Inode):
                    file.pending.append((call.numbers[1], None))
                return isinstance(file, Inode)
            case "fsync" | "fdatasync":
                return self._sync(self._open.get(call.numbers[0]))
            case _:
                return self._renamed(call.name, [self._name(text) for text in call.texts])

    def image(self, into: Path, chance: random.Random | None) -> None:
        """Writes one image of the folder."""
        names = dict(self._durable_names)
        for name, inode in self._names[: chance.randint(0, len(self._names)) if chance is not None else 0]:
            _put(names, name, inode)
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(mode=0o700)
        for name, inode in names.items():
            if not name.endswith("-shm"):
                file = into / name
                file.write_bytes(inode.image(chance))
                file.chmod(0o600)

    def _seen(self) -> dict[str, Inode]:
        names = dict(self._durable_names)
        for name, inode in self._names:
            _put(names, name, inode)
        return names

    def _name(self, path: bytes) -> str | None:
        text = path.decode()
        return text.removeprefix(f"{self._folder}/") if text.startswith(f"{self._folder}/") else None

    def _opened(self, call: Call) -> bool:
        descriptor, path = call.result, call.texts[0].decode()
        self._open.pop(descriptor, None)
        if path == self._folder:
            self._open[descriptor] = path
            return False
        name = self._name(call.texts[0])
        if name is None:
            return False
        inode = self._seen().get(name)
        made = inode is None
        if inode is None:
            inode = Inode()
            self._names.append((name, inode))
        self._open[descriptor] = inode
        self._place[descriptor] = 0
        return made

    def _write(self, call: Call) -> bool:
        file = self._open.get(call.numbers[0])
        content = call.texts[0][: call.result]
        if not isinstance(file, Inode):
            if file is None:
                self.said += content.decode(errors="replace").splitlines()
            return False
        if call.name == "pwrite64":
            file.pending.append((call.numbers[2], content))
        else:
            file.pending.append((self._place[call.numbers[0]], content))
            self._place[call.numbers[0]] += len(content)
        return True

    def _sync(self, file: Inode | str | None) -> bool:
        if isinstance(file, Inode):
            file.sync()
        elif file is not None:
            self._durable_names, self._names = self._seen(), []
        return file is not None

    def _renamed(self, verb: str, names: list[str | None]) -> bool:
        first = names[0]
        if first is None:
            return False
        inode = self._seen()[first]
        second = names[1] if len(names) > 1 else None
        if second is not None:
            self._names.append((second, inode))
        if verb in {"unlink", "rename"}:
            self._names.append((first, None))
        return True


def _put(names: dict[str, Inode], name: str, inode: Inode | None) -> None:
    if inode is None:
        names.pop(name, None)
    else:
        names[name] = inode


def recorded(log: Path, work: Callable[[Callable[[str], None]], None]) -> tuple[list[Call], list[str]]:
    """Does the work in a child under strace; every call that it made, and what it said."""
    gate_r, gate_w = os.pipe()
    pid, pipe = forked(work, gate_r)
    command = ["strace", "-f", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", str(log), "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert tracer.stderr is not None
    if b"attached" not in tracer.stderr.readline():
        raise RuntimeError("strace could not attach")
    os.write(gate_w, b"!")
    os.close(gate_w)
    os.close(gate_r)
    said = heard(pipe)
    _, status = os.waitpid(pid, 0)
    tracer.wait()
    tracer.stderr.close()
    if status != 0:
        raise RuntimeError(f"the recorded life ended with {status}")
    return list(calls_in(log.read_text())), said
