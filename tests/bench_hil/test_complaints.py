"""The twenty complaints, by name: ours does not give cause for them; peers that are known to, do."""

import pytest

from tests.bench_hil.collected_complaints import COMPLAINTS, play

_FALLS = [(name, peer) for name, complaint in COMPLAINTS.items() for peer in complaint.falls]


def test_all_twenty_are_here() -> None:
    assert set(range(1, 21)) <= {complaint.number for complaint in COMPLAINTS.values()}


@pytest.mark.parametrize("name", COMPLAINTS)
def test_ours_gives_no_cause_for_the_complaint(name: str) -> None:
    assert play(COMPLAINTS[name], "ours") == ""


@pytest.mark.parametrize(("name", "peer"), _FALLS)
def test_a_peer_that_is_known_for_it_gives_cause(name: str, peer: str) -> None:
    assert play(COMPLAINTS[name], peer) != ""
