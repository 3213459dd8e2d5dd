"""listen and record on real ports and files."""

import itertools
import json
import os
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from threading import Event, Thread

import pytest

from gateway.cli.main import main
from gateway.wire.recording import MAGIC, head, read_line, recorded
from tests.wire.p1_telegrams import p1_telegram

HOUSE = Path(__file__).parents[2]


@contextmanager
def sending_port(interval_s: float = 0.5) -> Iterator[str]:
    """A pty on which a telegram comes again and again."""
    far, near = os.openpty()
    tty.setraw(near)
    os.set_blocking(far, False)
    over = Event()

    def send() -> None:
        second = 0
        while not over.wait(interval_s):
            try:
                os.write(far, p1_telegram(clock=f"2611211210{second % 60:02}W"))
            except BlockingIOError:
                continue
            second += 1

    sender = Thread(target=send)
    sender.start()
    try:
        yield os.ttyname(near)
    finally:
        over.set()
        sender.join()
        os.close(near)
        os.close(far)


def test_a_live_port_is_shown_with_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    with sending_port() as port:
        assert main(["listen", port, "--plain", "--seconds", "2.2", "--language", "en"]) == 0
    shown = capsys.readouterr().out
    assert "P1 text, 115200 8N1, TST5GRIDMETER" in shown
    assert "Telegrams come as they should" in shown
    assert "import 2415 W" in shown


def test_a_silent_port_ends_with_1_and_says_that_it_listens(capsys: pytest.CaptureFixture[str]) -> None:
    far, near = os.openpty()
    assert main(["listen", os.ttyname(near), "--plain", "--seconds", "0.8"]) == 1
    assert "Lyssnar" in capsys.readouterr().out
    os.close(far)
    os.close(near)


def test_a_file_is_judged_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "han.bin"
    file.write_bytes(p1_telegram())
    assert main(["listen", str(file)]) == 0
    assert "1, senaste för 0 s sedan" in capsys.readouterr().out
    file.write_bytes(p1_telegram().replace(b"\n", b"\r\n"))
    assert main(["listen", str(file), "--language", "en"]) == 1
    assert "A bridge rewrites line ends" in capsys.readouterr().out


def test_a_register_that_falls_is_named_where_the_bytes_have_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fallen = p1_telegram({"1-0:1.8.0": "00001134.567*kWh"}, clock="261121221010W")
    timed, untimed = tmp_path / "han.txt", tmp_path / "han.bin"
    reads = [read_line(0.0, p1_telegram()), read_line(10.0, fallen)]
    timed.write_text(head("/dev/ttyUSB0", "2026-11-21T22:10:00+00:00") + "".join(reads), "ascii")
    untimed.write_bytes(p1_telegram() + fallen)
    main(["listen", str(timed), "--language", "en"])
    assert "a register fell" in capsys.readouterr().out
    main(["listen", str(untimed), "--language", "en"])
    assert "a register fell" not in capsys.readouterr().out, "without times each telegram is judged alone"


def test_telegrams_without_currents_are_no_well_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lacking = {"1-0:31.7.0": None, "1-0:51.7.0": None, "1-0:71.7.0": None}
    pieces = [p1_telegram(lacking, clock=f"26112122{second // 60:02}{second % 60:02}W") for second in range(0, 50, 10)]
    timed, untimed = tmp_path / "han.txt", tmp_path / "han.bin"
    reads = [read_line(10.0 * count, piece) for count, piece in enumerate(pieces)]
    timed.write_text(head("/dev/ttyUSB0", "2026-11-21T22:10:00+00:00") + "".join(reads), "ascii")
    untimed.write_bytes(b"".join(pieces))
    for file in (timed, untimed):
        assert main(["listen", str(file)]) == 1
        shown = capsys.readouterr().out
        assert "utan fasernas strömmar" in shown
        assert "Be elnätsföretaget om en lista" in shown
    untimed.write_bytes(pieces[0])
    assert main(["listen", str(untimed)]) == 0, "one telegram is too little to tell"


def test_what_is_not_there_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "/nowhere/port"]) == 1
    assert main(["record", "/nowhere/port", "-"]) == 1
    told = capsys.readouterr().err
    assert told.count("/nowhere/port") == 2
    assert "Traceback" not in told


def test_a_recording_is_read_by_listen_and_decode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "han.txt"
    with sending_port() as port:
        assert main(["record", port, str(file), "--seconds", "2.3"]) == 0
    assert "bytes recorded" in capsys.readouterr().err
    text = file.read_text("ascii")
    assert text.startswith(MAGIC)
    assert "# line 115200 8N1" in text
    assert file.stat().st_mode & 0o077 == 0
    reads = list(recorded(text.splitlines()))
    assert b"".join(read.octets for read in reads).startswith(p1_telegram()[:10])
    assert all(before.at_s <= after.at_s for before, after in itertools.pairwise(reads))
    assert main(["listen", str(file), "--language", "en"]) == 0
    assert "each 0.5 s" in capsys.readouterr().out
    assert main(["decode", str(file)]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert records[0]["import_w"] == 2415


def test_a_recording_ends_at_its_greatest_size_and_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "han.txt"
    with sending_port(0.1) as port:
        assert main(["record", port, str(file), "--bytes-max", "3000", "--seconds", "20"]) == 0
        assert "the greatest size" in capsys.readouterr().err
        assert file.stat().st_size <= 3000
        assert main(["record", port, str(file)]) == 1
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["/dev/null", "socket://127.0.0.1:1"])
def test_a_port_that_cannot_be_read_leaves_no_file(
    port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "han.txt"
    assert main(["record", port, str(file), "--seconds", "20"]) == 1
    assert list(tmp_path.iterdir()) == []
    told = capsys.readouterr().err
    assert port.removeprefix("socket://") in told
    assert f"{file}: not kept" in told


def test_what_was_recorded_before_a_line_was_lost_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "han.txt"
    with create_server(("127.0.0.1", 0)) as bridge:

        def send_once() -> None:
            line, _ = bridge.accept()
            with line:
                line.sendall(p1_telegram())

        sender = Thread(target=send_once)
        sender.start()
        assert main(["record", f"socket://127.0.0.1:{bridge.getsockname()[1]}", str(file), "--seconds", "20"]) == 1
        sender.join()
    assert b"".join(read.octets for read in recorded(file.read_text("ascii").splitlines())) == p1_telegram()
    assert "not kept" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["listen", "record", "decode", "watch"])
@pytest.mark.parametrize("value", ["nan", "-5", "inf", "0", "soon"])
def test_a_time_that_is_none_is_refused_by_name_before_anything_is_opened(
    command: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"watch": list[str](), "record": ["/dev/null", str(tmp_path / "han.txt")]}.get(command, ["/dev/null"])
    with pytest.raises(SystemExit) as ended:
        main([command, *places, "--seconds", value])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert all(word in told for word in ("--seconds", repr(value), "Give a number above 0"))
    assert list(tmp_path.iterdir()) == []


def test_a_recording_goes_to_standard_output_and_decode_reads_a_live_port() -> None:
    with sending_port() as port:
        words = [sys.executable, "-m", "gateway.cli.main"]
        kept = subprocess.run(
            [*words, "record", port, "-", "--seconds", "1.5"], cwd=HOUSE, capture_output=True, check=True
        ).stdout
        live = subprocess.run([*words, "decode", port, "--seconds", "1.5"], cwd=HOUSE, capture_output=True, check=True)
    assert kept.startswith(MAGIC.encode())
    assert json.loads(live.stdout.splitlines()[-1])["import_w"] == 2415
    assert b"Telegrams come as they should" in live.stderr


def test_a_damaged_recording_names_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "han.txt"
    file.write_text(f"{MAGIC}\n0.1 2f\nnonsense\n", "ascii")
    assert main(["listen", str(file)]) == 1
    assert main(["decode", str(file)]) == 1
    assert capsys.readouterr().err.count("line 3") == 2


def test_a_recording_that_cannot_be_made_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "socket://127.0.0.1:1", str(tmp_path / "none" / "han.txt")]) == 1
    assert "No such file or directory. Give a name in a folder" in capsys.readouterr().err
