"""What Home Assistant shows of what holds charging back, and what it may set of it."""

from gateway.publish import topic_names
from gateway.publish.entities import ON_OFF, Entity, value
from gateway.publish.json_text import Value
from gateway.site.restraints import ExternalLimit
from gateway.site.topology import Site


def restraint_entities(site: Site) -> list[tuple[str, Entity]]:
    """Each entity with the topic of its state; nothing where the config has no restraint."""
    rows = []
    for limit in site.restraints.limits:
        topic = topic_names.limit_state(site.gateway_id, limit.id)
        rows += [(topic, entity) for entity in _limit_entities(site, limit)]
    return rows


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
