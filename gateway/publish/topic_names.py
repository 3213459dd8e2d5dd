"""Every MQTT topic of the gateway, in one place. All lie under `laddvakt/<gateway id>/`."""

from gateway.ids import FuseId, GatewayId, LimitId, SocketId, TariffId

BASE = "laddvakt"
ONLINE = "online"
OFFLINE = "offline"


def gateway_root(gateway: GatewayId) -> str:
    return f"{BASE}/{gateway}"


def gateway_status(gateway: GatewayId) -> str:
    """`online` or `offline`, retained; also the last will."""
    return f"{BASE}/{gateway}/status"


def gateway_state(gateway: GatewayId) -> str:
    return f"{BASE}/{gateway}/state"


def grid_state(gateway: GatewayId) -> str:
    return f"{BASE}/{gateway}/grid/state"


def fuse_state(gateway: GatewayId, fuse: FuseId) -> str:
    return f"{BASE}/{gateway}/fuse/{fuse}/state"


def queue_state(gateway: GatewayId) -> str:
    return f"{BASE}/{gateway}/queue/state"


def socket_state(gateway: GatewayId, socket: SocketId) -> str:
    return f"{BASE}/{gateway}/socket/{socket}/state"


def socket_status(gateway: GatewayId, socket: SocketId) -> str:
    """`online` or `offline`, retained: whether the socket's own meter is heard."""
    return f"{BASE}/{gateway}/socket/{socket}/status"


def socket_command(gateway: GatewayId, socket: SocketId, key: str) -> str:
    return f"{BASE}/{gateway}/socket/{socket}/{key}/set"


def command_filter(gateway: GatewayId) -> str:
    """What to subscribe to for every command of every socket."""
    return f"{BASE}/{gateway}/socket/+/+/set"


def tariff_state(gateway: GatewayId, tariff: TariffId) -> str:
    return f"{BASE}/{gateway}/power_tariff/{tariff}/state"


def cabinet_temperature(gateway: GatewayId) -> str:
    """Where a thermometer over MQTT tells the cabinet's temperature: a number of °C, never retained."""
    return f"{BASE}/{gateway}/cabinet_temperature/set"


def cabinet_state(gateway: GatewayId) -> str:
    return f"{BASE}/{gateway}/cabinet/state"


def prices(gateway: GatewayId) -> str:
    """Where prices are told: JSON; the only message to us that may be retained, since it says its own times."""
    return f"{BASE}/{gateway}/prices/set"


def prices_state(gateway: GatewayId) -> str:
    return f"{BASE}/{gateway}/prices/state"


def limit_state(gateway: GatewayId, limit: LimitId) -> str:
    return f"{BASE}/{gateway}/limit/{limit}/state"


def limit_command(gateway: GatewayId, limit: LimitId) -> str:
    """Where an external limit is told: amperes, `none`, or JSON with its time; never retained."""
    return f"{BASE}/{gateway}/limit/{limit}/set"


def setpoint(gateway: GatewayId, socket: SocketId) -> str:
    """Setpoint of an MQTT wallbox: JSON, retained, with a message expiry as long as it is valid."""
    return f"{BASE}/{gateway}/socket/{socket}/setpoint"


def setpoint_amps(gateway: GatewayId, socket: SocketId) -> str:
    """The same setpoint as a plain number, for wallboxes that read no JSON."""
    return f"{BASE}/{gateway}/socket/{socket}/setpoint/amps"


def setpoint_phases(gateway: GatewayId, socket: SocketId) -> str:
    """How many phases it shall offer, as a plain number; only for wallboxes that can switch."""
    return f"{BASE}/{gateway}/socket/{socket}/setpoint/phases"


def wallbox_state(gateway: GatewayId, socket: SocketId) -> str:
    """What an MQTT wallbox writes: JSON {"state": "A".."F", "applied_a": number or null, "phases": 1, 3 or null}; or
    plain sub-topics."""
    return f"{BASE}/{gateway}/wallbox/{socket}/state"


def meter_record(gateway: GatewayId, socket: SocketId) -> str:
    """Where a meter's or a wallbox' own signed record comes in: OCMF text, JSON or S.A.F.E. XML; never retained."""
    return f"{BASE}/{gateway}/wallbox/{socket}/record"


def meter_record_filter(gateway: GatewayId) -> str:
    return f"{BASE}/{gateway}/wallbox/+/record"


def event(gateway: GatewayId) -> str:
    """Things people must know, once each; never retained."""
    return f"{BASE}/{gateway}/event"


def session_last(gateway: GatewayId) -> str:
    """The session that ended last on any socket, with its signed readings; retained."""
    return f"{BASE}/{gateway}/session/last"


def journal_head(gateway: GatewayId) -> str:
    """The newest signed head of the journal, to be kept by others: it shows when an old copy was put back; retained."""
    return f"{BASE}/{gateway}/journal/head"


def journal_check(gateway: GatewayId) -> str:
    """When the whole journal was checked last, and what was found; retained."""
    return f"{BASE}/{gateway}/journal/check"


def journal_rows(gateway: GatewayId) -> str:
    """Every row of the journal in its order, for whoever keeps the second copy; never retained."""
    return f"{BASE}/{gateway}/journal/rows"


def is_retained(topic: str) -> bool:
    """Whether a message on this topic stays at the broker. Events, commands and the journal's rows never do."""
    return not (topic.endswith(("/event", "/set", "/journal/rows")))


def discovery(prefix: str, gateway: GatewayId, socket: SocketId | None = None) -> str:
    """Home Assistant device discovery: one retained message per device."""
    tail = f"{BASE}_{gateway}" if socket is None else f"{BASE}_{gateway}_{socket}"
    return f"{prefix}/device/{tail}/config"


def birth(prefix: str) -> str:
    """Where Home Assistant says that it has started."""
    return f"{prefix}/status"
