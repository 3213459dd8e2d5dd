"""Rights over two trees: one on a parent reaches every child, and nothing else gives any."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import Instant, UtcTrust
from gateway.ids import SocketId, Token
from gateway.site.users import (
    ALL_SOCKETS,
    OneTimeCode,
    Rights,
    SocketGroup,
    User,
    UserGroup,
    UserRefused,
    refusal,
)

P = [SocketId(f"p{n}") for n in range(6)]
NOW = Instant(10.0, datetime(2026, 6, 1, 12, 0, tzinfo=UTC), UtcTrust.SYNCHRONISED)
ANN = User(Token("u-ann1"), rights=("p1",))


def inside(parents: list[int | None], group: int) -> set[int]:
    """All groups inside a group, itself too: found from above, group by group."""
    return {group}.union(*(inside(parents, child) for child, parent in enumerate(parents) if parent == group))


@st.composite
def trees(draw: st.DrawFn) -> list[int | None]:
    """Parents by number, always a smaller one: no circle."""
    size = draw(st.integers(1, 7))
    return [None if n == 0 else draw(st.one_of(st.none(), st.integers(0, n - 1))) for n in range(size)]


@given(trees(), trees(), st.data())
def test_a_right_on_a_parent_reaches_every_child_and_nothing_else(
    sockets_in: list[int | None], users_in: list[int | None], data: st.DataObject
) -> None:
    held_by = {socket: data.draw(st.integers(0, len(sockets_in) - 1)) for socket in P}
    granted = {
        group: data.draw(st.sets(st.sampled_from([*(f"s{n}" for n in range(len(sockets_in))), *P]), max_size=3))
        for group in range(len(users_in))
    }
    own = data.draw(st.sets(st.sampled_from([*(f"s{n}" for n in range(len(sockets_in))), *P]), max_size=2))
    of_user = data.draw(st.sets(st.integers(0, len(users_in) - 1), max_size=2))
    rights = Rights(
        {
            f"s{n}": SocketGroup(
                None if parent is None else f"s{parent}", frozenset(one for one in P if held_by[one] == n)
            )
            for n, parent in enumerate(sockets_in)
        },
        {
            f"g{n}": UserGroup(None if parent is None else f"g{parent}", frozenset(granted[n]))
            for n, parent in enumerate(users_in)
        },
    )
    user = User(Token("u-0001"), tuple(f"g{n}" for n in of_user), tuple(own))
    held = set(own)
    for group in range(len(users_in)):
        if of_user & inside(users_in, group):
            held |= granted[group]
    expected = {one for one in P if one in held}
    for n in range(len(sockets_in)):
        if f"s{n}" in held:
            expected |= {one for one in P if held_by[one] in inside(sockets_in, n)}
    assert {one for one in P if rights.may_charge(user, one)} == expected


def test_the_right_to_all_reaches_every_socket_and_no_right_reaches_none() -> None:
    assert Rights().may_charge(User(Token("u-1"), rights=(ALL_SOCKETS,)), P[0])
    assert not Rights().may_charge(User(Token("u-1")), P[0])


def test_a_group_that_is_gone_from_the_config_gives_no_right() -> None:
    gone = User(Token("u-1"), groups=("away",), rights=("away-too",))
    assert not Rights({}, {"here": UserGroup(None, frozenset({"p1"}))}).may_charge(gone, P[1])


def test_groups_in_a_circle_or_on_nothing_end_somewhere() -> None:
    circle = {
        "a": UserGroup("b", frozenset()),
        "b": UserGroup("a", frozenset({"p1"})),
        "c": UserGroup("away", frozenset({"p2"})),
    }
    assert Rights({}, circle).may_charge(User(Token("u-1"), groups=("a",)), P[1])
    assert not Rights({}, circle).may_charge(User(Token("u-1"), groups=("c",)), P[1])


@pytest.mark.parametrize(
    ("user", "code", "expected"),
    [
        (None, None, UserRefused.UNKNOWN),
        (ANN, None, None),
        (User(Token("u-1"), rights=("p2",)), None, UserRefused.NO_RIGHT),
        (User(Token("u-1"), rights=("p1",), valid_until=NOW.utc), None, UserRefused.EXPIRED),
        (User(Token("u-1"), rights=("p1",), valid_until=NOW.utc + timedelta(seconds=1)), None, None),
        (ANN, OneTimeCode(ANN.name, b"", NOW.utc), UserRefused.EXPIRED),
        (ANN, OneTimeCode(ANN.name, b"", NOW.utc + timedelta(seconds=1)), None),
    ],
)
def test_nobody_is_let_in_but_who_is_known_in_time_and_has_a_right(
    user: User | None, code: OneTimeCode | None, expected: UserRefused | None
) -> None:
    assert refusal(user, code, Rights(), P[1], NOW) is expected


def test_before_the_clock_is_set_only_those_without_an_end_are_let_in() -> None:
    unset = Instant(10.0, datetime(1970, 1, 1, tzinfo=UTC), UtcTrust.UNKNOWN)
    guest = User(Token("u-1"), rights=("p1",), valid_until=NOW.utc)
    assert refusal(guest, None, Rights(), P[1], unset) is UserRefused.CLOCK_UNKNOWN
    assert refusal(ANN, None, Rights(), P[1], unset) is None


def test_where_a_socket_does_not_ask_everybody_known_is_let_in() -> None:
    assert refusal(User(Token("u-1")), None, None, P[1], NOW) is None
    assert refusal(None, None, None, P[1], NOW) is UserRefused.UNKNOWN
