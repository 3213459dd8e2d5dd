"""Sites as an installer plans them, for tests of control: fuses, boxes, plain sockets, and the hour of the tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.clock import Instant, UtcTrust
from gateway.ids import FuseId, GatewayId, SocketId
from gateway.quantities import PerPhase, Phase
from gateway.site.topology import (
    Access,
    Fuse,
    FuseKind,
    PhaseSwitching,
    Purpose,
    QueueRules,
    Site,
    Socket,
    WallboxTraits,
)

BOOT = datetime(2026, 1, 15, 7, 0, tzinfo=UTC)
MAIN = FuseId("main")


def instant(at_s: float) -> Instant:
    return Instant(at_s, BOOT + timedelta(seconds=at_s), UtcTrust.SYNCHRONISED)


def fuse(
    name: str = "main",
    rating_a: float = 20.0,
    kind: FuseKind = FuseKind.GG,
    parent: str | None = None,
    share: float = 1.0,
    unmetered_a: float = 0.0,
    sessions_max: int | None = None,
) -> Fuse:
    return Fuse(
        FuseId(name), rating_a, kind, None if parent is None else FuseId(parent), share, unmetered_a, sessions_max
    )


def wallbox(
    name: str,
    on: str = "main",
    phases: tuple[Phase, ...] = (Phase.L1, Phase.L2, Phase.L3),
    rating_a: float = 16.0,
    contactor: bool = False,
    access: Access = Access.OPEN,
    step_a: float = 1.0,
    failsafe_a: float | None = 0.0,
    switching: PhaseSwitching | None = None,
) -> Socket:
    return Socket(
        id=SocketId(name),
        label=name,
        fuse=FuseId(on),
        phases=phases,
        rating_a=rating_a,
        contactor=contactor,
        wallbox=WallboxTraits(6.0, step_a, failsafe_a, 60.0, switching),
        metered=True,
        purpose=Purpose.BILLING,
        access=access,
        dead_man=False,
        minimum_off_s=60.0,
        idle_release_s=600.0,
    )


def plain(
    name: str,
    on: str = "main",
    phases: tuple[Phase, ...] = (Phase.L1,),
    rating_a: float = 10.0,
    contactor: bool = True,
    metered: bool = True,
    minimum_off_s: float = 60.0,
    idle_release_s: float = 600.0,
) -> Socket:
    return Socket(
        id=SocketId(name),
        label=name,
        fuse=FuseId(on),
        phases=phases,
        rating_a=rating_a,
        contactor=contactor,
        wallbox=None,
        metered=metered,
        purpose=Purpose.INTERNAL,
        access=Access.COMMAND,
        dead_man=False,
        minimum_off_s=minimum_off_s,
        idle_release_s=idle_release_s,
    )


def site(
    *sockets: Socket,
    fuses: tuple[Fuse, ...] = (),
    house_load_a_max: PerPhase | None = (12.0, 12.0, 12.0),
    raise_after_s: float = 30.0,
    rules: QueueRules | None = None,
) -> Site:
    all_fuses = fuses or (fuse(),)
    return Site(
        GatewayId("test"),
        MAIN,
        {one.id: one for one in all_fuses},
        {one.id: one for one in sockets},
        house_load_a_max,
        raise_after_s,
        rules or QueueRules(),
    )
