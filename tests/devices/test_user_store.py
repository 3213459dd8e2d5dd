"""The list of users on the disk: whole or not at all, for the daemon alone, and with no card or code in it."""

import hashlib
import json
import os
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.devices.user_store import LOCK_FILE, TRIES_FILE, USERS_FILE, UserStore
from gateway.errors import DeviceError
from gateway.ids import Token
from gateway.site.requests import Source
from gateway.site.tries import SECRET_OF_SITE
from gateway.site.users import OneTimeCode, User, UserList

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
CARD, PIN, CODE = "04A21B99", "481516", "JY8EL5C8"


@pytest.fixture
def store(tmp_path: Path) -> UserStore:
    return UserStore(tmp_path)


def with_ann(store: UserStore) -> UserList:
    def added(users: UserList) -> UserList:
        ann = User(
            Token("u-ann1"),
            ("boende",),
            ("p1",),
            NOON,
            (store.proof(users.salt, Source.RFID, CARD),),
            (store.proof(users.salt, Source.PIN, PIN),),
        )
        code = OneTimeCode(ann.name, store.proof(users.salt, Source.CODE, CODE), NOON + timedelta(hours=1))
        return UserList(users.salt, (ann,), (code,))

    return store.change(added)


def test_what_is_stored_is_what_is_read_by_anybody_else(store: UserStore, tmp_path: Path) -> None:
    written = with_ann(store)
    assert store.users() == written
    assert UserStore(tmp_path).users() == written


def test_no_card_and_no_code_stands_in_the_file_in_clear_and_others_cannot_read_it(
    store: UserStore, tmp_path: Path
) -> None:
    with_ann(store)
    text = (tmp_path / USERS_FILE).read_text()
    for secret in (CARD, PIN, CODE):
        assert secret not in text.upper()
        for plain in (hashlib.sha256, hashlib.sha1, hashlib.md5):
            assert plain(secret.encode()).hexdigest() not in text
    for name in (USERS_FILE, LOCK_FILE):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_two_sites_have_different_proofs_of_the_same_card(store: UserStore, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert with_ann(store).users[0].cards != with_ann(UserStore(other)).users[0].cards


def test_a_card_is_no_pin_of_the_same_digits(store: UserStore) -> None:
    users = with_ann(store)
    assert store.proof(users.salt, Source.RFID, PIN) != store.proof(users.salt, Source.PIN, PIN)
    assert users.user_of_proof(Source.RFID, users.users[0].pins[0]) is None


def test_a_code_is_used_up_once_whoever_asks_at_the_same_moment(store: UserStore, tmp_path: Path) -> None:
    code = with_ann(store).codes[0]
    used: list[bool] = []
    takers = [threading.Thread(target=lambda: used.append(UserStore(tmp_path).use_up(code))) for _ in range(6)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert sorted(used) == [False] * 5 + [True]
    assert store.users().codes == ()
    assert store.users().users, "the user stays"


def test_a_change_from_elsewhere_is_seen_at_the_next_look(store: UserStore, tmp_path: Path) -> None:
    with_ann(store)
    UserStore(tmp_path).change(lambda users: UserList(users.salt))
    assert store.users().users == ()


def test_without_a_file_nobody_is_known(store: UserStore) -> None:
    users = store.users()
    assert users.users == ()
    assert users.user_of_proof(Source.RFID, store.proof(users.salt, Source.RFID, CARD)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 5000,
        '{"version": 2}',
        '{"version": 1, "salt": "zz", "users": [], "codes": []}',
        '{"version": 1, "salt": "00", "users": [{}], "codes": []}',
        '{"version": 1, "salt": "00", "users": [], "codes": [{"user": "u", "proof": "", "valid_until": "2026-01-01"}]}',
    ],
)
def test_a_damaged_list_lets_nobody_in_and_says_so(store: UserStore, tmp_path: Path, text: str) -> None:
    (tmp_path / USERS_FILE).write_text(text)
    (tmp_path / USERS_FILE).chmod(0o600)
    with pytest.raises(DeviceError, match=USERS_FILE):
        store.users()
    with pytest.raises(DeviceError):
        store.change(lambda users: users)
    assert (tmp_path / USERS_FILE).read_text() == text, "what cannot be read is never written over"


def test_a_list_that_others_can_read_or_that_is_a_link_is_not_believed(store: UserStore, tmp_path: Path) -> None:
    with_ann(store)
    (tmp_path / USERS_FILE).chmod(0o640)
    with pytest.raises(DeviceError, match="chmod 600"):
        UserStore(tmp_path).users()
    (tmp_path / USERS_FILE).rename(tmp_path / "elsewhere")
    (tmp_path / USERS_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeviceError):
        UserStore(tmp_path).users()


def test_what_a_power_cut_left_of_a_change_does_not_stand_in_its_way(store: UserStore, tmp_path: Path) -> None:
    (tmp_path / "users.new").write_text("half of a li")
    assert with_ann(store) == UserStore(tmp_path).users()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    store = UserStore(tmp_path / "away")
    with pytest.raises(DeviceError):
        store.change(lambda users: users)
    with pytest.raises(DeviceError):
        store.keep_tries({})
    assert store.users().users == ()


def test_counts_of_tries_outlive_the_daemon(store: UserStore, tmp_path: Path) -> None:
    assert store.tries(5.0).spent == {}
    store.keep_tries({"socket p1 guessable": 4.0})
    assert UserStore(tmp_path).tries(5.0).spent == {"socket p1 guessable": 4.0}


@pytest.mark.parametrize("text", ["", "{}", '{"spent": {"a": "b"}}', '{"spent": 3}', "\xff"])
def test_damaging_the_counts_gives_nobody_more_tries(store: UserStore, tmp_path: Path, text: str) -> None:
    (tmp_path / TRIES_FILE).write_bytes(text.encode("latin-1"))
    wait_s = store.tries(5.0).wait_s("socket p1", Source.PIN, 5.0)
    assert wait_s == pytest.approx(SECRET_OF_SITE.rest_s)


def test_what_root_writes_belongs_to_the_folders_owner(store: UserStore, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(tmp_path, 4711, 4711)
    with_ann(store)
    assert {(tmp_path / name).stat().st_uid for name in (USERS_FILE, LOCK_FILE)} == {4711}


def test_the_file_is_json_that_a_person_can_look_through(store: UserStore, tmp_path: Path) -> None:
    with_ann(store)
    said = json.loads((tmp_path / USERS_FILE).read_text())
    assert [one["name"] for one in said["users"]] == ["u-ann1"]
