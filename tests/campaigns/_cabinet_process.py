"""A software cabinet and a broker as processes of their own, for campaigns. Each is ended by its own pid."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self


def free_port() -> int:
    """A TCP port on loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BrokerProcess:
    """mosquitto on loopback, in memory."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.port = free_port()
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        with (folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError("mosquitto does not listen")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)


class CabinetProcess:
    """`python -m hil cabinet`: its ports, its config for the gateway, its log."""

    def __init__(
        self,
        scenario: str,
        folder: Path,
        *,
        mqtt_port: int | None = None,
        paced: bool = True,
        more: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.config = folder / "laddvakt.toml"
        self.state_dir = folder / "state"
        self.log = folder / "hil.jsonl"
        command = [sys.executable, "-m", "hil", "cabinet", scenario, "--config-out", str(self.config)]
        command += ["--state-dir", str(self.state_dir), "--log", str(self.log), "--wire" if paced else "--unpaced"]
        if mqtt_port is not None:
            command += ["--mqtt", f"127.0.0.1:{mqtt_port}"]
        with (folder / "hil.err").open("ab") as errors:
            self._process = subprocess.Popen(
                [*command, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self.ports: Mapping[str, object] = json.loads(self._line())

    def tell(self, **words: object) -> None:
        """One command to the cabinet, see `hil.commands`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def report(self) -> dict[str, object]:
        """The judge's words on the run so far."""
        self.tell(report=True)
        while True:
            said: dict[str, object] = json.loads(self._line())
            if said.get("kind") == "report":
                return said

    def events(self) -> Iterator[dict[str, object]]:
        """Every line of the log so far."""
        with self.log.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield json.loads(line)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"the cabinet ended; see {self.folder / 'hil.err'}")
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def gateway_command(*words: str) -> list[str]:
    """`laddvakt …` with this very Python."""
    return [sys.executable, "-m", "gateway.cli.main", *words]


def resident_mib(pid: int) -> float:
    """RSS of a process in MiB (proc(5), statm)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
