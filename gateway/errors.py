"""Four error families: each says whose fault it is, and so what happens next."""

from dataclasses import dataclass


class DeviceError(Exception):
    """The world: a wire, a device, a broker. Retried with back-off, and shown."""


class FolderInUse(DeviceError):  # noqa: N818 - it names a state of the world, no failure of ours
    """Another daemon guards this cabinet: its contactors are none of ours."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a config: where (`socket[2].meter.model`), what stands there, what is wrong, what to do."""

    path: str
    value: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path} = {self.value}: {self.problem} {self.remedy}"


class ConfigMistake(Exception):  # noqa: N818 - it names a person's slip, not a failure of ours
    """The installer: ends start-up with every mistake at once."""

    def __init__(self, file: str, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__(f"{file}: {len(mistakes)} mistake(s)")
        self.file = file
        self.mistakes = mistakes


class JournalDamaged(Exception):  # noqa: N818 - it names the state of a file, no failure of ours
    """The journal cannot be trusted: stop charging; people decide."""


class WrittenByNewer(JournalDamaged):
    """A newer version wrote it: nothing is wrong with the journal, but this version must not go on with it."""


class IllegalEvent(Exception):  # noqa: N818 - it names what a state machine was handed
    """Our bug: the process ends and systemd restarts it."""
