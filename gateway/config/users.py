"""Who may charge where: groups of sockets and of users as two trees, and the readers at the sockets."""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.config.draft import Draft, Placed
from gateway.config.plans import ReaderPlan
from gateway.config.user_sections import SocketGroupSection, UserGroupSection
from gateway.config.wording import did_you_mean, shown
from gateway.errors import Mistake
from gateway.ids import SocketId
from gateway.publish.topic_names import BASE
from gateway.site.users import ALL_SOCKETS, Rights, SocketGroup, UserGroup

NO_BROKER: Final = "Add a section [mqtt]: what people present comes over the broker."


def build_rights(draft: Draft, mistakes: list[Mistake]) -> Rights:
    """Both trees; what names something unknown, or itself in the end, is told."""
    sockets = _names(draft, "socket", (one.section.name for one in draft.sockets))
    groups = _names(draft, "socket_group", (one.section.name for one in draft.socket_groups))
    for one in draft.socket_groups:
        if one.section.name in sockets or one.section.name == ALL_SOCKETS:
            remedy = f'Rights name groups and sockets alike, and "{ALL_SOCKETS}" means every socket.'
            mistakes.append(Mistake(f"{one.path}.name", shown(one.section.name), "this name is taken.", remedy))
        for socket in one.section.sockets:
            _check_known(f"{one.path}.sockets", socket, sockets, "socket", mistakes)
    for user_group in draft.user_groups:
        for right in user_group.section.rights:
            known = sockets | groups | {ALL_SOCKETS}
            _check_known(f"{user_group.path}.rights", right, known, "socket or group of sockets", mistakes)
    _check_tree("socket_group", draft.socket_groups, draft, mistakes)
    _check_tree("user_group", draft.user_groups, draft, mistakes)
    return Rights(
        {
            one.section.name: SocketGroup(one.section.parent, frozenset(SocketId(name) for name in one.section.sockets))
            for one in draft.socket_groups
        },
        {one.section.name: UserGroup(one.section.parent, frozenset(one.section.rights)) for one in draft.user_groups},
    )


def build_readers(draft: Draft, mistakes: list[Mistake]) -> tuple[ReaderPlan, ...]:
    """The readers; each stands at one socket and speaks on a topic of its own."""
    sockets = _names(draft, "socket", (one.section.name for one in draft.sockets))
    owners: dict[str, str] = {}
    for one in draft.readers:
        topic = one.section.topic
        _check_known(f"{one.path}.socket", one.section.socket, sockets, "socket", mistakes)
        earlier = owners.setdefault(topic, one.path)
        if earlier != one.path:
            remedy = "A reader stands at one socket: give each its own topic."
            mistakes.append(Mistake(f"{one.path}.topic", shown(topic), f"{earlier} speaks on it.", remedy))
        if topic.split("/", 1)[0] == BASE:
            remedy = "Name the topic on which the reader itself speaks."
            mistakes.append(Mistake(f"{one.path}.topic", shown(topic), "lies among the gateway's own.", remedy))
        if not draft.mqtt_stated:
            mistakes.append(Mistake(f"{one.path}.topic", shown(topic), "there is no broker in this file.", NO_BROKER))
    return tuple(
        ReaderPlan(one.section.name, one.section.topic, SocketId(one.section.socket), one.section.field)
        for one in draft.readers
    )


def check_lists(draft: Draft, mistakes: list[Mistake]) -> None:
    """A socket that asks who comes needs a way to be told, and a name that is not the word for every socket."""
    for one in draft.sockets:
        listed = one.section.access == "list"
        if listed and not draft.mqtt_stated:
            mistakes.append(Mistake(f"{one.path}.access", '"list"', "nobody could ever say who he is.", NO_BROKER))
        if listed and one.section.name == ALL_SOCKETS:
            problem = "as a right this word means every socket."
            mistakes.append(Mistake(f"{one.path}.name", shown(ALL_SOCKETS), problem, "Give the socket another name."))


def _names(draft: Draft, kind: str, sound: Iterable[str]) -> frozenset[str]:
    """With those whose sections are broken: they are told of already."""
    return frozenset(sound) | draft.blamed.get(kind, frozenset())


def _check_known(path: str, name: str, known: frozenset[str], kind: str, mistakes: list[Mistake]) -> None:
    if name not in known:
        mistakes.append(Mistake(path, shown(name), f"there is no such {kind}.", did_you_mean(name, known)))


def _check_tree(
    kind: str,
    placed: Iterable[Placed[SocketGroupSection]] | Iterable[Placed[UserGroupSection]],
    draft: Draft,
    mistakes: list[Mistake],
) -> None:
    """Every parent is there, and nobody lies in himself."""
    parents: Mapping[str, str | None] = {one.section.name: one.section.parent for one in placed}
    known = _names(draft, kind, parents)
    for name, parent in parents.items():
        path = f"{kind}[{name}].parent"
        if parent is None:
            continue
        _check_known(path, parent, known, "group", mistakes)
        seen = {name}
        at: str | None = parent
        while at is not None and at not in seen:
            seen.add(at)
            at = parents.get(at)
        if at == name:
            remedy = "Take the parent of one of them away."
            mistakes.append(Mistake(path, shown(parent), "these groups lie in each other, in a circle.", remedy))
