"""Does for the daemon what systemd does with `deploy/laddvakt.service`, on a machine without systemd.

Type=notify, WatchdogSec with WatchdogSignal=SIGKILL, ExecStopPost, Restart=always. It reads the times from the unit
file itself, so that a campaign judges what is shipped. It ends only processes that it started, by their pid.
"""

import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.campaigns._cabinet_process import gateway_command

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "laddvakt.service"


def unit_setting(name: str) -> str:
    """The value of one setting of the shipped unit, as text."""
    found = re.search(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(f"{UNIT.name} has no {name}=")
    return found.group(1).strip()


class ServiceKeeper:
    """Keeps `laddvakt run CONFIG` alive. `ready_s`, `exits`, `killed_by_watchdog` and `stop_posts` tell what happened.

    stop_posts: exit code and seconds of each `open-all`.
    """

    def __init__(self, config: Path, log: Path, *, command: Sequence[str] = (), restart: bool = True) -> None:
        """command: what to keep in place of `laddvakt run CONFIG`."""
        self.config = config
        self.log = log
        self.restart = restart
        self.command = list(command) or gateway_command("run", str(config))
        self.watchdog_s = float(unit_setting("WatchdogSec").removesuffix("s"))
        self.restart_s = float(unit_setting("RestartSec").removesuffix("s"))
        self.stop_s = float(unit_setting("TimeoutStopSec").removesuffix("s"))
        self.started_s: list[float] = []
        self.ready_s: list[float] = []
        self.exits: list[int] = []
        self.stop_posts: list[tuple[int, float]] = []
        self.killed_by_watchdog = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="laddvakt-keeper-")
        self._address = str(Path(self._folder.name) / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._address)
        self._socket.settimeout(0.05)
        self._thread = threading.Thread(target=self._keep, name="service-keeper")

    def start(self) -> None:
        self._thread.start()

    def stop(self, within_s: float = 30.0) -> int | None:
        """SIGTERM, as `systemctl stop`; SIGKILL after `within_s`. Gives the exit code of the last run."""
        self._stop.set()
        process = self.process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(within_s)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join()
        self._socket.close()
        self._folder.cleanup()
        return self.exits[-1] if self.exits else None

    def signal(self, number: signal.Signals) -> bool:
        """Signals the daemon; False if none is running just now."""
        process = self.process
        if process is None or process.poll() is not None:
            return False
        process.send_signal(number)
        return True

    def wait_ready(self, count: int, within_s: float) -> None:
        """Waits until the daemon has said READY for the `count`-th time."""
        limit_s = time.monotonic() + within_s
        while len(self.ready_s) < count:
            if time.monotonic() > limit_s:
                raise TimeoutError(f"not ready within {within_s} s; see {self.log}")
            time.sleep(0.02)

    def _keep(self) -> None:
        while not self._stop.is_set():
            self._run_once()
            self._stop_post()
            if not self.restart:
                return
            self._stop.wait(self.restart_s)

    def _stop_post(self) -> None:
        began_s = time.monotonic()
        with self.log.open("ab") as log:
            opening = subprocess.Popen(gateway_command("open-all", str(self.config)), stdout=log, stderr=log)
        try:
            code = opening.wait(self.stop_s)
        except subprocess.TimeoutExpired:
            opening.kill()
            code = opening.wait()
        self.stop_posts.append((code, time.monotonic() - began_s))

    def _run_once(self) -> None:
        with self.log.open("ab") as log:
            self.started_s.append(time.monotonic())
            self.process = subprocess.Popen(
                self.command,
                env=os.environ | {"NOTIFY_SOCKET": self._address},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
            heard_s: float | None = None
            while self.process.poll() is None:
                try:
                    message = self._socket.recv(4096).decode()
                except TimeoutError:
                    message = ""
                now_s = time.monotonic()
                if "READY=1" in message:
                    self.ready_s.append(now_s)
                    heard_s = now_s
                if "WATCHDOG=1" in message and heard_s is not None:
                    heard_s = now_s
                if heard_s is not None and now_s - heard_s > self.watchdog_s:
                    self.killed_by_watchdog += 1
                    self.process.kill()
                    self.process.wait()
            self.exits.append(self.process.returncode)
