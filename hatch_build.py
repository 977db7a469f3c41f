"""Build hook: refuses to build a release that lacks the web files. `make dist` builds one; a plain build goes on without them."""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

RELEASE = "DEVTOOLS_RELEASE"
"""Set to 1 for what is published."""
PAGES = ("index.html", "graphiql.html")


class WebFiles(BuildHookInterface[Any]):
    """Looks for the built pages and everything they load."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Raise before anything is built."""
        missing = missing_files(Path(self.root) / "web" / "dist")
        if missing and os.environ.get(RELEASE) == "1":
            raise SystemExit(
                f"This release lacks the web files ({', '.join(missing)}). Run: make web. "
                f"Without {RELEASE}=1 it is built all the same, and small server-made pages stand in."
            )


def missing_files(directory: Path) -> list[str]:
    """Names of pages that are not built, and of files that a page loads and that are not there."""
    missing: list[str] = []
    for name in PAGES:
        page = directory / name
        if not page.is_file():
            missing.append(name)
            continue
        loaded = re.findall(r'(?:src|href)="\./(assets/[^"]+)"', page.read_text(encoding="utf-8"))
        missing += [path for path in loaded if not (directory / path).is_file()]
    return missing
