"""What is described, as JSON text. An app is looked at while it answers, and its own tests may watch or replace `json.dumps`: the
encoders here are ours alone."""

import json
from collections.abc import Callable
from typing import Any


def json_text(
    value: object,
    *,
    default: Callable[[Any], object] | None = None,  # Any: whatever JSON does not know
    sort_keys: bool = False,
) -> str:
    """The value as JSON. `default` stands in for what JSON does not know. Raises what `json.dumps` raises."""
    return json.JSONEncoder(ensure_ascii=False, default=default, sort_keys=sort_keys).encode(value)
