"""Changes of an OpenAPI document: operations, parameters, bodies, responses. Schemas are compared by `openapi_schemas`.

What breaks clients follows the rules of oasdiff: a request may be asked for less, a response may say more.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from devtools.introspection.diff.changes import SEVERITIES, OpenApiChange, Severity
from devtools.introspection.diff.openapi_schemas import Direction, Finding, Schemas

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")

Node = Mapping[str, Any]  # Any: JSON
EMPTY: Node = {}

_PARAMETER = re.compile(r"\{[^{}]*\}")


def changes(old: str | None, new: str | None) -> list[OpenApiChange]:
    """What differs between two documents (JSON text), the breaking changes first."""
    if old == new:
        return []
    before, after = _read(old), _read(new)
    if before is None or after is None:
        return [_of_documents(old, new)]
    try:
        found = _merged(_Comparison(before, after).findings())
        if not found and before != after:
            found = [_change(Finding(Severity.SAFE, "DETAILS_CHANGED", "document", _ONLY_DETAILS))]
    except RecursionError:  # nested as deeply as can just be read
        return [_of_documents(old, new)]
    return sorted(found, key=lambda change: (SEVERITIES.index(change.severity), change.location, change.code))


_ONLY_DETAILS = "Only details differ that bind no client: descriptions, examples, versions."


def _read(text: str | None) -> Node | None:
    if text is None:
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return _node(found) if isinstance(found, dict) else None


def _of_documents(old: str | None, new: str | None) -> OpenApiChange:
    if old is None:
        finding = Finding(Severity.SAFE, "DOCUMENT_ADDED", "document", "The app has an OpenAPI document now.")
    elif new is None:
        finding = Finding(
            Severity.BREAKING,
            "DOCUMENT_REMOVED",
            "document",
            "The app has no OpenAPI document any more.",
        )
    else:
        message = "The two OpenAPI documents differ, and one of them cannot be read."
        finding = Finding(Severity.DANGEROUS, "DOCUMENT_UNREADABLE", "document", message)
    return _change(finding)


def _change(finding: Finding, operations: tuple[str, ...] = ()) -> OpenApiChange:
    return OpenApiChange(
        severity=finding.severity,
        code=finding.code,
        location=finding.location,
        message=finding.message,
        operations=operations,
    )


def _merged(findings: Iterator[tuple[str, Finding]]) -> list[OpenApiChange]:
    """One change for what many operations share."""
    operations: dict[Finding, list[str]] = {}
    for operation, finding in findings:
        operations.setdefault(finding, []).append(operation)
    return [
        _change(finding, tuple(dict.fromkeys(filter(None, names)))) for finding, names in operations.items()
    ]


def _node(value: Any) -> Node:  # Any: JSON
    return cast("Node", value) if isinstance(value, dict) else EMPTY


def _nodes(value: Any) -> list[Node]:  # Any: JSON
    return [_node(item) for item in cast("list[Any]", value)] if isinstance(value, list) else []


class _Comparison:
    """Two documents side by side. Findings come with the operation they belong to."""

    def __init__(self, old: Node, new: Node) -> None:
        self.old, self.new = old, new
        self.schemas = Schemas(old, new)

    def findings(self) -> Iterator[tuple[str, Finding]]:
        before, after = _operations(self.old), _operations(self.new)
        for key, (name, operation) in before.items():
            if key not in after:
                yield name, Finding(Severity.BREAKING, "OPERATION_REMOVED", name, f"{name} is gone.")
                continue
            current, changed = after[key]
            # Equal operations may still stand on schemas that differ.
            for finding in self._operation(current, operation, changed):
                yield current, finding
        for key, (name, _) in after.items():
            if key not in before:
                yield name, Finding(Severity.SAFE, "OPERATION_ADDED", name, f"{name} is new.")

    def _operation(self, name: str, old: Node, new: Node) -> Iterator[Finding]:
        yield from self._parameters(name, old, new)
        yield from self._body(name, old, new)
        yield from self._responses(name, old, new)
        if new.get("deprecated") and not old.get("deprecated"):
            yield Finding(Severity.SAFE, "OPERATION_DEPRECATED", name, f"{name} is deprecated.")

    def _parameters(self, name: str, old: Node, new: Node) -> Iterator[Finding]:
        before, after = self._named(self.old, old), self._named(self.new, new)
        for key, parameter in before.items():
            if key not in after:
                yield Finding(
                    Severity.DANGEROUS, "PARAMETER_REMOVED", f"{name} {key}", f"{name} takes no {key} now."
                )
                continue
            if after[key].get("required") and not parameter.get("required"):
                message = f"{name} asks for {key} now, which could be left out."
                yield Finding(Severity.BREAKING, "PARAMETER_REQUIRED", f"{name} {key}", message)
            yield from self.schemas.compare(
                parameter.get("schema"), after[key].get("schema"), f"{name} {key}", Direction.REQUEST
            )
        for key in after.keys() - before.keys():
            required = bool(after[key].get("required"))
            severity = Severity.BREAKING if required else Severity.SAFE
            message = f"{name} takes {key} now{', and needs it' if required else ''}."
            yield Finding(severity, "PARAMETER_ADDED", f"{name} {key}", message)

    def _named(self, document: Node, operation: Node) -> dict[str, Node]:
        """Parameters by place and name. Path parameters go by their position in the template: the client never sees the name."""
        found = [_node(self.schemas.resolved(document, item)) for item in _nodes(operation.get("parameters"))]
        order = cast("list[str]", operation.get("x-path-parameters", []))
        return {
            f"path parameter {order.index(item['name']) + 1}"
            if item.get("in") == "path" and item.get("name") in order
            else f"{item.get('in')} parameter {item.get('name')}": item
            for item in found
        }

    def _body(self, name: str, old: Node, new: Node) -> Iterator[Finding]:
        before = _node(self.schemas.resolved(self.old, old.get("requestBody")))
        after = _node(self.schemas.resolved(self.new, new.get("requestBody")))
        where = f"{name} body"
        if after.get("required") and not before.get("required"):
            code = "BODY_REQUIRED" if before else "BODY_ADDED"
            yield Finding(Severity.BREAKING, code, where, f"{name} needs a body now.")
        elif after and not before:
            yield Finding(Severity.SAFE, "BODY_ADDED", where, f"{name} takes a body now.")
        elif before and not after:
            yield Finding(Severity.DANGEROUS, "BODY_REMOVED", where, f"{name} takes no body now.")
        if before and after:
            yield from self._contents(where, before, after, Direction.REQUEST)

    def _responses(self, name: str, old: Node, new: Node) -> Iterator[Finding]:
        before, after = _node(old.get("responses")), _node(new.get("responses"))
        for status, response in before.items():
            where = f"{name} response {status}"
            if status not in after:
                severity = Severity.BREAKING if status.startswith("2") else Severity.SAFE
                yield Finding(severity, "RESPONSE_REMOVED", where, f"{name} no longer answers {status}.")
                continue
            yield from self._contents(
                where,
                _node(self.schemas.resolved(self.old, response)),
                _node(self.schemas.resolved(self.new, after[status])),
                Direction.RESPONSE,
            )
        for status in after.keys() - before.keys():
            where = f"{name} response {status}"
            yield Finding(Severity.SAFE, "RESPONSE_ADDED", where, f"{name} may answer {status} now.")

    def _contents(self, where: str, old: Node, new: Node, direction: Direction) -> Iterator[Finding]:
        before, after = _node(old.get("content")), _node(new.get("content"))
        for media, content in before.items():
            if media not in after:
                message = f"{where} is no longer {media}."
                yield Finding(Severity.BREAKING, "MEDIA_TYPE_REMOVED", f"{where} {media}", message)
                continue
            yield from self.schemas.compare(
                _node(content).get("schema"), _node(after[media]).get("schema"), where, direction
            )
        for media in after.keys() - before.keys():
            message = f"{where} may be {media} now."
            yield Finding(Severity.SAFE, "MEDIA_TYPE_ADDED", f"{where} {media}", message)


def _operations(document: Node) -> dict[tuple[str, str], tuple[str, Node]]:
    """Operations by method and shape of the path, with their name and the parameters of the path among their own."""
    found: dict[tuple[str, str], tuple[str, Node]] = {}
    for path, item in _node(document.get("paths")).items():
        shared = _nodes(_node(item).get("parameters"))
        order = [text[1:-1] for text in _PARAMETER.findall(path)]
        for method in METHODS:
            if (operation := _node(item).get(method)) is not None:
                own = _node(operation)
                whole = {
                    **own,
                    "parameters": [*shared, *_nodes(own.get("parameters"))],
                    "x-path-parameters": order,
                }
                found[method, _PARAMETER.sub("{}", path)] = (f"{method.upper()} {path}", whole)
    return found
