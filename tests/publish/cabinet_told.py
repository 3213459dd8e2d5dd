"""A small cabinet and what control may say of it, for the tests of what people see."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from gateway.clock import Instant, UtcTrust
from gateway.control.state import ContactorState, ControlState, FuseState, Session, SessionPhase, SocketState
from gateway.ids import FuseId, GatewayId, SessionId, SocketId, Token
from gateway.meters.grid_plausibility import Standing
from gateway.meters.han_port import HanSight
from gateway.meters.readings import GridReading, SocketReading
from gateway.publish.json_text import json_text
from gateway.publish.topics import state_things
from gateway.publish.words import Language
from gateway.quantities import EnergyRegister, Phase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness, GridSight
from gateway.site.requests import Source
from gateway.site.snapshot import Evidence, Pilot, Position, SiteSnapshot, SocketSight, WallboxSight
from gateway.site.topology import Access, Fuse, FuseKind, Purpose, Site, Socket, WallboxTraits

GATEWAY = GatewayId("villa-1")
MAIN = FuseId("main")
BOX, PLAIN, LIFT = SocketId("p1"), SocketId("p3"), SocketId("p4")
SECRET = Token("04A1B2C3D4E5F6")
THREE = (Phase.L1, Phase.L2, Phase.L3)


def at(monotonic_s: float) -> Instant:
    return Instant(monotonic_s, datetime(2026, 6, 1, 12, 0, int(monotonic_s) % 60, tzinfo=UTC), UtcTrust.SYNCHRONISED)


def socket(name: SocketId, label: str, *, phases: tuple[Phase, ...] = THREE, access: Access = Access.OPEN) -> Socket:
    """A wallbox with a contactor; other kinds by `replace`."""
    return Socket(
        id=name,
        label=label,
        fuse=MAIN,
        phases=phases,
        rating_a=16.0,
        contactor=True,
        wallbox=WallboxTraits(6.0, 1.0, 0.0, 30.0),
        metered=True,
        purpose=Purpose.BILLING,
        access=access,
        dead_man=False,
        minimum_off_s=60.0,
        idle_release_s=600.0,
    )


def site() -> Site:
    sockets = {
        BOX: socket(BOX, "Plats 1"),
        PLAIN: replace(socket(PLAIN, "Motorvärmare", phases=(Phase.L3,), access=Access.ARMED), wallbox=None),
        LIFT: replace(socket(LIFT, "Hiss", access=Access.COMMAND), wallbox=None, contactor=False),
    }
    fuse = Fuse(MAIN, 20.0, FuseKind.GG, None, 1.0, 0.0, None)
    return Site(GATEWAY, MAIN, {MAIN: fuse}, sockets, (12.0, 12.0, 12.0), 30.0)


def register(kwh: str) -> EnergyRegister:
    return EnergyRegister(Decimal(kwh), Decimal("0.01"), (0, 0))


def reading(second: float, kwh: str, *, power_w: float | None = 6912.4) -> SocketReading:
    amps = 10.016
    return SocketReading(
        at(second), (230.04, 229.96, 231.0), (amps, amps, amps), power_w, register(kwh), register("0.00"), "123"
    )


def session(phase: SessionPhase = SessionPhase.CHARGING, *, name: str = "s-1") -> Session:
    return Session(
        id=SessionId(name),
        socket=BOX,
        token=SECRET,
        source=Source.MQTT,
        phase=phase,
        phase_since_s=0.0,
        asked_at=at(1.0),
        continues=None,
        begin=reading(2.0, "100.10"),
        begin_durable=True,
        end=None,
        end_kind=None,
        end_because=None,
    )


def idle() -> SocketState:
    return SocketState(
        session=None,
        last_ended=None,
        granted_a=0.0,
        granted_since_s=0.0,
        reserved_a=(0.0, 0.0, 0.0),
        settled=True,
        because=Because(Why.IDLE),
        limit_by_command_a=None,
        armed=False,
        contactor=ContactorState.OPEN,
        contactor_since_s=0.0,
        contactor_position=Position.OPEN,
        contactor_evidence=Evidence.COIL,
        opened_s=None,
        locked=None,
        obeys=True,
        problem=None,
    )


def charging() -> SocketState:
    return replace(
        idle(),
        session=session(),
        granted_a=10.0,
        because=Because(Why.FUSE_BINDS, fuse=MAIN, phase=Phase.L2, current_a=10.0),
        contactor=ContactorState.CLOSED,
        contactor_position=Position.CLOSED,
    )


def control_state(sockets: dict[SocketId, SocketState] | None = None, *, second: float = 10.0) -> ControlState:
    return ControlState(
        tick=10,
        at=at(second),
        grid=Freshness.FRESH,
        grid_because=None,
        house_a=(1.0, 2.0, None),
        sockets={BOX: charging(), PLAIN: idle(), LIFT: idle()} | (sockets or {}),
        fuses={MAIN: FuseState((11.0, 12.5, 11.0), (12.0, 13.0, 12.0), (20.0, 20.0, 20.0), (0.1, 0.2, 0.1))},
        queue=(),
        queue_position={},
        shutting_down=False,
    )


def snapshot(*, box_reading: SocketReading | None = None, pilot: Pilot | None = Pilot.C) -> SiteSnapshot:
    grid = GridReading(
        at(9.0),
        "p1",
        "260601120009S",
        7500.0,
        0.0,
        (11.0, 12.5, 11.0),
        (230.0, 230.0, 230.0),
        (None, None, None),
        Decimal("12345.678"),
        Decimal("0.000"),
    )
    box = SocketSight(box_reading or reading(9.5, "112.40"), None, WallboxSight(pilot, 10.0, 9.0))
    metered = SocketSight(reading(9.5, "7.0", power_w=0.0), None, None)
    return SiteSnapshot(
        site=site(),
        grid=GridSight(Freshness.FRESH, None, 1.0, 10.0, grid),
        grid_readings=(),
        sockets={BOX: box, PLAIN: metered, LIFT: metered},
        requests=(),
        outcomes=(),
        journal_accepts=True,
    )


def state_topics(
    seen: SiteSnapshot, state: ControlState, language: Language, han: HanSight | None = None
) -> dict[str, str]:
    """Every retained state message, topic to text."""
    grid = seen.grid.reading
    meter = None if grid is None else Standing().after(grid)
    things = state_things(seen, state, language, han, meter)
    return {topic: thing if isinstance(thing, str) else json_text(thing) for topic, thing in things.items()}
