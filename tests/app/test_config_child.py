"""The config is read in a child: the same cabinet, the same mistakes, and no validator left in the daemon."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app.config_child import load_cabinet_apart
from gateway.config.load import load_cabinet
from gateway.errors import ConfigMistake

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "laddvakt.toml.example"


def test_the_cabinet_comes_back_whole() -> None:
    assert load_cabinet_apart(EXAMPLE) == load_cabinet(EXAMPLE)


def test_mistakes_come_back_with_path_value_and_remedy(tmp_path: Path) -> None:
    config = tmp_path / "laddvakt.toml"
    config.write_text(EXAMPLE.read_text().replace('fuse = "garage"', 'fuse = "garag"'))
    with pytest.raises(ConfigMistake) as apart:
        load_cabinet_apart(config)
    with pytest.raises(ConfigMistake) as here:
        load_cabinet(config)
    assert apart.value.mistakes == here.value.mistakes
    assert apart.value.file == here.value.file


def test_the_validator_does_not_stay_in_the_daemon() -> None:
    code = (
        "import sys; from pathlib import Path; from gateway.app.config_child import load_cabinet_apart;"
        "load_cabinet_apart(Path(sys.argv[1])); import gateway.app.run;"
        "print(sorted(name for name in sys.modules if name.startswith('pydantic')))"
    )
    told = subprocess.run([sys.executable, "-c", code, str(EXAMPLE)], capture_output=True, check=True, text=True)
    assert told.stdout.strip() == "[]"
