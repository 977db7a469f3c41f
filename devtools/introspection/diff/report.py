"""A diff as text, Markdown or JSON. Pure: strings out of values."""

import itertools
import operator
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from devtools.introspection.diff.behaviour import FEWEST
from devtools.introspection.diff.changes import ChangeKind, Diff, ElementChange, FieldChange

LONGEST_VALUE = 80
LEAD = 24
"""How much of what two long values have in common is shown before they differ."""
NAMED = 10
"""How many elements a line that stands for several of them names; JSON has all."""
SIGNS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~"}
_FOLDED = {
    "TOO_FEW": f"Too few runs to compare, {FEWEST} are needed under each version.",
    "SAME": "No difference beyond chance.",
}

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
        "Behaviour": _of_behaviour(behaviour),
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
    subject = f"{line.subject}: " if title == "Behaviour" and line.subject else ""
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
    said = ": ".join(filter(None, (line.subject and code(line.subject), escaped(line.message))))
    details = "".join(f"  - {escaped(detail)}\n" for detail in line.details)
    return f"- **{words.get(line.mark, line.mark)}** {said}\n{details}"


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


def _of_behaviour(behaviour: Behaviour) -> list[Line]:
    """A line for each element, but one alone for all that have too few runs, and one for all that stayed the same."""
    lines: list[Line] = []
    for verdict, rows in itertools.groupby(behaviour, operator.itemgetter("verdict")):
        alike = list(rows)
        mark = verdict.lower().replace("_", " ")
        if verdict in _FOLDED and len(alike) > 1:
            names = [row["nodeId"] for row in alike[:NAMED]]
            more = f" and {len(alike) - NAMED} more" if len(alike) > NAMED else ""
            message = f"{len(alike)} elements: {_FOLDED[verdict]}"
            lines.append(Line(mark, "", message, (", ".join(names) + more,)))
        else:
            lines += [Line(mark, row["nodeId"], row["message"]) for row in alike]
    return lines


def _of_field(field: FieldChange) -> str:
    name = field.name.replace("_", " ")
    old, new = _items(field.old), _items(field.new)
    if old is not None and new is not None:
        gone = [_shown(item) for item in old if item not in new]
        come = [_shown(item) for item in new if item not in old]
        parts = [*(f"+ {item}" for item in come), *(f"- {item}" for item in gone)]
        if parts:
            return f"{name}: {', '.join(parts)}"
    return f"{name}: {' → '.join(_shown_apart(field.old, field.new))}"


def _items(value: Any) -> list[Any] | None:  # Any: JSON
    return cast("list[Any]", value) if isinstance(value, list) else None


def _shown(value: Any) -> str:  # Any: JSON
    return _cut(_written(value), 0)


def _shown_apart(old: Any, new: Any) -> tuple[str, str]:  # Any: JSON
    """Both, where they are long from a little before they differ."""
    before, after = _written(old), _written(new)
    start = 0
    if max(len(before), len(after)) > LONGEST_VALUE:
        start = max(0, len(os.path.commonprefix((before, after))) - LEAD)  # noqa: RUF071 - of characters
    return _cut(before, start), _cut(after, start)


def _written(value: Any) -> str:  # Any: JSON
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _cut(text: str, start: int) -> str:
    end = start + LONGEST_VALUE
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"


def _operations(operations: Sequence[str]) -> tuple[str, ...]:
    return (f"in {', '.join(operations)}",) if len(operations) > 1 else ()
