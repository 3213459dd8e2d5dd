"""What they are told who wait because others go before them by the site's policy."""

from typing import Final

from gateway.site.because import Why

POLICY_WAITS: Final[dict[Why, tuple[str, str]]] = {
    Why.QUEUED_MINIMUM: (
        "Väntar på {amps}, {where}: andra får sin minsta energi{left}",
        "Waits for {amps}, {where}: others get their minimum energy{left}",
    ),
    Why.QUEUED_EQUAL: (
        "Väntar på {amps}, {where}: andra har fått mindre{left}",
        "Waits for {amps}, {where}: others have got less{left}",
    ),
    Why.QUEUED_PRIORITY: (
        "Väntar på {amps}, {where}: andra har företräde{left}",
        "Waits for {amps}, {where}: others have priority{left}",
    ),
    Why.QUEUED_DEPARTURE: (
        "Väntar på {amps}, {where}: andra har mer bråttom{left}",
        "Waits for {amps}, {where}: others leave sooner{left}",
    ),
}
"""Swedish, English."""
