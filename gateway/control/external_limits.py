"""Limits of others: the grid company's, Home Assistant's, a wired contact's. They lower a fuse's limit, never raise it.

A word over MQTT holds for as long as it says and not a second longer; then, and before the first word after a start,
the config's safe value holds. A contact that cannot be read counts as calling.
"""

from dataclasses import replace
from typing import Final

from gateway.control.draft import Draft
from gateway.control.power_room import lower_to_power
from gateway.control.restraint_state import LimitState
from gateway.quantities import PHASES
from gateway.site.because import Because, Why
from gateway.site.restraints import ExternalLimit

NOTED_AGAIN_S: Final = 600.0
"""A contact that chatters, or a sender that comes and goes, fills no journal."""


def obey_external_limits(draft: Draft) -> None:
    """Lowers what others have lowered, and tells people when a contact begins to call or a sender falls silent."""
    before = draft.restraints.limits
    shown = {}
    for limit in draft.tree.site.restraints.limits:
        state, because = _now(draft, limit, before.get(limit.id))
        shown[limit.id] = state
        if state.current_a is not None:
            first = draft.tree.first(limit.fuse)
            for phase in PHASES:
                draft.lower(first + phase, state.current_a, because)
        if state.power_w is not None:
            lower_to_power(draft, state.power_w, because, smooth=False)
    draft.restraints = replace(draft.restraints, limits=shown)


def _now(draft: Draft, limit: ExternalLimit, before: LimitState | None) -> tuple[LimitState, Because]:
    outside = draft.snapshot.outside
    noted_s = None if before is None else before.noted_s
    if limit.wired_a is not None:
        calls = outside.called.get(limit.id) is not False
        because = Because(Why.EXTERNAL_LIMIT, limit.fuse, current_a=limit.wired_a)
        state = LimitState(limit.wired_a if calls else None, None, None, calls, noted_s)
    else:
        told = outside.told.get(limit.id)
        calls = told is None or draft.now_s >= told.until_s
        if told is None or calls:
            because = Because(Why.EXTERNAL_LIMIT_OLD, limit.fuse, current_a=limit.safe_a)
            state = LimitState(limit.safe_a, None, None, calls, noted_s)
        else:
            because = Because(Why.EXTERNAL_LIMIT, limit.fuse, current_a=told.current_a, until_s=told.until_s)
            state = LimitState(told.current_a, told.power_w, told.until_s, calls, noted_s)
    began = calls and before is not None and not before.calls
    if began and (noted_s is None or draft.now_s - noted_s >= NOTED_AGAIN_S):
        draft.note(None, because)
        state = replace(state, noted_s=draft.now_s)
    return state, because
