"""The checkpoint text comes back as it went, and a damaged one stops the start."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.checkpoint import ControlCheckpoint
from gateway.errors import JournalDamaged

NAMES = st.text("abcdefgh-1234", min_size=1, max_size=8)
NUMBERS = st.floats(0, 100, allow_nan=False)


@given(
    st.lists(NAMES).map(tuple),
    st.dictionaries(NAMES, st.lists(NUMBERS, min_size=3, max_size=3)),
    st.dictionaries(NAMES, st.sampled_from(["contactor_welded", "socket_overload"])),
    st.dictionaries(NAMES, NUMBERS),
)
def test_a_checkpoint_comes_back_as_it_went(
    queue: tuple[str, ...], heat: dict[str, list[float]], locked: dict[str, str], limits: dict[str, float]
) -> None:
    went = ControlCheckpoint(queue=queue, heat=heat, locked=locked, limits_a=limits, house_highest_a=(1.5, None, 9.0))
    text = went.to_text()
    assert text.isascii()
    assert ControlCheckpoint.from_text(text) == went


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"version":1}', '{"version":2}', ControlCheckpoint().to_text()[:-5] + '"x"}']
)
def test_a_damaged_checkpoint_is_not_guessed_at(text: str) -> None:
    with pytest.raises(JournalDamaged):
        ControlCheckpoint.from_text(text)
