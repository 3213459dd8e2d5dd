"""`laddvakt users`: what the installer types, and what stands in the list after it. No secret is ever printed back."""

import io
import stat
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.devices.user_store import UserStore
from gateway.site.requests import Source

EXAMPLE = Path(__file__).parents[2] / "deploy" / "laddvakt.toml.example"
GROUPS = """
[[socket_group]]
name = "house"
sockets = ["p1", "p2"]
[[user_group]]
name = "residents"
rights = ["house"]
"""


class Desk:
    """A config, its state folder, and somebody who types."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.state = folder / "state"
        self.config = folder / "laddvakt.toml"
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        text = EXAMPLE.read_text("utf-8").replace("/var/lib/laddvakt", str(self.state)) + GROUPS
        self.config.write_text(text, "utf-8")

    def types(self, *words: str, given: str = "") -> tuple[int, str]:
        """Exit code, and all that was printed."""
        action, *rest = words
        self._monkeypatch.setattr("sys.stdin", io.StringIO(given))
        code = main(["users", action, str(self.config), *rest])
        seen = self._capsys.readouterr()
        return code, seen.out + seen.err

    def store(self) -> UserStore:
        return UserStore(self.state)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    it = Desk(tmp_path, monkeypatch, capsys)
    it.state.mkdir(mode=0o700)
    return it


def test_a_user_is_added_shown_and_removed(desk: Desk) -> None:
    code, said = desk.types("add", "--group", "residents", "--until", "2031-12-31", "--card", given="04:a2:1b:99\n")
    name = said.strip()
    assert (code, name[:2]) == (0, "u-")
    assert desk.types("pin", name, given="481516\n")[0] == 0
    code, said = desk.types("list")
    assert f"{name}: until 2032-01-01 00:00+01:00; groups residents; rights none; sockets p1, p2; 1 card(s)" in said
    assert "481516" not in said
    users = desk.store().users()
    proof = desk.store().proof(users.salt, Source.RFID, "04A21B99")
    assert users.user_of_proof(Source.RFID, proof) is users.user(name)
    assert stat.S_IMODE((desk.state / "users.json").stat().st_mode) == 0o600
    assert desk.types("remove", name)[0] == 0
    assert desk.types("list") == (0, "0 user(s)\n")


def test_a_one_time_code_is_printed_once_and_kept_as_a_proof(desk: Desk) -> None:
    desk.types("add", "--user", "guest-1", "--right", "all")
    code, said = desk.types("code", "guest-1", "--hours", "48")
    text = said.strip().replace("-", "")
    assert (code, len(text)) == (0, 8)
    assert text not in (desk.state / "users.json").read_text()
    users = desk.store().users()
    kept = users.code(desk.store().proof(users.salt, Source.CODE, text))
    assert kept is not None
    assert kept.user == "guest-1"
    assert "1 code(s)" in desk.types("list")[1]


def test_a_new_pin_takes_the_place_of_the_one_before(desk: Desk) -> None:
    desk.types("add", "--user", "ann-1", "--pin", given="481516\n")
    desk.types("pin", "ann-1", given="232342\n")
    users = desk.store().users()
    assert users.user_of_proof(Source.PIN, desk.store().proof(users.salt, Source.PIN, "481516")) is None
    assert users.user_of_proof(Source.PIN, desk.store().proof(users.salt, Source.PIN, "232342")) is not None


@pytest.mark.parametrize(
    ("words", "given", "word"),
    [
        (("add", "--user", "ann-1"), "", "is on the list"),
        (("add", "--user", "no"), "", "no pseudonym"),
        (("add", "--user", "socket:p1"), "", "no pseudonym"),
        (("add", "--right", "p9"), "", "There are: all, house, p1"),
        (("add", "--group", "residence"), "", "There are: residents"),
        (("add", "--until", "31/12 2031"), "", "2027-01-31"),
        (("add", "--until", "9999-12-31"), "", "2027-01-31"),
        (("add", "--pin"), "4815\n", "6 to 16 digits"),
        (("add", "--pin"), "", "6 to 16 digits"),
        (("add", "--card"), "x\n", "no card number"),
        (("pin", "bo-2"), "481516\n", "has it already"),
        (("pin", "bo-3"), "481516\n", "not on the list"),
        (("code", "bo-3"), "", "not on the list"),
        (("code", "bo-2", "--hours", "0"), "", "1 to"),
        (("remove", "bo-3"), "", "laddvakt users list"),
    ],
)
def test_a_slip_is_told_and_changes_nothing(desk: Desk, words: tuple[str, ...], given: str, word: str) -> None:
    desk.types("add", "--user", "ann-1", "--pin", given="481516\n")
    desk.types("add", "--user", "bo-2")
    before = (desk.state / "users.json").read_text()
    code, said = desk.types(*words, given=given)
    assert code == 2
    assert word in said
    assert "4815" not in said, "what was typed in secret is not shown"
    assert (desk.state / "users.json").read_text() == before


def test_before_the_first_start_there_is_no_list_to_change(desk: Desk) -> None:
    desk.state.rmdir()
    code, said = desk.types("add")
    assert code == 1
    assert "first start" in said


def test_a_group_that_the_config_has_no_more_is_shown(desk: Desk) -> None:
    desk.types("add", "--user", "ann-1", "--group", "residents")
    desk.config.write_text(desk.config.read_text("utf-8").replace('"residents"', '"tenants"'), "utf-8")
    assert "NO SUCH GROUP in the config: residents" in desk.types("list")[1]


def test_end_groups_and_rights_of_a_user_are_changed_one_by_one_and_its_card_stays(desk: Desk) -> None:
    desk.types("add", "--user", "flat-7", "--group", "residents", "--until", "2031-12-31", "--card", given="04A21B99\n")
    before = desk.store().users().users
    assert desk.types("change", "flat-7", "--until", "2032-12-31")[0] == 0
    assert "flat-7: until 2033-01-01 00:00+01:00; groups residents; rights none" in desk.types("list")[1]
    assert desk.types("change", "flat-7", "--right", "p1", "--no-groups")[0] == 0
    said = desk.types("list")[1]
    assert "until 2033-01-01 00:00+01:00; groups none; rights p1; sockets p1; 1 card(s)" in said
    assert desk.types("change", "flat-7", "--no-end", "--no-rights", "--group", "residents")[0] == 0
    assert "flat-7: without end; groups residents; rights none; sockets p1, p2; 1 card(s)" in desk.types("list")[1]
    assert desk.store().users().users[0].cards == before[0].cards


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("flat-7",), "nothing is to be changed"),
        (("flat-7", "--until", "2032-12-31", "--no-end"), "contradicts --no-end"),
        (("flat-7", "--group", "residents", "--no-groups"), "contradicts --no-groups"),
        (("flat-7", "--right", "all", "--no-rights"), "contradicts --no-rights"),
        (("flat-7", "--group", "nobody"), "no such name in the config"),
        (("flat-7", "--until", "soon"), "is no day"),
        (("flat-8", "--no-end"), "not on the list"),
    ],
)
def test_a_change_that_cannot_be_meant_changes_nothing(desk: Desk, words: tuple[str, ...], word: str) -> None:
    desk.types("add", "--user", "flat-7", "--right", "p1", "--until", "2031-12-31")
    before = desk.types("list")
    code, said = desk.types("change", *words)
    assert (code, word in said) == (2, True), said
    assert desk.types("list") == before
