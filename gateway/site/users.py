"""Who may charge: users as pseudonyms with the proofs of their cards and codes, groups, and rights that are inherited.

A user is a pseudonym and never a name: who stands behind it is written down by the board, not here (GDPR, article
4(5)).
Cards, PINs and one-time codes are known by their salted proofs alone, so that the list gives none of them away.

Rights: a right names a socket, a group of sockets, or `all`. A group of sockets hands every right on it down to the
groups and sockets inside; a group of users hands its own rights down to the groups and users inside. Nothing else gives
a right.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hmac import compare_digest
from typing import Final, TypeVar

from gateway.clock import Instant, UtcTrust
from gateway.ids import SocketId, Token
from gateway.site.requests import NO_PLAN, ChargePlan, Source

One = TypeVar("One")
ALL_SOCKETS: Final = "all"
"""The right on every socket; no socket and no group may bear this name."""


class UserRefused(StrEnum):
    """Why nobody is let in."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    NO_RIGHT = "no_right"
    CLOCK_UNKNOWN = "clock_unknown"  # an end date cannot be judged before the clock is set
    LOCKED_OUT = "locked_out"  # too many wrong tries
    TAKEN = "taken"  # somebody else's session stands on the socket
    BUSY = "busy"  # more was presented than can be looked at
    LIST_UNREADABLE = "list_unreadable"


@dataclass(frozen=True, slots=True)
class Presented:
    """A card, a code or a pseudonym at a socket. text: as it was given, made uniform; reader: None from a command;
    toggles: the same user ends with it what he began with it; arms: the socket waits for its full rating."""

    socket: SocketId
    means: Source
    text: str = field(repr=False)
    reader: str | None = None
    toggles: bool = False
    arms: bool = False
    plan: ChargePlan = NO_PLAN


@dataclass(frozen=True, slots=True)
class NotLetIn:
    """Who presented something at a socket is not let in. wait_s: how long nothing is looked at; 0: at once."""

    socket: SocketId
    why: UserRefused
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class User:
    """One user. cards, pins: their proofs; valid_until: None without an end."""

    name: Token
    groups: tuple[str, ...] = ()
    rights: tuple[str, ...] = ()
    valid_until: datetime | None = None
    cards: tuple[bytes, ...] = ()
    pins: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A code that lets its user in once."""

    user: Token
    proof: bytes
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class UserList:
    """Everybody who may charge where a socket asks. salt: of every proof in it."""

    salt: bytes
    users: tuple[User, ...] = ()
    codes: tuple[OneTimeCode, ...] = ()

    def user(self, name: str) -> User | None:
        """By pseudonym; the whole list is walked whoever it is."""
        return _found((compare_digest(one.name.encode(), name.encode()), one) for one in self.users)

    def user_of_proof(self, means: Source, proof: bytes) -> User | None:
        """By the proof of a card or a PIN."""
        proofs = ((each, one) for one in self.users for each in (one.cards if means is Source.RFID else one.pins))
        return _found((compare_digest(each, proof), one) for each, one in proofs)

    def code(self, proof: bytes) -> OneTimeCode | None:
        """By the proof of a one-time code."""
        return _found((compare_digest(one.proof, proof), one) for one in self.codes)


def _found(compared: Iterable[tuple[bool, One]]) -> One | None:
    found = None
    for same, one in compared:
        if same:
            found = one
    return found


@dataclass(frozen=True, slots=True)
class SocketGroup:
    """Sockets that rights are given on together."""

    parent: str | None
    sockets: frozenset[SocketId]


@dataclass(frozen=True, slots=True)
class UserGroup:
    """Users who have rights together."""

    parent: str | None
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rights:
    """Both trees. A parent that is not there, or a circle, hands nothing down; the config door refuses both."""

    socket_groups: Mapping[str, SocketGroup] = field(default_factory=dict)
    user_groups: Mapping[str, UserGroup] = field(default_factory=dict)

    def may_charge(self, user: User, socket: SocketId) -> bool:
        """Whether any right of the user or of his groups reaches the socket."""
        held = set(user.rights)
        for group in user.groups:
            for above in _upwards(group, {name: one.parent for name, one in self.user_groups.items()}):
                held |= self.user_groups[above].rights
        return not held.isdisjoint(self._names_of(socket))

    def _names_of(self, socket: SocketId) -> set[str]:
        """Every name under which the socket is reached."""
        parents = {name: one.parent for name, one in self.socket_groups.items()}
        names = {ALL_SOCKETS, str(socket)}
        for name, group in self.socket_groups.items():
            if socket in group.sockets:
                names.update(_upwards(name, parents))
        return names


def _upwards(name: str, parents: Mapping[str, str | None]) -> Iterator[str]:
    """The group and all above it."""
    seen: set[str] = set()
    at: str | None = name
    while at is not None and at in parents and at not in seen:
        seen.add(at)
        yield at
        at = parents[at]


def refusal(
    user: User | None, code: OneTimeCode | None, rights: Rights | None, socket: SocketId, now: Instant
) -> UserRefused | None:
    """Why this user is not let in at this socket; None: he is. rights None: the socket is open to everybody known."""
    if user is None:
        return UserRefused.UNKNOWN
    ends = [end for end in (user.valid_until, None if code is None else code.valid_until) if end is not None]
    if ends and now.utc_trust is UtcTrust.UNKNOWN:
        return UserRefused.CLOCK_UNKNOWN
    if any(now.utc >= end for end in ends):
        return UserRefused.EXPIRED
    if rights is not None and not rights.may_charge(user, socket):
        return UserRefused.NO_RIGHT
    return None
