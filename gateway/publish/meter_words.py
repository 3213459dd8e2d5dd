"""What is told of records that meters signed themselves, and of the keys that they are proven with."""

from typing import Final

from gateway.publish.words import Pair

METER_EVENTS: Final[dict[str, Pair]] = {
    "meter_record_kept": ("Mätarens egen signerade post är sparad", "The meter's own signed record is kept"),
    "meter_record_refused": (
        "En signerad post avvisades och ligger i karantän: {why}",
        "A signed record was refused and is in quarantine: {why}",
    ),
    "meter_key_doubted": (
        "Platsens laddningar debiteras inte: en post med en annan nyckel än mätarens kom. Jämför mätarens nyckel",
        "The socket's sessions are not billed: a record of another key than the meter's came. Compare the meter's key",
    ),
    "meter_key_upheld": (
        "En mätares nyckel är jämförd igen och rätt: platsens laddningar debiteras som vanligt",
        "A meter's key was compared again and is right: the socket's sessions are billed as usual",
    ),
    "meter_key_pinned_tofu": (
        "En mätares nyckel kom med data: jämför den med märkskylten och bekräfta den",
        "A meter's key came with the data: compare it with the label and confirm it",
    ),
    "meter_key_pinned_confirmed": ("En mätares nyckel är bekräftad", "A meter's key is confirmed"),
}
