"""An element as a page in Markdown: what it is, where it stands, what it is linked to. GraphQL answers it as `markdownDescription`.

Titles, ids and docstrings come from the app and what it imports: they may say anything, but not become HTML, images or headings.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from devtools.introspection import schemas
from devtools.introspection.elements import Element, ElementKind
from devtools.introspection.graph import Graph

MAX_LISTED = 25
"""Elements named in one section; the app itself registers hundreds."""

SCHEMA_TITLES = {
    ElementKind.task: "Input",
    ElementKind.hook: "Input",
    ElementKind.event: "Payload",
    ElementKind.error: "Data",
}


def describe(element: Element, graph: Graph) -> str:
    """The page of one element. Sections with nothing to say are left out."""
    parts = [_heading(element), _facts(element), _prose(element.description), *_sections(element, graph)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(element: Element) -> str:
    return f"# {inline(element.title) if element.title else code(element.id)}"


def _facts(element: Element) -> str:
    """The lines under the title: what it is, where, and what is special about it."""
    lines = [f"{element.kind.value.replace('_', ' ').capitalize()} {code(element.id)}"]
    if element.route is not None:
        lines.append(f"Route: {code(f'{element.route.method} {element.route.path}')}")
    if element.file_path is not None:
        place = element.file_path if element.line is None else f"{element.file_path}:{element.line}"
        lines.append(f"Defined in {code(place)}")
    if element.registered_by is not None:
        lines.append(f"Registered by {code(element.registered_by)}")
    lines.extend(_remarks(element))
    return "\n".join(f"- {line}" for line in lines)


def _remarks(element: Element) -> Iterator[str]:
    if element.shadowed_by is not None:
        yield f"Never reached: {code(element.shadowed_by)} answers first"
    if element.framework:
        yield "Part of the framework"
    if element.is_private:
        yield f"Private: {inline(element.visibility_reason)}" if element.visibility_reason else "Private"
    if element.deprecated:
        yield "Deprecated"
    if element.scopes:
        yield f"Needs the scopes {', '.join(map(code, element.scopes))}"
    if element.auto_apply:
        yield "Wraps everything, without being named there"
    if element.order:
        yield f"Order: {element.order}"
    if element.handled:
        yield "The app has a handler for it"
    if element.has_health_check:
        yield "Has a health check"


def _sections(element: Element, graph: Graph) -> Iterator[str]:
    """What it takes and what it is linked to, each under a title."""
    yield _block(
        SCHEMA_TITLES.get(element.kind, "Configuration schema"), "ts", schemas.readable(element.schema)
    )
    yield _block("Result", "ts", schemas.readable(element.result_schema))
    yield _block("Configuration", "json", _indented(element.config))
    for title, items in _lists(element, graph):
        yield _section(title, items)
    yield _numbered("Middleware, from the outside in", _middleware(element, graph))


def _lists(element: Element, graph: Graph) -> Iterator[tuple[str, Iterable[str]]]:
    def named(identifiers: Iterable[str]) -> Iterable[str]:
        return (_link(identifier, graph) for identifier in identifiers)

    def shown(elements: Iterable[Element]) -> Iterable[str]:
        return (_named(found) for found in elements)

    yield "Depends on", named(element.depends_on)
    yield "Used by", shown(graph.used_by(element.id))
    yield "Emits", named(element.emits)
    yield "Emitted by", shown(graph.emitted_by(element.id))
    yield "Listens to", ("every event" if event == "*" else _link(event, graph) for event in element.events)
    if element.kind is ElementKind.event:
        yield "Hooks, in order", shown(graph.listened_to_by(element.id))
    yield "Throws", named(element.throws)
    yield "Thrown by", shown(graph.thrown_by(element.id))
    yield "Handled by", named(element.handlers)
    yield "Reads", named(element.contexts)
    yield "Read by", shown(graph.reading_context(element.id))
    yield "Sets", named(element.provides)
    yield "Set by", shown(graph.providing_context(element.id))
    yield "Wraps", shown(graph.wrapped_by(element.id))
    yield "Tags", (_configured(_link(use.id, graph), use.config) for use in element.tags)
    yield "Tagged", shown(graph.tagged(element.id))
    yield "Overrides", named(element.overrides)
    yield "Overridden by", shown(graph.overriders(element.id))
    yield "Registers", shown(graph.registered_by(element.id))


def _middleware(element: Element, graph: Graph) -> Iterator[str]:
    for use in element.middleware:
        origin = f" (from {inline(use.origin)})" if use.origin else ""
        yield _configured(_link(use.id, graph) + origin, use.config)


def _link(identifier: str, graph: Graph) -> str:
    found = graph.get(identifier)
    return _named(found) if found is not None else f"{code(identifier)} (unknown)"


def _named(element: Element) -> str:
    title = element.title
    return f"{code(element.id)} — {inline(title)}" if title and title != element.id else code(element.id)


def _configured(text: str, config: str | None) -> str:
    return f"{text}: {code(config)}" if config else text


def _section(title: str, items: Iterable[str], bullet: str = "-") -> str:
    found = list(items)
    if not found:
        return ""
    lines = [f"{bullet} {item}" for item in islice(found, MAX_LISTED)]
    if len(found) > MAX_LISTED:
        lines.append(f"{bullet} … and {len(found) - MAX_LISTED} more")
    return "\n".join([f"## {title}", "", *lines])


def _numbered(title: str, items: Iterable[str]) -> str:
    return _section(title, items, "1.")


def _block(title: str, language: str, text: str | None) -> str:
    if not text:
        return ""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"## {title}\n\n{fence}{language}\n{text}\n{fence}"


def _indented(config: str | None) -> str | None:
    try:
        return None if config is None else json.dumps(json.loads(config), indent=2, ensure_ascii=False)
    except ValueError:
        return config


def code(text: str) -> str:
    """Text as a code span, whatever backticks and line ends it holds."""
    line = " ".join(text.split())
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~&!]")


def inline(text: str | None) -> str:
    """Text within a line, meaning nothing in Markdown."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", " ".join((text or "").split()))


_HTML = re.compile(r"<(?=[A-Za-z/!?])")
_HEADING = re.compile(r"^(\s*)#", re.MULTILINE)
_FOREIGN_LINK = re.compile(r"\]\((?!https?://)")
_REFERENCE = re.compile(r"^(\s*)\[([^\]\n]*\]:)", re.MULTILINE)


def _prose(text: str | None) -> str:
    """A docstring as Markdown without HTML, images, headings of its own, or links to anything but the web."""
    if not text:
        return ""
    text = _HTML.sub("&lt;", text).replace("![", "!\\[")
    text = _FOREIGN_LINK.sub("]\\(", _REFERENCE.sub(r"\1\\[\2", text))
    return _closed(_HEADING.sub(r"\1\\#", text))


def _closed(text: str) -> str:
    """The text with a code block that it leaves open closed, so that what follows is not swallowed."""
    opened: str | None = None
    for line in text.splitlines():
        found = re.match(r"\s{0,3}(`{3,}|~{3,})(.*)", line)
        if found is None:
            continue
        if opened is None:
            opened = found[1]
        elif found[1].startswith(opened) and not found[2].strip():
            opened = None
    return text if opened is None else f"{text}\n{opened}"
