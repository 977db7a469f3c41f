"""Path templates: `/cart/{id}` of what frameworks write, the same where structure is read and where requests are recorded."""

import re

from devtools.introspection.json_text import json_text

_ANGLED = re.compile(r"(?<!\?P)<(?:([^<>:]*):)?([^<>:]+)>")
"""`<int:number>` in a rule of Werkzeug or Django, not the name of a group."""
_REGULAR = re.compile(r"\(\?P<|\^|\$$|\\Z")
"""What only a regular expression holds."""
_PLAIN = frozenset({"default", "str", "string"})


def template(rule: str, *, typed: bool = False) -> str:
    """The template of a rule of Flask, Quart or Django: `/cart/<int:id>` is `/cart/{id}`, and `/cart/{id:int}` where typed."""

    def parameter(found: re.Match[str]) -> str:
        kind = str(found[1] or "").partition("(")[0]
        return f"{{{found[2]}:{kind}}}" if typed and kind and kind not in _PLAIN else f"{{{found[2]}}}"

    path = _ANGLED.sub(parameter, rule)
    return "/" + (_of_regular(path) if _REGULAR.search(path) else path).removeprefix("/")


def _of_regular(pattern: str) -> str:
    """Of a regular expression groups are parameters: `^orders/(?P<id>[0-9]+)/$` is `orders/{id}/`."""
    parts: list[str] = []
    position = unnamed = 0
    text = pattern.replace(r"\Z", "")
    while position < len(text):
        if text[position] != "(":
            step = 2 if text[position] == "\\" else 1
            parts.append(text[position : position + step][-1])
            position += step
            continue
        named = re.match(r"\(\?P<(\w+)>", text[position:])
        parts.append(f"{{{named[1] if named else unnamed}}}")
        unnamed += named is None
        position = _group_end(text, position)
    return re.sub(r"[?*+^$]", "", "".join(parts))


def _group_end(text: str, start: int) -> int:
    """Where the group that begins here ends."""
    depth, position = 0, start
    while position < len(text):
        character = text[position]
        position += 2 if character == "\\" else 1
        depth += (character == "(") - (character == ")")
        if depth == 0:
            break
    return position


def path_schema(path: str) -> str | None:
    """The JSON Schema of the parameters in a path template."""
    kinds = {"int": "integer", "float": "number"}
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    pairs = [name.partition(":") for name in names]
    if not pairs:
        return None
    properties = {name: {"type": kinds.get(converter, "string")} for name, _, converter in pairs}
    schema = {"properties": properties, "required": list(properties), "type": "object"}
    return json_text(schema)
