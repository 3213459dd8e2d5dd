"""Which key a load profile is checked with: the pinned one, or of a store the one that its device is pinned to."""

from collections.abc import Sequence
from dataclasses import replace

from gateway.metering.keys import PublicKey, public_key
from gateway.metering.pins import Pin, PinState
from gateway.metering.profile_csv import ProfileCells
from gateway.metering.profile_proof import proven_profile
from gateway.metering.verdicts import Finding, ProfileReport, Reason


def profile_reports(rows: Sequence[ProfileCells], trusted: PublicKey | tuple[Pin, ...]) -> list[ProfileReport]:
    """One report for each place of a file. Nothing is green by a key that nobody confirmed."""
    if not isinstance(trusted, tuple):
        return proven_profile(rows, trusted)
    pins = {pin.gateway: pin for pin in trusted}
    devices = {one.row.device for one in rows if one.row is not None}
    pin = next((pins[device] for device in sorted(devices) if device in pins), None)
    if pin is None:
        return proven_profile(rows, None)
    key = public_key(pin.key)
    reports = proven_profile(rows, key)
    if pin.state is PinState.CONFIRMED:
        return reports
    doubt = Finding(Reason.KEY_NOT_CONFIRMED, "", key.fingerprint)
    return [replace(report, findings=(*report.findings, doubt)) for report in reports]
