"""What Home Assistant shows of the gateway: grid, fuses, queue, health and events."""

from dataclasses import replace

from gateway.meters.han_diagnosis import Diagnosis
from gateway.publish import topic_names
from gateway.publish.entities import ON_OFF, Entity, counted, measured, options, sensor, value
from gateway.publish.events import EVENT_TYPES
from gateway.publish.json_text import Value
from gateway.publish.restraint_entities import restraint_entities
from gateway.publish.words import Pair
from gateway.quantities import Phase
from gateway.site.freshness import Freshness
from gateway.site.topology import Fuse, Site


def gateway_entities(site: Site) -> list[tuple[str, Entity]]:
    """Each entity with the topic of its state."""
    gateway = site.gateway_id
    grid, queue, state = (
        topic_names.grid_state(gateway),
        topic_names.queue_state(gateway),
        topic_names.gateway_state(gateway),
    )
    check, event = topic_names.journal_check(gateway), topic_names.event(gateway)
    rows = [
        *((grid, entity) for entity in _grid_entities()),
        *((grid, entity) for entity in _han_entities(grid)),
        (queue, _queue_length(queue)),
        (state, _active_sessions()),
        (state, _problem("journal_problem", ("Journal", "Journal"), value("journal_problem"))),
        *((check, entity) for entity in _check_entities(check)),
        (event, _happening(event)),
    ]
    for fuse in site.fuses.values():
        rows += [(topic_names.fuse_state(gateway, fuse.id), entity) for entity in _fuse_entities(fuse)]
    rows += restraint_entities(site)
    return rows


def _grid_entities() -> list[Entity]:
    """What the whole house takes and gives, and how fresh that is."""
    fresh = [each.name.lower() for each in Freshness]
    return [
        measured("grid_power", ("Nätets effekt", "Grid power"), value("power_w"), "W", "power", digits=0),
        counted("grid_import", ("Energi från nätet", "Grid import"), value("energy_import_kwh")),
        counted("grid_export", ("Energi till nätet", "Grid export"), value("energy_export_kwh")),
        options("han_freshness", ("HAN-porten", "HAN port"), value("freshness"), fresh, category="diagnostic"),
    ]


def _han_entities(grid: str) -> list[Entity]:
    """The HAN port for whoever looks after it: what ails it, what was found on it, its clock."""
    words: dict[str, Value] = {
        "ops": [each.value for each in Diagnosis],
        "json_attr_t": grid,
        "json_attr_tpl": "{{ {'text': value_json.diagnosis_text, 'remedy': value_json.remedy_text} | tojson }}",
    }
    return [
        Entity(
            "han_diagnosis",
            "sensor",
            ("HAN-portens diagnos", "HAN port diagnosis"),
            value("diagnosis"),
            device_class="enum",
            category="diagnostic",
            more=words,
        ),
        _problem("han_problem", ("HAN-portens fel", "HAN port problem"), value("diagnosis_problem")),
        Entity("han_form", "sensor", ("HAN-portens form", "HAN port form"), value("form"), category="diagnostic"),
        _seconds("han_interval", ("HAN-portens intervall", "HAN port interval"), value("interval_s")),
        replace(
            _seconds("han_delay", ("HAN-portens fördröjning", "HAN port delay"), value("delay_s")),
            more={
                "json_attr_t": grid,
                "json_attr_tpl": "{{ {'least': value_json.delay_least_s, 'most': value_json.delay_most_s} | tojson }}",
            },
        ),
        _problem("meter_clock_problem", ("Elmätarens klocka", "Grid meter clock"), value("meter_clock_problem")),
        _seconds(
            "meter_clock_difference",
            ("Elmätarens klocka, skillnad", "Grid meter clock difference"),
            value("meter_clock_difference_s"),
        ),
    ]


def _queue_length(queue: str) -> Entity:
    listed: dict[str, Value] = {
        "json_attr_t": queue,
        "json_attr_tpl": "{{ {'waiting': value_json.waiting, 'active': value_json.active} | tojson }}",
    }
    return Entity("queue_length", "sensor", ("Kö", "Queue"), value("length"), state_class="measurement", more=listed)


def _active_sessions() -> Entity:
    name = ("Pågående laddningar", "Active sessions")
    return sensor("active_sessions", name, value("active_sessions"), state_class="measurement")


def _happening(event: str) -> Entity:
    return Entity("happening", "event", ("Händelse", "Event"), None, more={"stat_t": event, "evt_typ": EVENT_TYPES})


def _check_entities(check: str) -> list[Entity]:
    """The daily check of the whole journal: when it was, and whether it found something."""
    words: dict[str, Value] = {
        **ON_OFF,
        "json_attr_t": check,
        "json_attr_tpl": "{{ {'text': value_json.text, 'finding': value_json.finding} | tojson }}",
    }
    return [
        Entity(
            "journal_checked",
            "sensor",
            ("Journalen granskad", "Journal checked"),
            value("ts"),
            device_class="timestamp",
            category="diagnostic",
        ),
        Entity(
            "journal_check_problem",
            "binary_sensor",
            ("Journalens granskning", "Journal check"),
            value("problem"),
            device_class="problem",
            category="diagnostic",
            more=words,
        ),
    ]


def _problem(key: str, name: Pair, template: str) -> Entity:
    return Entity(key, "binary_sensor", name, template, device_class="problem", category="diagnostic", more=ON_OFF)


def _seconds(key: str, name: Pair, template: str) -> Entity:
    return Entity(key, "sensor", name, template, "s", "duration", category="diagnostic")


def _fuse_entities(fuse: Fuse) -> list[Entity]:
    swedish, english = f"Säkring {fuse.id}", f"Fuse {fuse.id}"
    key = f"fuse_{fuse.id}"
    per_phase: list[tuple[str, Pair]] = [("load", ("last", "load")), ("limit", ("gräns", "limit"))]
    rows = [
        measured(
            f"{key}_{name}_{phase.name.lower()}",
            (f"{swedish} {said} {phase.name}", f"{english} {told} {phase.name}"),
            value(f"{name}_a[{phase.value}]"),
            "A",
            "current",
            digits=1,
        )
        for name, (said, told) in per_phase
        for phase in Phase
    ]
    return [
        *rows,
        measured(f"{key}_load", (f"{swedish} last", f"{english} load"), value("load_pct"), "%", None, digits=0),
        measured(
            f"{key}_headroom",
            (f"{swedish} ledigt", f"{english} headroom"),
            value("headroom_a"),
            "A",
            "current",
            digits=1,
        ),
        _problem(f"{key}_overload", (f"{swedish} överlast", f"{english} overload"), value("overload")),
        _problem(f"{key}_dead_phase", (f"{swedish} död fas", f"{english} dead phase"), value("dead_phase")),
    ]
