import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import decode
from gateway.cli.main import main
from tests.wire.dlms_frames import AIDON, ciphered, code_of, hdlc, notification, structure, u32
from tests.wire.p1_telegrams import p1_telegram


def decoded(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    parser = argparse.ArgumentParser()
    decode.add_arguments(parser)
    assert decode.run(parser.parse_args(arguments)) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_telegram_is_one_object_with_numbers_and_energies_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "han.bin"
    file.write_bytes(p1_telegram({"1-0:72.7.0": None}))
    assert decoded([str(file)], capsys) == [
        {
            "format": "p1",
            "meter_time": "261121221000W",
            "import_w": 2415,
            "export_w": 0,
            "current_a": [5, 3, 2.5],
            "voltage_v": [230.1, 229.8, None],
            "import_kwh": "1234.567",
            "export_kwh": "89.010",
            "valid": True,
        }
    ]


def test_dropped_stretches_stand_between_telegrams_in_wire_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "han.bin"
    bad = p1_telegram(digits="0000")
    file.write_bytes(b"\xff\xff" + p1_telegram() + bad + p1_telegram()[:50])
    records = decoded([str(file)], capsys)
    assert records[0] == {"discarded": 2, "reason": "noise"}
    assert records[1]["valid"] is True
    assert records[2] == {"discarded": len(bad), "reason": "bad_crc"}
    assert records[3] == {"discarded": 50, "reason": "truncated"}


def test_a_refused_telegram_is_shown_with_the_rules_that_it_broke(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "han.bin"
    file.write_bytes(p1_telegram({"1-0:1.7.0": "0099.000*kW"}))
    (record,) = decoded([str(file)], capsys)
    assert record["valid"] is False
    assert record["refused"] == ["power_above_currents", "phases_against_total"]


def test_telegrams_without_checksum_are_read_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "han.bin"
    file.write_bytes(p1_telegram(digits=""))
    assert decoded([str(file)], capsys)[0]["reason"] == "without_crc"
    assert decoded([str(file), "--allow-without-crc"], capsys)[0]["valid"] is True


def test_a_file_that_is_not_there_is_named_and_the_exit_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    decode.add_arguments(parser)
    assert decode.run(parser.parse_args(["/nowhere/han.bin"])) == 1
    assert "/nowhere/han.bin" in capsys.readouterr().err


def test_standard_input_is_decoded_as_it_comes() -> None:
    program = (
        "import argparse; from gateway.cli import decode; p = argparse.ArgumentParser(); decode.add_arguments(p);"
        " raise SystemExit(decode.run(p.parse_args(['-'])))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(p1_telegram())
        child.stdin.flush()
        record = json.loads(child.stdout.readline())
        assert record["import_kwh"] == "1234.567"
        child.stdin.close()
        assert child.wait(10) == 0


def test_an_encrypted_push_is_decoded_with_its_keys_and_named_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ek, ak = bytes(range(16)), bytes(range(16, 32))
    file = tmp_path / "han.bin"
    file.write_bytes(hdlc(ciphered(notification(AIDON), ek, ak)))
    assert decoded([str(file)], capsys)[0]["reason"] == "no_key"
    (record,) = decoded([str(file), "--ek", ek.hex(), "--ak", ak.hex()], capsys)
    assert record["format"] == "hdlc"
    assert record["current_a"] == [-5, 3, 3.5]
    assert record["import_kwh"] == "1234.567"
    assert record["valid"] is True


def test_a_file_of_one_bare_message_is_decoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "apdu.bin"
    file.write_bytes(notification(AIDON))
    (record,) = decoded([str(file)], capsys)
    assert record["format"] == "apdu"
    assert record["import_w"] == 2415


def test_a_key_that_is_no_key_is_refused_without_being_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "-", "--ek", "0123456789abcdef-no-key"]) == 2
    told = capsys.readouterr().err
    assert "--ek" in told
    assert "0123456789abcdef" not in told


def test_a_list_that_the_own_reader_does_not_know_is_read_by_the_second_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gurux_dlms")
    with_bcd = structure(code_of(1, 0, 1, 7, 0), u32(2415), code_of(1, 0, 99, 7, 0), b"\x0d\x42")
    for name, octets in (("framed", hdlc(notification(with_bcd))), ("bare", notification(with_bcd))):
        file = tmp_path / name
        file.write_bytes(octets)
        (record,) = decoded([str(file)], capsys)
        assert record["import_w"] is None, "no unit came with it"
        assert record["refused"] == ["unit_unknown"]
