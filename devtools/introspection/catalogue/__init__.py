"""One structure as one HTML file that opens from disk: no network, searchable, with the topology. Pure: a string out of a value."""

import base64
import hashlib
from importlib.resources import files
from typing import Any

import msgspec

from devtools.introspection.catalogue.maps import maps
from devtools.introspection.elements import Element, Structure

LINKS: dict[str, str] = {
    "depends_on": "depends on",
    "emits": "emits",
    "events": "listens to",
    "throws": "throws",
    "middleware": "is wrapped by",
    "tags": "is tagged",
    "contexts": "reads",
    "provides": "sets",
    "overrides": "overrides",
}
"""Fields that name other elements, and what they say."""

BACK: dict[str, str] = {
    "depends on": "used by",
    "emits": "emitted by",
    "listens to": "heard by",
    "throws": "thrown by",
    "is wrapped by": "wraps",
    "is tagged": "is on",
    "reads": "read by",
    "sets": "set by",
    "overrides": "overridden by",
}
"""What the other end of a link says."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '{style_hash}'; script-src '{script_hash}'; \
base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Catalogue</title>
<style>{style}</style>
</head>
<body>
<noscript>This page needs JavaScript to show its content. It asks no network for anything.</noscript>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def page(structure: Structure, *, title: str, subtitle: str) -> str:
    """The HTML. Everything of the app is data in it: the script makes text of it and never markup."""
    style, drawing, script = (
        files(__name__).joinpath(name).read_text("utf-8")
        for name in ("catalogue.css", "map.js", "catalogue.js")
    )
    script = drawing + script
    shown = {
        "title": title,
        "subtitle": subtitle,
        "elements": [_shown(element) for element in structure.elements],
        "maps": maps(structure),
        "back": BACK,
        "sdl": structure.sdl,
        "openapi": structure.openapi,
    }
    return _PAGE.format(
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=_in_script(msgspec.json.encode(shown).decode()),
    )


def _in_script(json: str) -> str:
    """JSON that cannot end the element it stands in."""
    return json.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _shown(element: Element) -> dict[str, Any]:  # Any: JSON
    links = [
        {"says": words, "to": target if isinstance(target, str) else target.id}
        for name, words in LINKS.items()
        for target in getattr(element, name)
    ]
    place = None if element.file_path is None else f"{element.file_path}:{element.line or 1}"
    return {
        "id": element.id,
        "kind": element.kind.value.replace("_", " "),
        "title": element.title,
        "description": element.description,
        "place": place,
        "schema": element.schema,
        "config": element.config,
        "links": links,
    }
