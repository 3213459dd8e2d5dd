"""A scenario file (TOML) becomes plans: the cabinet, its house, its visitors and its faults."""

import tomllib
from collections.abc import Mapping

from hil.world.cars import CarPlan
from hil.world.fuses import FusePlan
from hil.world.grid_forms import FORMS
from hil.world.house import Appliance, HousePlan, LoadStep
from hil.world.meters import LAYOUTS
from hil.world.phases import PHASES, triple
from hil.world.plans import (
    ArrivalsPlan,
    BoardPlan,
    BoxPlan,
    BusPlan,
    ContactorPlan,
    FaultPlan,
    MeterPlan,
    Place,
    Scenario,
    SocketPlan,
)
from hil.world.relay_boards import CHANNELS
from hil.world.table_reader import ScenarioMistake, TableReader

WALLBOX_MODEL = "heidelberg-energy-control"
BOARD_MODEL = "waveshare-modbus-rtu-relay-8ch"


def _place(reader: TableReader) -> Place:
    return Place(reader.text("bus"), int(reader.number("unit")))


def _phase(reader: TableReader, name: object) -> int:
    if name not in PHASES:
        raise ScenarioMistake(f"{reader.where}: {name!r} is no phase; L1, L2 or L3")
    return PHASES.index(str(name))


def _house(reader: TableReader) -> HousePlan:
    steps = []
    for each in reader.tables("step"):
        steps.append(LoadStep(each.number("at_s"), triple(each.numbers("load_a"))))
        each.done()
    appliances = []
    for each in reader.tables("appliance"):
        phase = _phase(each, each.text("phase"))
        appliances.append(Appliance(phase, each.number("load_a"), each.bounds("on_s"), each.bounds("off_s")))
        each.done()
    plan = HousePlan(
        triple(reader.numbers("base_a")),
        tuple(steps),
        reader.number_or_none("repeat_s"),
        reader.number("noise_a", 0.0),
        reader.number("noise_s", 20.0),
        tuple(appliances),
    )
    reader.done()
    return plan


def _fuse(reader: TableReader) -> FusePlan:
    kind = reader.text("kind", "gG")
    if kind not in ("gG", "B", "C"):
        raise ScenarioMistake(f"{reader.where}.kind = {kind!r}: gG, B or C")
    parent = reader.text("parent", "") or None
    plan = FusePlan(
        reader.text("name"), reader.number("rating_a"), kind, parent, reader.number("unmetered_load_a", 0.0)
    )
    reader.done()
    return plan


def _meter(reader: TableReader | None) -> MeterPlan | None:
    if reader is None:
        return None
    model = reader.text("model")
    if model not in LAYOUTS:
        raise ScenarioMistake(f"{reader.where}.model = {model!r}: one of {', '.join(LAYOUTS)}")
    plan = MeterPlan(model, _place(reader), reader.text("side", "supply"), reader.number_or_none("start_kwh"))
    reader.done()
    return plan


def _box(reader: TableReader | None) -> BoxPlan | None:
    if reader is None:
        return None
    place = None
    if not reader.truth("mqtt", False):
        model = reader.text("model")
        if model != WALLBOX_MODEL:
            raise ScenarioMistake(f"{reader.where}.model = {model!r}: only {WALLBOX_MODEL}")
        place = _place(reader)
    pause_s = None if place is not None else reader.number_or_none("phase_pause_s")
    plan = BoxPlan(place, reader.number("failsafe_a", 0.0), reader.number("hardware_a_max", 16.0), pause_s)
    reader.done()
    return plan


def _contactor(reader: TableReader | None) -> ContactorPlan | None:
    if reader is None:
        return None
    channel = int(reader.number("channel"))
    auxiliary = reader.number_or_none("auxiliary_input")
    if not 1 <= channel <= CHANNELS:
        raise ScenarioMistake(f"{reader.where}.channel = {channel}: 1 to {CHANNELS}")
    plan = ContactorPlan(reader.text("board"), channel, None if auxiliary is None else int(auxiliary))
    reader.done()
    return plan


def _socket(reader: TableReader) -> SocketPlan:
    names = reader.anything("phases", ["L1", "L2", "L3"])
    if not isinstance(names, list) or len(names) not in (1, 3) or len(set(map(str, names))) != len(names):
        raise ScenarioMistake(f"{reader.where}.phases = {names!r}: one or three different phases")
    return SocketPlan(
        reader.text("name"),
        reader.text("fuse"),
        tuple(_phase(reader, name) for name in names),
        reader.number("rating_a"),
        _meter(reader.table("meter")),
        _contactor(reader.table("contactor")),
        _box(reader.table("wallbox")),
        reader.rest(),
    )


def parse_car(where: str, table: object, sockets: Mapping[str, SocketPlan], at_s: float | None = None) -> CarPlan:
    """One visit; at_s: when it comes, if the table does not say."""
    reader = TableReader(where, table)
    name = reader.text("name", f"car-{where}")
    socket = reader.text("socket")
    if socket not in sockets:
        raise ScenarioMistake(f"{where}.socket = {socket!r}: no such socket")
    plan = CarPlan(
        name,
        socket,
        reader.number("arrive_s", ... if at_s is None else at_s),
        reader.number("energy_kwh"),
        reader.number("limit_a", 16.0),
        int(reader.number("phases", float(len(sockets[socket].phases)))),
        reader.truth("pilot", sockets[socket].box is not None),
        reader.number("leave_after_full_s", 20.0),
        reader.number_or_none("leave_s"),
        reader.number("reaction_s", 1.0),
        reader.number("ramp_s", 4.0),
        reader.number("taper", 0.08),
        reader.number_or_none("sleeps_after_s"),
        reader.text("press", "") or None,
    )
    reader.done()
    return plan


def _arrivals(reader: TableReader, sockets: Mapping[str, SocketPlan]) -> ArrivalsPlan:
    socket = reader.text("socket")
    if socket not in sockets:
        raise ScenarioMistake(f"{reader.where}.socket = {socket!r}: no such socket")
    plan = ArrivalsPlan(
        socket,
        reader.bounds("gap_s"),
        reader.bounds("energy_kwh"),
        reader.numbers("limit_a", [16]),
        tuple(int(each) for each in reader.numbers("phases", [len(sockets[socket].phases)])),
        reader.truth("pilot", sockets[socket].box is not None),
        reader.number("leave_after_full_s", 20.0),
        reader.number("ramp_s", 4.0),
        reader.text("press", "") or None,
    )
    reader.done()
    return plan


def parse_fault(where: str, table: object) -> FaultPlan:
    reader = TableReader(where, table)
    target = reader.text("target", "") or None
    return FaultPlan(
        reader.number("at_s", 0.0), reader.text("kind"), target, reader.number_or_none("for_s"), reader.rest()
    )


def _bus(reader: TableReader) -> BusPlan:
    plan = BusPlan(
        reader.text("name"),
        int(reader.number("baud", 9600)),
        reader.text("parity", "N"),
        int(reader.number("stop_bits", 1)),
        reader.number("timeout_s", 0.6),
    )
    reader.done()
    return plan


def _board(reader: TableReader) -> BoardPlan:
    model = reader.text("model", BOARD_MODEL)
    if model != BOARD_MODEL:
        raise ScenarioMistake(f"{reader.where}.model = {model!r}: only {BOARD_MODEL}")
    plan = BoardPlan(reader.text("name"), _place(reader), reader.text("dead_man", "none"), reader.truth("renews", True))
    reader.done()
    return plan


def _grid_form(reader: TableReader) -> str:
    form = reader.text("form", "p1")
    if form not in FORMS:
        raise ScenarioMistake(f"{reader.where}.form = {form!r}: one of {', '.join(FORMS)}")
    return form


def _references(scenario: Scenario) -> None:
    fuses = {fuse.name for fuse in scenario.fuses}
    boards = {board.name for board in scenario.boards}
    buses = {bus.name for bus in scenario.buses}
    places = [board.place for board in scenario.boards]
    if not any(fuse.parent is None for fuse in scenario.fuses):
        raise ScenarioMistake("fuse: one fuse without parent is needed")
    for fuse in scenario.fuses:
        if fuse.parent is not None and fuse.parent not in fuses:
            raise ScenarioMistake(f"fuse {fuse.name}: no fuse is called {fuse.parent}")
    for socket in scenario.sockets:
        if socket.fuse not in fuses:
            raise ScenarioMistake(f"socket {socket.name}: no fuse is called {socket.fuse}")
        if socket.contactor is not None and socket.contactor.board not in boards:
            raise ScenarioMistake(f"socket {socket.name}: no relay board is called {socket.contactor.board}")
        places += [plan.place for plan in (socket.meter, socket.box) if plan is not None and plan.place is not None]
    for place in places:
        if place.bus not in buses:
            raise ScenarioMistake(f"no bus is called {place.bus}")
        if places.count(place) > 1:
            raise ScenarioMistake(f"bus {place.bus}: unit {place.unit} is there twice")


def parse_scenario(text: str, seed: int | None = None) -> Scenario:
    """The scenario that a TOML text describes, with its own seed or the given one; `ScenarioMistake` if unplayable."""
    try:
        reader = TableReader("scenario file", tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        raise ScenarioMistake(f"not TOML: {error}") from error
    head = reader.table("scenario") or TableReader("scenario", {})
    drawn = int(head.number("seed", 1))
    house = reader.table("house")
    sockets = tuple(_socket(each) for each in reader.tables("socket"))
    by_name = {socket.name: socket for socket in sockets}
    p1 = reader.table("p1") or TableReader("p1", {})
    p1_baud = p1.number_or_none("baud")
    scenario = Scenario(
        name=head.text("name", "cabinet"),
        seed=drawn if seed is None else seed,
        seconds=head.number_or_none("seconds"),
        step_s=head.number("step_s", 0.05),
        starts=head.text("starts", "cabinet"),
        p1_interval_s=p1.number("interval_s", 10.0),
        p1_form=_grid_form(p1),
        p1_baud=None if p1_baud is None else int(p1_baud),
        volts=head.number("volts", 231.0),
        house=HousePlan((0.0,) * 3) if house is None else _house(house),
        fuses=tuple(_fuse(each) for each in reader.tables("fuse")),
        buses=tuple(_bus(each) for each in reader.tables("bus")),
        boards=tuple(_board(each) for each in reader.tables("relay_board")),
        sockets=sockets,
        cars=tuple(parse_car(each.where, each.rest(), by_name) for each in reader.tables("car")),
        arrivals=tuple(_arrivals(each, by_name) for each in reader.tables("arrivals")),
        faults=tuple(parse_fault(each.where, each.rest()) for each in reader.tables("fault")),
        gateway=(reader.table("gateway") or TableReader("gateway", {})).rest(),
        grid_meter=p1.rest(),
        control=(reader.table("control") or TableReader("control", {})).rest(),
    )
    for each in (head, reader):
        each.done()
    _references(scenario)
    return scenario
