"""What an app is made of on one page of Markdown: a query and how its answer is written. A client of the schema."""

import re
from collections.abc import Sequence
from typing import Any

QUERY = """query Overview($last: Int!, $live: Boolean!) {
  system { version store { kind why } structure { state snapshotVersion } }
  tasks { id meta { title } filePath dependsOn emits inputSchemaReadable }
  hooks { id meta { title } filePath dependsOn events }
  resources { id meta { title } filePath dependsOn }
  middlewares { id meta { title } filePath }
  events { id meta { title } emittedBy listenedToBy payloadSchemaReadable }
  diagnostics { severity code message }
  live @include(if: $live) {
    runs(last: $last) { nodeId durationMs ok }
    errors(last: $last) { sourceId message }
    logs(last: $last) { level message }
  }
}"""

Node = dict[str, Any]  # Any: JSON

_HEADINGS = {
    "tasks": "Tasks",
    "hooks": "Hooks",
    "events": "Events",
    "resources": "Resources",
    "middlewares": "Middleware",
}
_DETAILS = {
    "filePath": "in",
    "inputSchemaReadable": "takes",
    "payloadSchemaReadable": "carries",
    "dependsOn": "depends on",
    "emits": "emits",
    "events": "listens to",
    "emittedBy": "emitted by",
    "listenedToBy": "listened to by",
}

_BETWEEN_FIELDS = re.compile(r"(?<=[^{\s])\s*\n\s*(?=[^}\s])")
"""Fields of a readable schema stand on lines of their own."""


def variables(details: int, live: bool) -> Node:
    """The variables of the query."""
    return {"last": details, "live": live}


def markdown(data: Node, details: int) -> str:
    """The answer as Markdown; `details` elements of each kind are described, the others counted."""
    system, structure = data["system"], data["system"]["structure"]
    store = system["store"]
    # Versions of a store in memory begin with the process: 1 says nothing.
    is_version = structure["snapshotVersion"] and store["kind"] != "memory"
    version = f", version {structure['snapshotVersion']}" if is_version else ""
    parts = [
        "# Overview\n",
        f"devtools {system['version']}, store {store['kind']} ({store['why']}), structure {structure['state']}{version}\n",
        *(_elements(title, data[name], details) for name, title in _HEADINGS.items() if data[name]),
        _listed(
            "Diagnostics",
            [f"{row['severity']} {row['code']}: {row['message']}" for row in data["diagnostics"]],
        ),
        *(_live(data["live"]) if data.get("live") else ()),
    ]
    return "\n".join(part for part in parts if part)


def _elements(title: str, elements: Sequence[Node], details: int) -> str:
    lines: list[str] = []
    for element in elements[:details]:
        meta: Node = element["meta"] or {}
        name = f" — {_line(meta['title'])}" if meta.get("title") and meta["title"] != element["id"] else ""
        lines.append(f"- `{_line(element['id'])}`{name}\n{_described(element)}")
    left = len(elements) - details
    more = f"- … and {left} more; `--details {len(elements)}` describes all\n" if left > 0 else ""
    return f"## {title} ({len(elements)})\n\n{''.join(lines)}{more}"


def _described(element: Node) -> str:
    found: list[str] = []
    for name, words in _DETAILS.items():
        value: str | list[str] | None = element.get(name)
        if value:
            shown = ", ".join(value) if isinstance(value, list) else _BETWEEN_FIELDS.sub("; ", value)
            found.append(f"  - {words}: {_line(shown)}\n")
    return "".join(found)


def _live(live: Node) -> list[str]:
    runs = [
        f"{row['nodeId']} {row['durationMs']:.1f} ms{'' if row['ok'] else ' failed'}" for row in live["runs"]
    ]
    return [
        _listed("Newest runs", runs),
        _listed("Newest errors", [f"{row['sourceId']}: {row['message']}" for row in live["errors"]]),
        _listed("Newest logs", [f"{row['level']} {row['message']}" for row in live["logs"]]),
    ]


def _listed(title: str, lines: Sequence[str]) -> str:
    items = "".join(f"- {_line(line)}\n" for line in lines)
    return f"## {title} ({len(lines)})\n\n{items}" if lines else ""


def _line(text: str) -> str:
    return " ".join(text.split())
