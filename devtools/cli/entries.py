"""Import an app by name, as uvicorn does: `module:app`, or `module:create()` for a factory."""

import importlib
import sys
from pathlib import Path
from typing import Any

from devtools.errors import ValidationError


def import_app(entry: str, directory: str | None = None) -> Any:  # Any: whatever the name stands for
    """The app behind `MODULE:APP`, looked up in `directory` (the current one) first.

    Raises ValidationError naming what is missing; an error inside the module itself is raised as it is.
    """
    module_name, _, attribute = entry.partition(":")
    if not module_name or not attribute:
        raise ValidationError(
            f"{entry!r} does not name an app. Write MODULE:APP, as in examples.shop.app:app.", field="entry"
        )
    path = str(Path(directory or ".").resolve())
    if path not in sys.path:
        sys.path.insert(0, path)
    try:
        found: Any = importlib.import_module(module_name)  # Any: walked below
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ValidationError(
            f"Cannot import {module_name!r} from {path}. Check the name, or pass --app-dir.",
            field="entry",
            value=entry,
        ) from error
    for name in attribute.removesuffix("()").split("."):
        if not hasattr(found, name):
            raise ValidationError(
                f"{module_name} has no {name!r}. Write MODULE:APP.", field="entry", value=entry
            )
        found = getattr(found, name)
    return found() if attribute.endswith("()") else found
