"""Whether a structure may follow another: one rule per row of `RULES`. Called by `devtools check`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from devtools.introspection.diagnostics import reason_for, route_shape
from devtools.introspection.diff import diff
from devtools.introspection.diff.changes import Diff, Severity
from devtools.introspection.elements import Element, ElementKind, Route, Structure
from devtools.introspection.graph import Graph

MOST_NAMED = 3
"""Elements that a finding about many of them names."""

_COORDINATE = re.compile(r"\b\w+\.\w+")
"""A place in a GraphQL schema as graphql-core writes it: `Query.order`."""

Grade = Literal["error", "warning"]
Found = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Comparison:
    """Two structures and what differs between them."""

    old: Structure
    new: Structure

    @cached_property
    def changes(self) -> Diff:
        """What differs."""
        return diff(self.old, self.new)


@dataclass(frozen=True)
class Finding:
    """Something that a rule found. `ignored` is the reason why it does not count, None where it does."""

    code: str
    grade: Grade
    subject: str
    message: str
    ignored: str | None = None

    @property
    def fails(self) -> bool:
        """Whether the check fails because of it."""
        return self.grade == "error" and self.ignored is None


@dataclass(frozen=True)
class Rule:
    """One rule: its code, whether a finding fails the check, what it says, and how it finds (subject, message)."""

    code: str
    grade: Grade
    sentence: str
    find: Callable[[Comparison], Found]


def check(old: Structure, new: Structure, ignored: Mapping[str, str] | None = None) -> list[Finding]:
    """Every finding, in the order of `RULES`. `ignored` is the setting `ignore`: a code, or `CODE subject`, to the reason."""
    comparison = Comparison(old, new)
    return [
        Finding(
            rule.code,
            rule.grade,
            subject,
            message,
            reason_for(rule.code, subject, ignored or {}),
        )
        for rule in RULES
        for subject, message in rule.find(comparison)
    ]


def fails(findings: Sequence[Finding]) -> bool:
    """Whether any finding fails the check."""
    return any(finding.fails for finding in findings)


def _removed_route(comparison: Comparison) -> Found:
    kept = _routes(comparison.new)
    for shape, element in _routes(comparison.old).items():
        anywhere = Route(shape.method, shape.path)
        if shape not in kept and anywhere not in kept:
            yield element.id, f"The route {element.id} is gone."


def _routes(structure: Structure) -> dict[Route, Element]:
    return {
        route_shape(element.route): element
        for element in structure.elements
        if element.route is not None and not element.framework
    }


def _sdl(severity: Severity) -> Callable[[Comparison], Found]:
    def find(comparison: Comparison) -> Found:
        for change in comparison.changes.sdl:
            if change.severity is severity:
                place = _COORDINATE.search(change.message)
                yield place.group() if place else change.code, change.message

    return find


def _openapi(severity: Severity) -> Callable[[Comparison], Found]:
    def find(comparison: Comparison) -> Found:
        """A route that is gone is found by its own rule, and not twice."""
        gone = {subject for subject, _ in _removed_route(comparison)}
        for change in comparison.changes.openapi:
            if change.severity is severity and change.location not in gone:
                yield change.location, change.message + _named(change.operations, change.location)

    return find


def _named(operations: Sequence[str], location: str) -> str:
    if not operations or any(location.startswith(operation) for operation in operations):
        return ""
    more = len(operations) - MOST_NAMED
    return f" ({', '.join(operations[:MOST_NAMED])}{f' and {more} more' if more > 0 else ''})"


def _new_orphan_event(comparison: Comparison) -> Found:
    before = {event.id for event in _orphans(comparison.old)}
    for event in _orphans(comparison.new):
        if event.id not in before:
            yield event.id, f"No hook listens to {event.id}."


def _orphans(structure: Structure) -> Iterator[Element]:
    graph = Graph(structure)
    for event in graph.list(ElementKind.event):
        if not event.framework and not graph.listened_to_by(event.id):
            yield event


def _middleware_order(comparison: Comparison) -> Found:
    """One finding per new order, however many elements are wrapped so."""
    before = Graph(comparison.old).by_id
    reordered: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for element in comparison.new.elements:
        old = before.get(element.id)
        if old is None or old.middleware == element.middleware:
            continue
        names = [use.id for use in element.middleware], [use.id for use in old.middleware]
        now = tuple(name for name in names[0] if name in names[1])
        was = tuple(name for name in names[1] if name in names[0])
        if now != was:
            reordered.setdefault((was, now), []).append(element.id)
    for (was, now), elements in reordered.items():
        more = f" and {len(elements) - 1} more" if len(elements) > 1 else ""
        message = f"{elements[0]}{more}: {' → '.join(was)} became {' → '.join(now)}."
        yield elements[0], message


RULES: tuple[Rule, ...] = (
    Rule("REMOVED_ROUTE", "error", "A route that was there is gone.", _removed_route),
    Rule(
        "SDL_BREAKING",
        "error",
        "The GraphQL schema changed so that a query may fail that did not.",
        _sdl(Severity.BREAKING),
    ),
    Rule(
        "OPENAPI_BREAKING",
        "error",
        "The OpenAPI document changed so that a client may fail that did not.",
        _openapi(Severity.BREAKING),
    ),
    Rule("ORPHAN_EVENT", "error", "An event lost its last hook, or is new and has none.", _new_orphan_event),
    Rule("MIDDLEWARE_ORDER", "error", "Middleware wraps in another order.", _middleware_order),
    Rule(
        "SDL_DANGEROUS",
        "warning",
        "The GraphQL schema changed so that a client may be surprised.",
        _sdl(Severity.DANGEROUS),
    ),
    Rule(
        "OPENAPI_DANGEROUS",
        "warning",
        "The OpenAPI document changed so that a client may be surprised.",
        _openapi(Severity.DANGEROUS),
    ),
)
"""Every rule. Warnings are shown and fail nothing."""
CODES = tuple(rule.code for rule in RULES)
