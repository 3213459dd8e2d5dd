"""What the person should know about the restraints of a config that is allowed."""

from collections.abc import Iterator

from gateway.config.caution import Caution
from gateway.config.plans import Cabinet
from gateway.site.topology import FuseKind


def restraint_cautions(cabinet: Cabinet) -> Iterator[Caution]:
    """All cautions about them."""
    site = cabinet.site
    main = site.fuses[site.main]
    fuse_w = 3.0 * 230.0 * main.rating_a
    for tariff in site.restraints.tariffs:
        if tariff.target_w >= fuse_w:
            yield Caution(
                f"power_tariff[{tariff.id}].target_w",
                f'{tariff.target_w:g} W is more than the main fuse "{main.id}" carries ({fuse_w:g} W): it never binds.',
                "Set the highest mean power that you want to pay for.",
            )
    warm = site.restraints.temperature
    if warm is not None and all(fuse.kind is not FuseKind.GG for fuse in site.fuses.values()):
        yield Caution(
            "cabinet_temperature",
            "only gG links are derated by it, and there is none.",
            "An automat's derating stands in its maker's table: state it as the fuse's share.",
        )
    for limit in site.restraints.limits:
        path = f"external_limit[{limit.id}]"
        line = cabinet.limit_inputs.get(limit.id)
        if line is not None and line.active_low:
            yield Caution(
                f"{path}.input.calls",
                "a broken wire, or a contact without power, is not seen: nothing is lowered.",
                'Where it can be had, use a contact that opens to call: calls = "open".',
            )
        if limit.wired_a is None and limit.safe_a >= site.fuses[limit.fuse].rating_a:
            yield Caution(
                f"{path}.mqtt.safe_a",
                f"{limit.safe_a:g} A lowers nothing: when the sender falls silent the fuse alone binds.",
                "Nothing to do if it is meant.",
            )
