"""The words of the config for what a session is billed by."""

from typing import Annotated, Final

from pydantic import Field

from gateway.config.section import Section

TARIFF_FORM: Final = r"^[!-{}~]([ -{}~]{0,248}[!-{}~])?$"
"""TT of OCMF 1.1 and later: 250 characters at most, without "|"; here ASCII alone, with no blank at its ends."""
TariffId = Annotated[
    str, Field(pattern=TARIFF_FORM, description="names the tariff in both signed records of a session that begins now")
]


class BillingSection(Section):
    """What holds for every socket that does not say otherwise."""

    tariff_id: TariffId | None = None
