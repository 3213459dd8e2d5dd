"""The link to the broker that the config names: its password, what is said at every connection, the outbox."""

import stat
from importlib.metadata import version
from random import Random

from gateway.config.plans import Cabinet, MqttPlan
from gateway.devices.mqtt_broker import Broker
from gateway.devices.mqtt_link import Announcement, MqttLink, Outbox
from gateway.errors import ConfigMistake, Mistake
from gateway.journal.outbox import PendingMessage
from gateway.publish import topic_names
from gateway.publish.discovery import discovery_topics
from gateway.publish.events import outbox_message
from gateway.publish.words import Language


def broker_link(cabinet: Cabinet, plan: MqttPlan, outbox: Outbox) -> MqttLink:
    """Not connected yet. Raises ConfigMistake if the password's file cannot be used."""
    gateway = cabinet.site.gateway_id
    language = Language(cabinet.language)
    broker = Broker(plan.host, plan.port, f"laddvakt-{gateway}", plan.username, _password(plan))
    announcement = Announcement(
        topic_names.gateway_status(gateway),
        discovery_topics(cabinet.site, language, version("laddvakt"), plan.discovery_prefix),
        topic_names.birth(plan.discovery_prefix),
    )

    def outgoing(pending: PendingMessage) -> tuple[str, str]:
        return outbox_message(gateway, pending, language)

    return MqttLink(broker, announcement, outbox, outgoing, Random())  # noqa: S311 - jitter of reconnections, no secret


def _password(plan: MqttPlan) -> str | None:
    """The broker's password. Raises ConfigMistake if its file cannot be read, or can be read by others."""
    path = plan.password_file
    if path is None:
        return None
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise _bad_password_file(plan, f"cannot be read ({problem}).", "Check path, owner and encoding.") from problem
    if stat.S_IMODE(mode) & 0o077:
        raise _bad_password_file(plan, "can be read by others.", f"chmod 600 {path}")
    return text.strip()


def _bad_password_file(plan: MqttPlan, problem: str, remedy: str) -> ConfigMistake:
    return ConfigMistake("config", (Mistake("mqtt.password_file", str(plan.password_file), problem, remedy),))
