"""What the journal keeps of a config: its tables, without anything secret."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.config.wording import HIDDEN, is_secret


def as_kept(tables: Mapping[str, Any]) -> str:
    """The tables as JSON in one form: the same config gives the same text, whatever its comments and order."""
    return json.dumps(_without_secrets(tables), sort_keys=True, ensure_ascii=True, default=str)


def _without_secrets(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: HIDDEN if is_secret(str(key)) else _without_secrets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return value
