"""The token that signs in place of a key file."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from gateway.config.plans import SigningTokenPlan
from gateway.config.section import Section

Label = Annotated[str, Field(pattern=r"^[!-~]([ -~]{0,30}[!-~])?$")]
"""A token has room for 32 characters (PKCS#11 2.40, CK_TOKEN_INFO)."""


class SigningTokenSection(Section):
    """A PKCS#11 token (security module, smart card, TPM) that signs. Without this section the key is a file."""

    module: str = Field(pattern="^/", description="the token's PKCS#11 library")
    token: Label = Field(description="label of the token")
    pin_file: str = Field(pattern="^/", description="file with the user PIN, mode 0600")
    label: Label = Field(default="laddvakt", description="label of the key pair, which the gateway makes there")


def token_plan(section: SigningTokenSection | None) -> SigningTokenPlan | None:
    """The token as the shell needs it."""
    if section is None:
        return None
    return SigningTokenPlan(Path(section.module), section.token, Path(section.pin_file), section.label)
