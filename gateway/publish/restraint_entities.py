"""What Home Assistant shows of what holds charging back, and what it may set of it."""

from typing import Final

from gateway.publish import topic_names
from gateway.publish.entities import ON_OFF, Entity, measured, sensor, value
from gateway.publish.json_text import Value
from gateway.publish.words import Pair
from gateway.site.power_tariffs import PowerTariff
from gateway.site.restraints import ExternalLimit
from gateway.site.topology import Site, Socket


def restraint_entities(site: Site) -> list[tuple[str, Entity]]:
    """Each entity with the topic of its state; nothing where the config has no restraint."""
    rows = []
    for tariff in site.restraints.tariffs:
        topic = topic_names.tariff_state(site.gateway_id, tariff.id)
        rows += [(topic, entity) for entity in _tariff_entities(tariff, topic)]
    if site.restraints.prices is not None:
        rows += [(topic_names.prices_state(site.gateway_id), entity) for entity in _PRICES]
    if site.restraints.temperature is not None:
        rows += [(topic_names.cabinet_state(site.gateway_id), entity) for entity in _CABINET]
    for limit in site.restraints.limits:
        topic = topic_names.limit_state(site.gateway_id, limit.id)
        rows += [(topic, entity) for entity in _limit_entities(site, limit)]
    return rows


def _tariff_entities(tariff: PowerTariff, topic: str) -> list[Entity]:
    swedish, english = f"Effektvakt {tariff.id}", f"Power guard {tariff.id}"
    key = f"tariff_{tariff.id}"
    listed: dict[str, Value] = {
        "sug_dsp_prc": 0,
        "json_attr_t": topic,
        "json_attr_tpl": "{{ {'peaks': value_json.peaks} | tojson }}",
    }
    powers: list[tuple[str, Pair]] = [
        ("expected_w", ("väntat medel", "expected mean")),
        ("target_w", ("mål", "target")),
        ("allowed_w", ("får dras nu", "may draw now")),
    ]
    rows = [
        measured(f"{key}_{name}", (f"{swedish} {said}", f"{english} {told}"), value(name), "W", "power", digits=0)
        for name, (said, told) in powers
    ]
    return [
        *rows,
        Entity(
            f"{key}_so_far",
            "sensor",
            (f"{swedish} hittills", f"{english} so far"),
            value("so_far_kwh"),
            "kWh",
            "energy",
            "total",
            more={"sug_dsp_prc": 2},
        ),
        Entity(
            f"{key}_peak_mean",
            "sensor",
            (f"{swedish} toppar", f"{english} peaks"),
            value("peak_mean_w"),
            "W",
            "power",
            "measurement",
            expires=True,
            more=listed,
        ),
        Entity(
            f"{key}_counts",
            "binary_sensor",
            (f"{swedish} gäller nu", f"{english} counts now"),
            value("counts"),
            more=ON_OFF,
        ),
        Entity(
            f"{key}_clock_problem",
            "binary_sensor",
            (f"{swedish} klocka", f"{english} clock"),
            value("clock_problem"),
            device_class="problem",
            category="diagnostic",
            more=ON_OFF,
        ),
    ]


_CABINET: Final = (
    measured(
        "cabinet_temperature",
        ("Skåpets temperatur", "Cabinet temperature"),
        value("temperature_c"),
        "°C",
        "temperature",
        digits=1,
    ),
    measured(
        "cabinet_carried",
        ("Säkringarna bär", "Fuses carry"),
        value("carried_pct"),
        "%",
        None,
        digits=0,
    ),
    Entity(
        "cabinet_silent",
        "binary_sensor",
        ("Skåpets termometer", "Cabinet thermometer"),
        value("silent"),
        device_class="problem",
        category="diagnostic",
        more=ON_OFF,
    ),
)


_PRICES: Final = (
    sensor("price", ("Elpris nu", "Price now"), value("price")),
    Entity(
        "price_unknown",
        "binary_sensor",
        ("Elpris okänt", "Price unknown"),
        value("unknown"),
        device_class="problem",
        category="diagnostic",
        more=ON_OFF,
    ),
)


def charge_now_entities(site: Site, socket: Socket) -> list[Entity]:
    """The switch of a socket that waits for prices, by which its session does not."""
    waits = site.restraints.prices is not None and socket.id not in site.restraints.price_exempt
    if not waits or not (socket.contactor or socket.wallbox is not None):
        return []
    command = topic_names.socket_command(site.gateway_id, socket.id, "charge_now")
    return [
        Entity(
            "charge_now",
            "switch",
            ("Ladda nu, oavsett pris", "Charge now, whatever the price"),
            value("charge_now"),
            more={"cmd_t": command, **ON_OFF},
        )
    ]


def _limit_entities(site: Site, limit: ExternalLimit) -> list[Entity]:
    swedish, english = f"Yttre gräns {limit.id}", f"External limit {limit.id}"
    key = f"limit_{limit.id}"
    rows = [
        Entity(
            f"{key}_calls",
            "binary_sensor",
            (f"{swedish} sänker", f"{english} lowers"),
            value("calls"),
            more=ON_OFF,
        )
    ]
    if limit.wired_a is None:
        told: dict[str, Value] = {
            "cmd_t": topic_names.limit_command(site.gateway_id, limit.id),
            "min": 0,
            "max": site.fuses[limit.fuse].rating_a,
            "step": 1,
        }
        rows += [
            Entity(key, "number", (swedish, english), value("limit_a"), "A", "current", more=told),
            Entity(
                f"{key}_expired",
                "binary_sensor",
                (f"{swedish} tyst", f"{english} silent"),
                value("expired"),
                device_class="problem",
                category="diagnostic",
                more=ON_OFF,
            ),
        ]
    return rows
