"""`laddvakt users`: the list of users of a gateway, beside its journal. The daemon sees a change at the next tap.

A user is a pseudonym: who stands behind it belongs on the board's own paper, so that removing a user here leaves bills
and no person (GDPR, article 17(3)(b)). Cards, PINs and codes are asked for, or read from standard input, never taken
from the command line, where other programs and the shell's history would see them; what is kept is a salted proof.
"""

import argparse
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from gateway.errors import ConfigMistake, DeviceError, Mistake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.config.plans import Cabinet
    from gateway.devices.user_store import UserStore
    from gateway.site.requests import Source
    from gateway.site.users import User, UserList

PIN_DIGITS_MIN: Final = 6
CODE_SIGNS: Final = 8
CODE_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, 1, O and I: it is read out and typed in. Forty bits."""
HOURS_MAX: Final = 24 * 366


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    about = {
        "list": "print users, groups, rights and ends; no card and no code",
        "add": "add a user, and print the pseudonym",
        "change": "give a user another end, other groups or other rights; cards and codes stay",
        "remove": "take a user off the list, with all cards and codes",
        "card": "add a card to a user",
        "pin": "give a user a PIN in place of the one before",
        "code": "make a one-time code for a user, and print it once",
    }
    words = {name: actions.add_parser(name, help=text, description=text) for name, text in about.items()}
    for name, one in words.items():
        one.add_argument("config", type=Path, metavar="CONFIG", help="the gateway's config file")
        if name not in ("list", "add"):
            one.add_argument("user", metavar="USER", help="the pseudonym")
    add, change = words["add"], words["change"]
    add.add_argument("--user", metavar="USER", help="a pseudonym of your own, never a name; drawn if left out")
    change.add_argument("--no-end", action="store_true", help="without a last day from now on")
    change.add_argument("--no-groups", action="store_true", help="in no group from now on")
    change.add_argument("--no-rights", action="store_true", help="no rights of its own from now on")
    for one in (add, change):
        groups, rights = "a [[user_group]]; may be repeated", "a socket, a [[socket_group]] or all; may be repeated"
        one.add_argument("--group", action="append", default=[], metavar="NAME", help=groups)
        one.add_argument("--right", action="append", default=[], metavar="NAME", help=rights)
        one.add_argument("--until", metavar="YYYY-MM-DD", help="the last day, in the gateway's time zone")
    add.add_argument("--card", action="store_true", help="asks for the number of a card too")
    add.add_argument("--pin", action="store_true", help="asks for a PIN too")
    words["code"].add_argument("--hours", type=int, default=24, help="how long it is good for; default 24")


def run(args: argparse.Namespace) -> int:
    """Does it. Raises ConfigMistake on what a person slipped, DeviceError on files."""
    from gateway.config.load import load_cabinet
    from gateway.devices.user_store import UserStore

    cabinet = load_cabinet(args.config)
    if not cabinet.state_dir.is_dir():
        raise DeviceError(f"{cabinet.state_dir} is not there yet: the gateway makes it at its first start")
    store = UserStore(cabinet.state_dir)
    match args.action:
        case "list":
            _list(cabinet, store)
        case "add":
            _add(args, cabinet, store)
        case "change":
            _change(args, cabinet, store)
        case "remove":
            _remove(args.user, store)
        case "card" | "pin":
            _proof(args, store)
        case _:
            _code(args, store)
    return 0


def _list(cabinet: "Cabinet", store: "UserStore") -> None:
    users = store.users()
    now = datetime.now(UTC)
    for one in users.users:
        end = "without end" if one.valid_until is None else f"until {_local(cabinet, one.valid_until)}"
        past = ", EXPIRED" if one.valid_until is not None and one.valid_until <= now else ""
        codes = sum(1 for code in users.codes if code.user == one.name and code.valid_until > now)
        reached = [name for name in cabinet.site.sockets if cabinet.rights.may_charge(one, name)]
        gone = [name for name in one.groups if name not in cabinet.rights.user_groups]
        print(
            f"{one.name}: {end}{past}; groups {_joined(one.groups)}; rights {_joined(one.rights)};"
            f" sockets {_joined(reached)}; {len(one.cards)} card(s), {len(one.pins)} PIN(s), {codes} code(s)"
            + (f"; NO SUCH GROUP in the config: {_joined(gone)}" if gone else "")
        )
    print(f"{len(users.users)} user(s)")


def _add(args: argparse.Namespace, cabinet: "Cabinet", store: "UserStore") -> None:
    import secrets

    from gateway.ids import Token
    from gateway.publish.commands import uniform
    from gateway.site.requests import Source
    from gateway.site.users import User, UserList

    _require_names(args, cabinet)
    name = args.user or f"u-{secrets.token_hex(4)}"
    if uniform(Source.MQTT, name) is None:
        raise _mistake("--user", name, "this is no pseudonym.", "Four to 64 letters, digits and . _ : -")
    until = None if args.until is None else _end_of(args.until, cabinet)
    card = _asked(Source.RFID) if args.card else None
    pin = _asked(Source.PIN) if args.pin else None

    def added(users: "UserList") -> "UserList":
        if any(one.name == name for one in users.users):
            raise _mistake("--user", name, "this user is on the list.", "Use card, pin or code, or remove it first.")
        cards = () if card is None else (_fresh_proof(store, users, Source.RFID, card),)
        pins = () if pin is None else (_fresh_proof(store, users, Source.PIN, pin),)
        user = User(Token(name), tuple(args.group), tuple(args.right), until, cards, pins)
        return UserList(users.salt, (*users.users, user), users.codes)

    store.change(added)
    print(name)


def _change(args: argparse.Namespace, cabinet: "Cabinet", store: "UserStore") -> None:
    """What is named takes the place of what was; what is not named stays."""
    from dataclasses import replace

    from gateway.site.users import UserList

    pairs = {
        "until": ("--no-end", args.until, args.no_end),
        "group": ("--no-groups", args.group, args.no_groups),
        "right": ("--no-rights", args.right, args.no_rights),
    }
    for name, (opposite, given, taken) in pairs.items():
        if given and taken:
            raise _mistake(f"--{name}", str(given), f"contradicts {opposite}.", "Give one of them.")
    if not any(given or taken for _, given, taken in pairs.values()):
        raise _mistake("arguments", "", "nothing is to be changed.", "Give --until, --group, --right or a --no-...")
    _require_names(args, cabinet)
    until = None if args.until is None else _end_of(args.until, cabinet)

    def changed(users: "UserList") -> "UserList":
        user = _known(users, args.user)
        other = replace(
            user,
            groups=tuple(args.group) if args.group or args.no_groups else user.groups,
            rights=tuple(args.right) if args.right or args.no_rights else user.rights,
            valid_until=until if until is not None or args.no_end else user.valid_until,
        )
        return UserList(users.salt, tuple(other if one is user else one for one in users.users), users.codes)

    store.change(changed)
    print(f"{args.user} is changed; see: laddvakt users list CONFIG")


def _require_names(args: argparse.Namespace, cabinet: "Cabinet") -> None:
    from gateway.site.users import ALL_SOCKETS

    _check_names("--right", args.right, {ALL_SOCKETS, *cabinet.site.sockets, *cabinet.rights.socket_groups})
    _check_names("--group", args.group, set(cabinet.rights.user_groups))


def _remove(name: str, store: "UserStore") -> None:
    from gateway.site.users import UserList

    def removed(users: "UserList") -> "UserList":
        _known(users, name)
        return UserList(
            users.salt,
            tuple(one for one in users.users if one.name != name),
            tuple(one for one in users.codes if one.user != name),
        )

    store.change(removed)
    print(f"{name} is off the list; sessions in the journal keep the pseudonym")


def _proof(args: argparse.Namespace, store: "UserStore") -> None:
    from dataclasses import replace

    from gateway.site.requests import Source
    from gateway.site.users import UserList

    means = Source.RFID if args.action == "card" else Source.PIN
    _known(store.users(), args.user)
    text = _asked(means)

    def given(users: "UserList") -> "UserList":
        user = _known(users, args.user)
        proof = _fresh_proof(store, users, means, text)
        if means is Source.RFID:
            changed = replace(user, cards=(*user.cards, proof))
        else:
            changed = replace(user, pins=(proof,))
        return UserList(users.salt, tuple(changed if one is user else one for one in users.users), users.codes)

    store.change(given)
    print(f"{args.user} has it")


def _code(args: argparse.Namespace, store: "UserStore") -> None:
    """Codes that are past are cleared away with it."""
    import secrets

    from gateway.ids import Token
    from gateway.site.requests import Source
    from gateway.site.users import OneTimeCode, UserList

    if not 1 <= args.hours <= HOURS_MAX:
        raise _mistake("--hours", str(args.hours), "is out of range.", f"It must be 1 to {HOURS_MAX}.")
    text = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_SIGNS))
    now = datetime.now(UTC)

    def made(users: "UserList") -> "UserList":
        _known(users, args.user)
        until = now + timedelta(hours=args.hours)
        code = OneTimeCode(Token(args.user), store.proof(users.salt, Source.CODE, text), until)
        return UserList(users.salt, users.users, (*(one for one in users.codes if one.valid_until > now), code))

    store.change(made)
    print(f"{text[:4]}-{text[4:]}")


def _known(users: "UserList", name: str) -> "User":
    found = users.user(name)
    if found is None:
        raise _mistake("USER", name, "this user is not on the list.", "See: laddvakt users list CONFIG")
    return found


def _fresh_proof(store: "UserStore", users: "UserList", means: "Source", text: str) -> bytes:
    """The proof, if nobody has the same: who is known by it alone must be the only one."""
    proof = store.proof(users.salt, means, text)
    if users.user_of_proof(means, proof) is not None:
        raise _mistake(means.value, "(not shown)", "a user on the list has it already.", "Take another one.")
    return proof


def _asked(means: "Source") -> str:
    """Asked for without showing it, or one line of standard input."""
    from getpass import getpass

    from gateway.publish.commands import uniform
    from gateway.site.requests import Source

    word = "card number" if means is Source.RFID else "PIN"
    given = getpass(f"{word}: ") if sys.stdin.isatty() else sys.stdin.readline()
    text = uniform(means, given.strip())
    if text is None or (means is Source.PIN and len(text) < PIN_DIGITS_MIN):
        form = "Four to 40 digits and letters." if means is Source.RFID else f"{PIN_DIGITS_MIN} to 16 digits."
        raise _mistake(means.value, "(not shown)", f"this is no {word}.", form)
    return text


def _check_names(what: str, given: list[str], known: set[str]) -> None:
    for name in given:
        if name not in known:
            there = f"There are: {', '.join(sorted(known))}." if known else "There is none in the config."
            raise _mistake(what, name, "there is no such name in the config.", there)


def _end_of(day: str, cabinet: "Cabinet") -> datetime:
    """The midnight after the last day."""
    try:
        after = date.fromisoformat(day) + timedelta(days=1)
        return datetime.combine(after, time(), ZoneInfo(cabinet.time_zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _mistake("--until", day, "is no day.", "Write it as 2027-01-31.") from None


def _local(cabinet: "Cabinet", moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(cabinet.time_zone)).isoformat(sep=" ", timespec="minutes")


def _joined(names: "Sequence[str]") -> str:
    return ", ".join(names) or "none"


def _mistake(path: str, value: str, problem: str, remedy: str) -> ConfigMistake:
    return ConfigMistake("arguments", (Mistake(path, value, problem, remedy),))
