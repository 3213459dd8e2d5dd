"""Groups, rights and readers in the config: two trees, and every slip told; configs without them are as before."""

import pytest

from gateway.config.load import cabinet_of
from gateway.config.plans import ReaderPlan
from gateway.errors import ConfigMistake
from gateway.ids import SocketId, Token
from gateway.site.topology import Access
from gateway.site.users import Rights, User
from tests.config.test_config_example import EXAMPLE

P1, P2, P3 = SocketId("p1"), SocketId("p2"), SocketId("p3")
GROUPS = """
[[socket_group]]
name = "site"
[[socket_group]]
name = "garden"
parent = "site"
sockets = ["p3"]
[[socket_group]]
name = "house"
parent = "site"
sockets = ["p1", "p2"]
[[user_group]]
name = "board"
rights = ["site"]
[[user_group]]
name = "residents"
parent = "board"
rights = ["p2"]
[[reader]]
name = "door"
topic = "tele/door/SENSOR"
field = "RC522.UID"
socket = "p1"
"""
LISTED = EXAMPLE.replace('access = "open"  ', 'access = "list"  ', 1)


def mistakes_of(text: str) -> dict[str, str]:
    with pytest.raises(ConfigMistake) as wrong:
        cabinet_of(text, "example")
    return {mistake.path: str(mistake) for mistake in wrong.value.mistakes}


def test_a_config_without_users_is_as_before() -> None:
    cabinet = cabinet_of(EXAMPLE, "example")
    assert (cabinet.rights, cabinet.readers) == (Rights(), ())
    assert [socket.access for socket in cabinet.site.sockets.values()] == [
        Access.OPEN,
        Access.OPEN,
        Access.ARMED,
        Access.COMMAND,
    ]


def test_public_is_another_word_for_command_and_list_asks_who_comes() -> None:
    text = LISTED.replace('access = "command"', 'access = "public"')
    sockets = cabinet_of(text, "example").site.sockets
    assert (sockets[P1].access, sockets[SocketId("p4")].access) == (Access.LIST, Access.COMMAND)


def test_groups_become_rights_and_readers_become_plans() -> None:
    cabinet = cabinet_of(EXAMPLE + GROUPS, "example")
    board, resident = User(Token("u-1"), groups=("board",)), User(Token("u-2"), groups=("residents",))
    gardener = User(Token("u-3"), rights=("garden",))
    assert [cabinet.rights.may_charge(board, one) for one in (P1, P2, P3)] == [True, True, True]
    assert cabinet.rights.may_charge(resident, P1), "a right on the board reaches the residents inside it"
    assert [cabinet.rights.may_charge(gardener, one) for one in (P1, P2, P3)] == [False, False, True]
    assert cabinet.readers == (ReaderPlan("door", "tele/door/SENSOR", P1, "RC522.UID"),)


@pytest.mark.parametrize(
    ("was", "now", "path", "word"),
    [
        ('sockets = ["p3"]', 'sockets = ["p33"]', "socket_group[garden].sockets", 'Did you mean "p3"?'),
        ('parent = "site"', 'parent = "sit"', "socket_group[garden].parent", 'Did you mean "site"?'),
        ('name = "site"\n', 'name = "site"\nparent = "house"\n', "socket_group[site].parent", "circle"),
        ('rights = ["p2"]', 'rights = ["hose"]', "user_group[residents].rights", 'Did you mean "house"?'),
        ('rights = ["site"]', 'rights = ["site"]\nparent = "board"', "user_group[board].parent", "circle"),
        ('name = "garden"', 'name = "p1"', "socket_group[p1].name", "taken"),
        ('name = "garden"', 'name = "all"', "socket_group[all].name", "taken"),
        ('socket = "p1"', 'socket = "q1"', "reader[door].socket", "There are: p1"),
        ('topic = "tele/door/SENSOR"', 'topic = "tele/+/SENSOR"', "reader[door].topic", "without + and #"),
        ('topic = "tele/door/SENSOR"', 'topic = "laddvakt/villa-1/x"', "reader[door].topic", "gateway's own"),
        ('field = "RC522.UID"', 'field = "RC522..UID"', "reader[door].field", "points between"),
        (
            "[[reader]]",
            '[[reader]]\nname = "twin"\ntopic = "tele/door/SENSOR"\nsocket = "p2"\n[[reader]]',
            "reader[door].topic",
            "its own topic",
        ),
    ],
)
def test_a_slip_in_the_groups_is_told_with_a_remedy(was: str, now: str, path: str, word: str) -> None:
    told = mistakes_of(EXAMPLE + GROUPS.replace(was, now, 1))
    assert path in told, told
    assert word in told[path]


def test_a_socket_that_asks_needs_a_broker_and_something_to_keep_people_out() -> None:
    start, end = LISTED.index("[mqtt]"), LISTED.index("[control]")
    without = LISTED[:start] + LISTED[end:]
    told = mistakes_of(without + GROUPS)
    assert "[mqtt]" in told["socket[p1].access"]
    assert "[mqtt]" in told["reader[door].topic"]
    bare = EXAMPLE.replace('access = "command"', 'access = "list"')
    assert "keeps anybody" in mistakes_of(bare)["socket[p4].access"]


def test_a_broken_group_is_not_told_twice() -> None:
    told = mistakes_of(EXAMPLE + GROUPS.replace('sockets = ["p3"]', "sockets = 3", 1))
    assert list(told) == ["socket_group[garden].sockets"]
