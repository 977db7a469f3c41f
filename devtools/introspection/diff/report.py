"""A diff as text, Markdown or JSON. Pure: strings out of values."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from devtools.introspection.diff.changes import ChangeKind, Diff, ElementChange, FieldChange

LONGEST_VALUE = 80
SIGNS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~"}

Behaviour = Sequence[Mapping[str, Any]]  # Any: JSON, as `snapshotDiff { behaviour }` answers


class Line(NamedTuple):
    """One change: what it is, about what, and the details below it."""

    mark: str
    subject: str
    message: str = ""
    details: tuple[str, ...] = ()


def sections(diff: Diff, behaviour: Behaviour = ()) -> dict[str, list[Line]]:
    """What there is to say, by heading; headings without anything are left out."""
    found = {
        "Elements": [_of_element(entry) for entry in diff.entries],
        "GraphQL": [Line(change.severity.value, change.code, change.message) for change in diff.sdl],
        "OpenAPI": [
            Line(change.severity.value, change.location, change.message, _operations(change.operations))
            for change in diff.openapi
        ],
        "Behaviour": [
            Line(row["verdict"].lower().replace("_", " "), row["nodeId"], row["message"]) for row in behaviour
        ],
    }
    return {title: lines for title, lines in found.items() if lines}


def as_text(diff: Diff, behaviour: Behaviour = ()) -> str:
    """For a terminal."""
    found = sections(diff, behaviour)
    if not found:
        return "No difference.\n"
    return "\n".join(
        f"{title} ({len(lines)})\n" + "".join(_text(title, line) for line in lines)
        for title, lines in found.items()
    )


def _text(title: str, line: Line) -> str:
    details = "".join(f"      {detail}\n" for detail in line.details)
    if title == "Elements":
        return f"  {line.mark} {line.subject}\n{details}"
    subject = f"{line.subject}: " if title == "Behaviour" else ""
    return f"  {line.mark:<9} {subject}{line.message}\n{details}"


def as_markdown(diff: Diff, behaviour: Behaviour = ()) -> str:
    """For a comment."""
    found = sections(diff, behaviour)
    if not found:
        return "No difference.\n"
    return "\n".join(
        f"### {title} ({len(lines)})\n\n" + "".join(_markdown(line) for line in lines)
        for title, lines in found.items()
    )


def _markdown(line: Line) -> str:
    words = {"+": "added", "-": "removed", "~": "changed"}
    message = f": {escaped(line.message)}" if line.message else ""
    details = "".join(f"  - {escaped(detail)}\n" for detail in line.details)
    return f"- **{words.get(line.mark, line.mark)}** {code(line.subject)}{message}\n{details}"


def as_json(diff: Diff, behaviour: Behaviour = ()) -> dict[str, Any]:  # Any: JSON
    """For programs."""
    return {**msgspec.to_builtins(diff), "behaviour": list(behaviour)}


def code(text: str) -> str:
    """Text as Markdown code, whatever is in it."""
    fence = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return fence + space + " ".join(text.split()) + space + fence


def escaped(text: str) -> str:
    """Text in Markdown that stays text: on one line, without HTML, links, mentions or tables."""
    plain = " ".join(text.split())
    for sign in "\\`*_[]<>|#@":
        plain = plain.replace(sign, f"\\{sign}")
    return plain


def _of_element(entry: ElementChange) -> Line:
    return Line(
        SIGNS[entry.change],
        f"{entry.kind.value} {entry.id}",
        details=tuple(_of_field(field) for field in entry.fields),
    )


def _of_field(field: FieldChange) -> str:
    name = field.name.replace("_", " ")
    old, new = _items(field.old), _items(field.new)
    if old is not None and new is not None:
        gone = [_shown(item) for item in old if item not in new]
        come = [_shown(item) for item in new if item not in old]
        parts = [*(f"+ {item}" for item in come), *(f"- {item}" for item in gone)]
        if parts:
            return f"{name}: {', '.join(parts)}"
    return f"{name}: {_shown(field.old)} → {_shown(field.new)}"


def _items(value: Any) -> list[Any] | None:  # Any: JSON
    return cast("list[Any]", value) if isinstance(value, list) else None


def _shown(value: Any) -> str:  # Any: JSON
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def _operations(operations: Sequence[str]) -> tuple[str, ...]:
    return (f"in {', '.join(operations)}",) if len(operations) > 1 else ()
