"""One trace under one policy, from its first second to its last."""

from collections.abc import Callable
from typing import Final

from hil.bench.cabinet import BenchCabinet, Wires
from hil.bench.judge import Judge, Verdict
from hil.bench.peers.evcc import Evcc
from hil.bench.peers.everest import Everest
from hil.bench.peers.hass_evse import HassEvse
from hil.bench.peers.openwb import OpenWb
from hil.bench.peers.plain import EqualShare, Fifo
from hil.bench.site_plan import SitePlan
from hil.bench.traces import Trace
from hil.bench.words import Policy
from hil.world.table_reader import ScenarioMistake

OURS: Final = "ours"
PEERS: Final[dict[str, Callable[[SitePlan], Policy]]] = {
    "evcc": Evcc,
    "openwb": OpenWb,
    "everest": Everest,
    "hass-evse": HassEvse,
    "fifo": Fifo,
    "equal": EqualShare,
}
POLICIES: Final = (OURS, *PEERS)


def policy_of(name: str, site: SitePlan, site_text: str) -> Policy:
    """A fresh policy. Raises `ScenarioMistake` for a name that there is not."""
    if name == OURS:
        from hil.bench.ours import OurPolicy

        return OurPolicy(site_text)
    if name not in PEERS:
        raise ScenarioMistake(f"--policy {name}: one of {', '.join(POLICIES)}")
    return PEERS[name](site)


def run_course(
    trace: Trace,
    policy: str | Policy,
    wires: Wires | None = None,
    *,
    keeps_log: bool = False,
    watch: Callable[[BenchCabinet], None] | None = None,
) -> Verdict:
    """The judge's verdict. `watch` is shown the cabinet after every second."""
    cabinet = BenchCabinet(trace, wires)
    judge = Judge(trace, cabinet, keeps_log=keeps_log)
    controller = policy_of(policy, cabinet.site, trace.site_text) if isinstance(policy, str) else policy
    for _ in range(trace.seconds):
        news = cabinet.step()
        judge.look()
        if watch is not None:
            watch(cabinet)
        cabinet.obey(controller.tick(news))
    return judge.verdict()
