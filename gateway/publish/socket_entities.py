"""What Home Assistant shows of one socket; a socket without meter, contactor or wallbox lacks what belongs to it."""

from dataclasses import replace

from gateway.control.phase_evidence import PhaseVerdict
from gateway.ids import GatewayId
from gateway.publish import topic_names
from gateway.publish.commands import FORGET_PHASES
from gateway.publish.entities import ON_OFF, Entity, counted, measured, options, sensor, value
from gateway.publish.json_text import Value
from gateway.publish.shown import ShownState
from gateway.site.topology import Access, Socket


def socket_entities(gateway: GatewayId, socket: Socket) -> list[Entity]:
    """All entities of one socket."""
    shown: list[str] = [each.value for each in ShownState]
    rows = [
        options("state", ("Tillstånd", "State"), value("state"), shown),
        _because_entity(gateway, socket),
        Entity(
            "problem",
            "binary_sensor",
            ("Problem", "Problem"),
            value("problem"),
            device_class="problem",
            category="diagnostic",
            more={
                "json_attr_t": topic_names.socket_state(gateway, socket.id),
                "json_attr_tpl": "{{ {'code': value_json.problem_code, 'text': value_json.problem_text} | tojson }}",
                **ON_OFF,
            },
        ),
    ]
    if socket.metered:
        rows += _metered_entities(gateway, socket)
    if socket.contactor or socket.wallbox is not None:
        rows += _controlled_entities(gateway, socket)
    if socket.contactor:
        rows.append(_contactor_entity(gateway, socket))
    if socket.wallbox is not None:
        rows.append(
            Entity(
                "plug",
                "binary_sensor",
                ("Kabel", "Plug"),
                value("plug"),
                device_class="plug",
                more=ON_OFF,
            )
        )
    return rows


def _because_entity(gateway: GatewayId, socket: Socket) -> Entity:
    """The reason in words; what it names as attributes."""
    named = ", ".join(f"'{key}': value_json.because_{key}" for key in ("code", "fuse", "phase", "current_a", "until"))
    more: dict[str, Value] = {
        "json_attr_t": topic_names.socket_state(gateway, socket.id),
        "json_attr_tpl": f"{{{{ {{{named}}} | tojson }}}}",
    }
    return Entity("because", "sensor", ("Orsak", "Reason"), value("because_text"), more=more)


def _metered_entities(gateway: GatewayId, socket: Socket) -> list[Entity]:
    rows = [
        measured("power", ("Effekt", "Power"), value("power_w"), "W", "power", digits=0),
        counted("energy", ("Mätarställning", "Meter reading"), value("energy_import_kwh")),
    ]
    for index in range(len(socket.phases)):
        rows.append(
            measured(
                f"current_l{index + 1}",
                (f"Ström L{index + 1}", f"Current L{index + 1}"),
                value(f"current_a[{index}]"),
                "A",
                "current",
                digits=1,
            )
        )
        rows.append(
            Entity(
                f"voltage_l{index + 1}",
                "sensor",
                (f"Spänning L{index + 1}", f"Voltage L{index + 1}"),
                value(f"voltage_v[{index}]"),
                "V",
                "voltage",
                "measurement",
                "diagnostic",
                enabled=False,
                expires=True,
                more={"sug_dsp_prc": 0},
            )
        )
    forget = Entity(
        FORGET_PHASES,
        "button",
        ("Glöm faserna", "Forget phases"),
        None,
        category="config",
        enabled=False,
        more={"cmd_t": topic_names.socket_command(gateway, socket.id, FORGET_PHASES), "pl_prs": "PRESS"},
    )
    return [*(replace(entity, needs_meter=True) for entity in rows), _phases_entity(gateway, socket), forget]


def _phases_entity(gateway: GatewayId, socket: Socket) -> Entity:
    """Whether the socket lies on the phases that the config says, and how sure that is."""
    attributes = "{{ {'confidence': value_json.phases_confidence, 'configured': value_json.phases_configured, "
    attributes += "'seen': value_json.phases_seen, 'steps': value_json.phases_steps} | tojson }}"
    shown: list[Value] = [each.value for each in PhaseVerdict]
    more: dict[str, Value] = {
        "ops": shown,
        "json_attr_t": topic_names.socket_state(gateway, socket.id),
        "json_attr_tpl": attributes,
    }
    return Entity(
        "phases", "sensor", ("Faser", "Phases"), value("phases"), device_class="enum", category="diagnostic", more=more
    )


def _controlled_entities(gateway: GatewayId, socket: Socket) -> list[Entity]:
    rows = [
        sensor("queue_position", ("Plats i kön", "Queue position"), value("queue_position"), state_class="measurement"),
        sensor("turn", ("Min tur senast", "Turn at the latest"), value("turn_at"), device_class="timestamp"),
        Entity("setpoint", "sensor", ("Börvärde", "Setpoint"), value("setpoint_a"), "A", "current", "measurement"),
        Entity(
            "charge",
            "switch",
            ("Laddning", "Charging"),
            value("charge"),
            more={"cmd_t": topic_names.socket_command(gateway, socket.id, "charge"), **ON_OFF},
        ),
        Entity(
            "unlock",
            "button",
            ("Lås upp", "Unlock"),
            None,
            category="config",
            more={"cmd_t": topic_names.socket_command(gateway, socket.id, "unlock"), "pl_prs": "PRESS"},
        ),
    ]
    if socket.metered:
        rows += _session_entities()
    if socket.access is Access.ARMED:
        rows.append(
            Entity(
                "arm",
                "switch",
                ("Beredd", "Armed"),
                value("arm"),
                more={"cmd_t": topic_names.socket_command(gateway, socket.id, "arm"), **ON_OFF},
            )
        )
    if socket.wallbox is not None:
        rows.append(_limit_entity(gateway, socket))
    return rows


def _contactor_entity(gateway: GatewayId, socket: Socket) -> Entity:
    return Entity(
        "contactor",
        "binary_sensor",
        ("Kontaktor", "Contactor"),
        value("contactor"),
        category="diagnostic",
        more={
            "json_attr_t": topic_names.socket_state(gateway, socket.id),
            "json_attr_tpl": "{{ {'state': value_json.contactor_state, 'evidence': value_json.contactor_evidence}"
            " | tojson }}",
            **ON_OFF,
        },
    )


def _session_entities() -> list[Entity]:
    return [
        Entity(
            "session_energy",
            "sensor",
            ("Laddad energi", "Session energy"),
            value("session_energy_kwh"),
            "kWh",
            "energy",
            "total",
            more={"lrst_val_tpl": "{{ value_json.session_start or '' }}", "sug_dsp_prc": 2},
        ),
        sensor(
            "session_start", ("Laddningens start", "Session start"), value("session_start"), device_class="timestamp"
        ),
    ]


def _limit_entity(gateway: GatewayId, socket: Socket) -> Entity:
    """0 stops; what lies between 0 and the box's minimum is refused by the gateway, since one number has one range."""
    return Entity(
        "limit",
        "number",
        ("Strömgräns", "Current limit"),
        value("limit_a"),
        "A",
        "current",
        category="config",
        more={
            "cmd_t": topic_names.socket_command(gateway, socket.id, "limit"),
            "min": 0,
            "max": socket.rating_a,
            "step": 1,
            "mode": "slider",
        },
    )
