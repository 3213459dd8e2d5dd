"""Home Assistant device discovery: one retained message for the gateway, then one per socket. No YAML for anybody.

Unique ids are made of the gateway id, the socket's config name and the English key: all three never change.
"""

from typing import Final

from gateway.publish import topic_names
from gateway.publish.entities import EXPIRE_S, Entity
from gateway.publish.gateway_entities import gateway_entities
from gateway.publish.json_text import Value, json_text
from gateway.publish.restraint_entities import charge_now_entities
from gateway.publish.socket_entities import socket_entities
from gateway.publish.words import Language, pick
from gateway.site.topology import Site, Socket

MAKER: Final = "Laddvakt"


def discovery_topics(site: Site, language: Language, version: str, prefix: str = "homeassistant") -> dict[str, str]:
    """Topic to payload in the order of publishing: a device that others point at must be there first."""
    gateway = site.gateway_id
    out = {topic_names.discovery(prefix, gateway): json_text(_gateway_device(site, language, version))}
    for socket in site.sockets.values():
        out[topic_names.discovery(prefix, gateway, socket.id)] = json_text(
            _socket_device(site, socket, language, version)
        )
    return out


def _gateway_device(site: Site, language: Language, version: str) -> Value:
    gateway = site.gateway_id
    one = f"laddvakt_{gateway}"
    components: dict[str, Value] = {}
    for state_topic, entity in gateway_entities(site):
        components[entity.key] = _component(entity, one, language, state_topic, [topic_names.gateway_status(gateway)])
    components["connectivity"] = {
        "p": "binary_sensor",
        "name": pick(("Uppkopplad", "Connected"), language),
        "uniq_id": f"{one}_connectivity",
        "obj_id": f"{one}_connectivity".replace("-", "_"),
        "def_ent_id": f"binary_sensor.{one}_connectivity".replace("-", "_"),
        "dev_cla": "connectivity",
        "ent_cat": "diagnostic",
        "stat_t": topic_names.gateway_status(gateway),
        "pl_on": topic_names.ONLINE,
        "pl_off": topic_names.OFFLINE,
    }
    return {
        "dev": {"ids": [one], "name": f"Laddvakt {gateway}", "mf": MAKER, "mdl": "Gateway", "sw": version},
        "o": {"name": MAKER, "sw": version},
        "cmps": components,
        "qos": 1,
    }


def _socket_device(site: Site, socket: Socket, language: Language, version: str) -> Value:
    gateway = site.gateway_id
    one = f"laddvakt_{gateway}_{socket.id}"
    state_topic = topic_names.socket_state(gateway, socket.id)
    alive = [topic_names.gateway_status(gateway)]
    metered = [*alive, topic_names.socket_status(gateway, socket.id)]
    components: dict[str, Value] = {
        entity.key: _component(entity, one, language, state_topic, metered if entity.needs_meter else alive)
        for entity in (*socket_entities(gateway, socket), *charge_now_entities(site, socket))
    }
    return {
        "dev": {
            "ids": [one],
            "name": socket.label,
            "mf": MAKER,
            "mdl": pick(_kind(socket), language),
            "sw": version,
            "via_device": f"laddvakt_{gateway}",
        },
        "o": {"name": MAKER, "sw": version},
        "cmps": components,
        "qos": 1,
    }


def _component(entity: Entity, device: str, language: Language, state_topic: str, alive: list[str]) -> Value:
    unique = f"{device}_{entity.key}"
    object_id = unique.replace("-", "_")
    out: dict[str, Value] = {
        "p": entity.platform,
        "name": pick(entity.name, language),
        "uniq_id": unique,
        "obj_id": object_id,
        "def_ent_id": f"{entity.platform}.{object_id}",
        "avty": [{"t": topic} for topic in alive],
        "avty_mode": "all",
    }
    if entity.template is not None:
        out |= {"stat_t": state_topic, "val_tpl": entity.template}
    for short, said in (
        ("unit_of_meas", entity.unit),
        ("dev_cla", entity.device_class),
        ("stat_cla", entity.state_class),
        ("ent_cat", entity.category),
    ):
        if said is not None:
            out[short] = said
    if not entity.enabled:
        out["en"] = False
    if entity.expires:
        out["exp_aft"] = EXPIRE_S
    return out | entity.more


def _kind(socket: Socket) -> tuple[str, str]:
    match (socket.contactor, socket.wallbox is not None):
        case (True, True):
            return ("Laddbox med kontaktor", "Wallbox with contactor")
        case (False, True):
            return ("Laddbox", "Wallbox")
        case (True, False):
            return ("Uttag med kontaktor", "Socket with contactor")
        case _:
            return ("Uttag utan styrning", "Socket without control")
