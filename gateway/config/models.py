"""The models that come with the package, read as package resources; a model is parsed when somebody asks for it."""

from collections.abc import Callable
from importlib.resources import files
from typing import Final, Generic, TypeVar

from gateway.actuators.catalogue import RelayBoardModel, WallboxModel, parse_relay_board, parse_wallbox
from gateway.meters.catalogue import MeterModel, parse_meter_model

AnyModel = TypeVar("AnyModel")


class Shelf(Generic[AnyModel]):
    """Models of one kind, each in a file named after its id."""

    def __init__(self, package: str, folder: str, parse: Callable[[str], AnyModel]) -> None:
        self._folder: Final = files(package).joinpath(*folder.split("/"))
        self._parse: Final = parse
        self._parsed: Final[dict[str, AnyModel]] = {}
        self.ids: Final = frozenset(
            entry.name.removesuffix(".toml") for entry in self._folder.iterdir() if entry.name.endswith(".toml")
        )

    def model(self, model_id: str) -> AnyModel | None:
        """The model of that id, or None if there is none."""
        if model_id not in self.ids:
            return None
        if model_id not in self._parsed:
            self._parsed[model_id] = self._parse(self._folder.joinpath(f"{model_id}.toml").read_text("utf-8"))
        return self._parsed[model_id]


class Models:
    """All models that a config may name."""

    def __init__(self) -> None:
        self.meters: Final[Shelf[MeterModel]] = Shelf("gateway.meters", "models", parse_meter_model)
        self.relay_boards: Final[Shelf[RelayBoardModel]] = Shelf(
            "gateway.actuators", "models/relay_boards", parse_relay_board
        )
        self.wallboxes: Final[Shelf[WallboxModel]] = Shelf("gateway.actuators", "models/wallboxes", parse_wallbox)
