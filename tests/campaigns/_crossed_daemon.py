"""The whole daemon beside a cabinet on ptys, one of whose sockets is wired otherwise than the config says."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.campaigns._cabinet_process import BrokerProcess, CabinetProcess, gateway_command
from tests.campaigns._gateway_process import Ear, GatewayProcess, wait_until

STARTS = 10
EVERY_S = 80.0
SCENARIO = """
[scenario]
name = "crossed"
seed = {seed}
starts = "gateway"
[gateway]
id = "hil-1"
[p1]
interval_s = 10
house_load_a_max = [9, 9, 9]
[control]
raise_after_s = 5
[house]
base_a = [1.5, 2.5, 2.0]
noise_a = 0.3
appliance = [
    {{ phase = "L1", load_a = 5, on_s = [20, 60], off_s = [40, 120] }},
    {{ phase = "L3", load_a = 8, on_s = [20, 60], off_s = [40, 120] }},
]
[[bus]]
name = "meters"
baud = 38400
parity = "N"
[[bus]]
name = "boxes"
baud = 19200
parity = "E"
[[fuse]]
name = "main"
rating_a = 35
kind = "gG"
"""
SOCKET = """
[[socket]]
name = "{name}"
fuse = "main"
phases = {phases}
rating_a = 16
purpose = "internal"
meter = {{ model = "eastron-sdm630", bus = "meters", unit = {unit} }}
wallbox = {{ model = "heidelberg-energy-control", bus = "boxes", unit = {unit} }}
"""
CAR = """
[[car]]
name = "{socket}-{number}"
socket = "{socket}"
arrive_s = {arrive_s}
energy_kwh = 0.02
phases = 1
leave_after_full_s = 2
"""
WIRED = {"crossed": ("L2", "L3", "L1"), "right": ("L3", "L1", "L2")}
TOLD = ("L1", "L2", "L3")


def scenario_text(seed: int) -> str:
    """Two sockets, each with its single-phase visitors."""
    parts = [SCENARIO.format(seed=seed)]
    for unit, (name, phases) in enumerate(WIRED.items(), start=1):
        parts.append(SOCKET.format(name=name, phases=json.dumps(phases), unit=unit))
        first_s = 40 + 13 * unit
        parts += [CAR.format(socket=name, number=n, arrive_s=first_s + EVERY_S * n) for n in range(STARTS)]
    return "".join(parts)


def crossed_daemon(seed: int) -> list[str]:
    """Runs until the socket is named; prints after how many starts, gives what was wrong."""
    wrong = []
    with tempfile.TemporaryDirectory(prefix="laddvakt-crossed-") as name:
        folder = Path(name)
        scenario = folder / "crossed.toml"
        scenario.write_text(scenario_text(seed), "utf-8")
        with BrokerProcess(folder) as broker, CabinetProcess(str(scenario), folder, mqtt_port=broker.port) as cabinet:
            wires, told = json.dumps(WIRED["crossed"]), json.dumps(TOLD)
            text = cabinet.config.read_text("utf-8")
            if wires not in text:
                raise LookupError("the written config does not name the phases")
            cabinet.config.write_text(text.replace(wires, told), "utf-8")
            with Ear(broker.port) as ear, GatewayProcess(cabinet.config, folder / "gateway.log"):

                def alarms() -> list[Mapping[str, object]]:
                    return [said.words for said in ear.of("event") if said.words["event_type"] == "phases_crossed"]

                wait_until(lambda: bool(alarms()), 60.0 + EVERY_S * STARTS, "a crossed socket is named")
                starts = sum(event["kind"] == "car_arrived" for event in cabinet.events())
                state, other = ear.last("socket/crossed/state"), ear.last("socket/right/state")
                shown = subprocess.run(
                    gateway_command("phases", str(cabinet.config)), capture_output=True, text=True, check=False
                )
            print(f"whole daemon: {alarms()[0]} when {starts} cars had come to the two sockets")
            print(shown.stdout, shown.stderr)
            if len(alarms()) != 1 or alarms()[0]["socket"] != "crossed" or alarms()[0]["phase"] != "L2":
                wrong.append(f"the daemon said {alarms()}")
            if state.get("problem_code") != "phases_crossed" or other.get("problem_code") is not None:
                wrong.append(f"the topics say {state.get('problem_code')} and {other.get('problem_code')}")
            if shown.returncode != 1 or "Fel fas" not in shown.stdout:
                wrong.append(f"laddvakt phases ended with {shown.returncode}")
    return wrong
