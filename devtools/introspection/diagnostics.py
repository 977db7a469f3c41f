"""What looks wrong in the structure of an app: one small function per finding, in one table. Pure: a snapshot answers alike.

`BLOCKING_ENDPOINT` alone comes from measurements: of the running app, handed in.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from devtools.introspection import naming
from devtools.introspection.elements import Element, ElementKind, Route
from devtools.introspection.graph import Graph
from devtools.telemetry.stalls import Stall

Severity = Literal["info", "warning", "error"]
Findings = Iterator[tuple[Element, str]]


@dataclass(frozen=True)
class Diagnostic:
    """One finding about one element: what is wrong, and what to do about it."""

    severity: Severity
    code: str
    message: str
    node_id: str
    node_kind: str
    hint: str
    is_framework: bool
    ignored: str | None = None
    """Why it is no finding here, from the setting `ignore`."""

    @property
    def documentation(self) -> str:
        """Where the finding is explained: a page of the docs and an anchor on it."""
        return f"docs/diagnostics.md#{self.code.lower()}"


@dataclass(frozen=True)
class Rule:
    """One check: what it is called, how grave a finding is, how to mend it."""

    code: str
    severity: Severity
    find: Callable[[Graph], Findings]
    hint: str


def diagnose(
    graph: Graph,
    *,
    include_framework: bool = False,
    ignore: Mapping[str, str] = MappingProxyType({}),
    include_ignored: bool = False,
    measured: Iterable[tuple[Element, str]] = (),
) -> list[Diagnostic]:
    """Every finding, in the order of `RULES`, then of the structure, then what was measured.

    The framework's own elements and what `ignore` names (`CODE` or `CODE element`, with a reason) are left out unless asked for.
    """
    found = [
        _diagnostic(rule, element, message, ignore)
        for rule in (*RULES, BLOCKING_ENDPOINT)
        for element, message in (measured if rule is BLOCKING_ENDPOINT else rule.find(graph))
        if include_framework or not element.framework
    ]
    return [finding for finding in found if include_ignored or finding.ignored is None]


def _diagnostic(rule: Rule, element: Element, message: str, ignore: Mapping[str, str]) -> Diagnostic:
    return Diagnostic(
        rule.severity,
        rule.code,
        message,
        element.id,
        element.kind.value,
        rule.hint,
        element.framework,
        reason_for(rule.code, element.id, ignore),
    )


def reason_for(code: str, identifier: str, ignore: Mapping[str, str]) -> str | None:
    """Why a finding does not count, where the setting `ignore` names it."""
    for pattern, reason in ignore.items():
        named, _, element = pattern.partition(" ")
        if named == code and fnmatchcase(identifier, element or "*"):
            return reason
    return None


def blocking(graph: Graph, stalls: Sequence[Stall], root: Path) -> Findings:
    """Elements whose code kept the event loop from going on, the one that did so longest first. Paths are read from `root`."""
    places: dict[tuple[str | None, int | None], Element] = {
        (element.file_path, element.line): element for element in reversed(graph.list()) if element.file_path
    }
    by_id: defaultdict[str, list[Stall]] = defaultdict(list)
    for stall in stalls:
        on_stack = (
            places.get((naming.relative(file, root), line)) for file, line in reversed(stall.functions)
        )
        element = next(filter(None, on_stack), None)
        if element is not None:
            by_id[element.id].append(stall)
    for identifier, seen in sorted(by_id.items(), key=lambda item: -max(stall.seconds for stall in item[1])):
        longest = max(seen, key=lambda stall: stall.seconds)
        times = "once" if len(seen) == 1 else f"{len(seen)} times"
        yield (
            graph.by_id[identifier],
            f"{identifier} blocked the event loop {times}, for up to {longest.seconds * 1_000:.0f} ms, at {longest.where}.",
        )


def _override_conflict(graph: Graph) -> Findings:
    for element in graph.list():
        overriders = graph.overriders(element.id)
        if len(overriders) > 1:
            yield element, f"{element.id} is overridden by {_names(overriders)}: only one can take its place."


def _unknown_link(graph: Graph) -> Findings:
    for element in graph.list():
        for word, identifier in _links(element):
            if identifier not in graph.by_id:
                yield element, f"{element.id} {word} {identifier}, and there is no such element."


def _links(element: Element) -> Iterable[tuple[str, str]]:
    """Every link of an element as what it says and the id it names, each once."""
    named = {
        "depends on": element.depends_on,
        "emits": element.emits,
        "throws": element.throws,
        "listens to": (event for event in element.events if event != "*"),
        "is wrapped by": (use.id for use in element.middleware),
        "is tagged": (use.id for use in element.tags),
        "reads": element.contexts,
        "sets": element.provides,
        "overrides": element.overrides,
        "is handled by": element.handlers,
        "is registered by": () if element.registered_by is None else (element.registered_by,),
    }
    return dict.fromkeys(
        (word, identifier) for word, identifiers in named.items() for identifier in identifiers
    )


def _duplicate_route(graph: Graph) -> Findings:
    seen: dict[Route, Element] = {}
    for element in graph.list(ElementKind.task):
        if element.route is None:
            continue
        first = seen.setdefault(route_shape(element.route), element)
        if first is not element:
            yield (
                element,
                f"{element.id} answers the same requests as {first.id}: one of them is never reached.",
            )


_PARAMETER = re.compile(r"\{[^{}:]*(:[^{}]*)?\}")


def route_shape(route: Route) -> Route:
    """A route without the names of its parameters: `/orders/{id:int}` and `/orders/{number:int}` are one shape."""
    path, host = (
        _PARAMETER.sub(lambda found: "{" + (found[1] or ":str") + "}", text)
        for text in (route.path, route.host)
    )
    return Route(route.method, path, host)


def _shadowed_route(graph: Graph) -> Findings:
    for element in graph.list(ElementKind.task):
        other = graph.get(element.shadowed_by) if element.shadowed_by is not None else None
        is_same = (
            other is not None
            and other.route is not None
            and element.route is not None
            and route_shape(other.route) == route_shape(element.route)
        )
        if element.shadowed_by is not None and not is_same:
            yield (
                element,
                f"{element.id} is never reached: {element.shadowed_by} stands before it and answers.",
            )


def _orphan_event(graph: Graph) -> Findings:
    for element in graph.list(ElementKind.event):
        if not graph.listened_to_by(element.id):
            yield element, f"No hook listens to {element.id}."


def _unemitted_event(graph: Graph) -> Findings:
    for element in graph.list(ElementKind.event):
        if not graph.emitted_by(element.id):
            yield element, f"No element declares that it emits {element.id}."


def _unused_middleware(graph: Graph) -> Findings:
    for element in graph.list(ElementKind.middleware):
        if not element.auto_apply and not graph.wrapped_by(element.id):
            yield element, f"{element.id} wraps nothing."


def _overridden_element(graph: Graph) -> Findings:
    for element in graph.list():
        overriders = graph.overriders(element.id)
        if len(overriders) == 1:
            yield element, f"{element.id} is overridden by {overriders[0].id} and takes no part."


def _unused_error(graph: Graph) -> Findings:
    for element in graph.list(ElementKind.error):
        if not element.handled and not graph.thrown_by(element.id):
            yield element, f"No element declares that it throws {element.id}, and nothing handles it."


def _missing_response_model(graph: Graph) -> Findings:
    for element in graph.list(ElementKind.task):
        if element.has_untyped_result:
            yield element, f"Nothing says what {element.id} answers: it is neither checked nor documented."


def _names(elements: list[Element]) -> str:
    return " and ".join(element.id for element in elements)


RULES: tuple[Rule, ...] = (
    Rule(
        "OVERRIDE_CONFLICT",
        "error",
        _override_conflict,
        "Keep one of the overrides, or let one override the other.",
    ),
    Rule(
        "UNKNOWN_LINK",
        "warning",
        _unknown_link,
        "Declare what is named (with a decorator, or by its id), or correct the id in the link.",
    ),
    Rule(
        "DUPLICATE_ROUTE",
        "warning",
        _duplicate_route,
        "Remove one of the routes, or give it a path or method of its own.",
    ),
    Rule(
        "SHADOWED_ROUTE",
        "warning",
        _shadowed_route,
        "Put the route with the narrower path first.",
    ),
    Rule(
        "ORPHAN_EVENT",
        "warning",
        _orphan_event,
        "Listen to it with @hook(event), or remove the event.",
    ),
    Rule(
        "UNEMITTED_EVENT",
        "warning",
        _unemitted_event,
        "Name it in emits=[…] of the task, hook or resource that emits it, or remove the event.",
    ),
    Rule(
        "UNUSED_MIDDLEWARE",
        "warning",
        _unused_middleware,
        "Add it to the app, a mount or a route, or remove it.",
    ),
    Rule(
        "MISSING_RESPONSE_MODEL",
        "info",
        _missing_response_model,
        "Annotate what the function returns, or pass response_model= to the route.",
    ),
    Rule(
        "OVERRIDDEN_ELEMENT",
        "info",
        _overridden_element,
        "If this is not meant, give one of the two another id.",
    ),
    Rule(
        "UNUSED_ERROR",
        "info",
        _unused_error,
        "Name it in throws=[…] of what raises it, or add a handler for it.",
    ),
)
"""Every check, the gravest first."""

BLOCKING_ENDPOINT = Rule(
    "BLOCKING_ENDPOINT",
    "warning",
    lambda _: iter(()),
    "Await an async library there, make the endpoint a plain function (it then runs in a thread), or use asyncio.to_thread.",
)
"""Sync work on the event loop: found by measuring, not in the structure."""
