"""The words of the config for who may charge where: groups of sockets, groups of users, card readers."""

from typing import Final

from pydantic import Field

from gateway.config.section import Name, Section

TOPIC_FORM: Final = r"^[^+#$\x00][^+#\x00]*$"
FIELD_FORM: Final = r"^[^.]+(\.[^.]+){0,4}$"


class SocketGroupSection(Section):
    """Sockets on which rights are given together; a right on a group reaches every group and socket inside."""

    name: Name
    parent: Name | None = Field(default=None, description="the group that this one lies in")
    sockets: list[Name] = Field(default_factory=list)


class UserGroupSection(Section):
    """Users who have rights together; every group inside this one has them too."""

    name: Name
    parent: Name | None = Field(default=None, description="the group that this one lies in")
    rights: list[Name] = Field(default_factory=list, description='names of sockets or socket groups, or "all"')


class ReaderSection(Section):
    """A card reader that speaks over MQTT: a tap starts a session, the same user's next tap ends it."""

    name: Name
    topic: str = Field(min_length=1, max_length=200, pattern=TOPIC_FORM)
    socket: Name
    field: str | None = Field(
        default=None, pattern=FIELD_FORM, description="where JSON holds the number, such as RC522.UID"
    )
