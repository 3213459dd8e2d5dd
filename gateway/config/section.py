"""What all sections of the config file share: strictness, names, and the limits of common quantities."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="short name: a-z, 0-9 and '-'")]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Amperes = Annotated[float, Field(ge=0, le=1000)]
GpioChip = Annotated[str, Field(pattern=r"^/dev/gpiochip\d+$", description="such as /dev/gpiochip0")]
GpioOffset = Annotated[int, Field(ge=0, le=511, description="line offset on the chip (GPIO number on a Pi)")]
Unit = Annotated[int, Field(ge=1, le=255, description="Modbus unit: 1-247 on a serial bus, up to 255 over TCP")]
PhaseName = Literal["L1", "L2", "L3"]
SecretKey = Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{32}$", description="secret: 32 hex digits")]


class Section(BaseModel):
    """What all sections share."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
