"""FastAPI, on top of what is read of Starlette: included routers, dependencies as resources, models, tags, scopes, OpenAPI."""

import copy
import enum
import functools
import inspect as python
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from devtools.errors import OF_THE_APP
from devtools.introspection import naming
from devtools.introspection.elements import Element, ElementKind, TagUse
from devtools.introspection.inspectors import Found, to_json
from devtools.introspection.inspectors import fastapi_models as models
from devtools.introspection.inspectors.starlette import Inspection, Place, is_framework
from devtools.introspection.registry import declared_id

NO_BODY = frozenset({204, 205, 304})

logger = logging.getLogger("devtools")


def inspect(app: Any, found: Found) -> None:  # Any: any app
    """Add what an app is made of, FastAPI itself or Starlette with FastAPI below it."""
    applications, routing = (sys.modules.get(f"fastapi.{name}") for name in ("applications", "routing"))
    starlette = sys.modules.get("starlette.applications")
    if applications is not None and routing is not None and starlette is not None and not found.has_routes:
        inspection = FastApiInspection(found, starlette.Starlette)
        inspection.fastapi, inspection.routing = applications.FastAPI, routing
        inspection.application(app)
        found.openapi = inspection.openapi()


class FastApiInspection(Inspection):
    """One look at one app."""

    fastapi: type[Any]
    routing: Any

    def __init__(self, found: Found, starlette: type[Any]) -> None:
        super().__init__(found, starlette)
        self.apps: dict[str, Any] = {}
        """FastAPI apps by the path they are mounted at."""
        self.dependencies: dict[int, tuple[Any, str]] = {}
        """Ids of dependencies by `id()` of what is called."""

    # Routes

    def candidates(self, app: Any) -> Iterable[tuple[type[Any], Any]]:
        """Routes with those of included routers, which newer versions keep as one route each."""
        expand = naming.attribute(self.routing, "iter_route_contexts")
        if expand is None:
            return super().candidates(app)
        return self._expanded(app, expand)

    def _expanded(self, app: Any, expand: Any) -> Iterator[tuple[type[Any], Any]]:
        for route in app.routes:
            try:
                contexts: list[Any] = list(expand([route]))
            except OF_THE_APP:
                logger.warning("The routes of %r could not be read.", type(route).__name__, exc_info=True)
                continue
            for context in contexts:
                # In earlier versions a context has nothing of Starlette's own routes and mounts.
                made = naming.attribute(naming.attribute(context, "_route_context"), "starlette_route")
                yield cast("type[Any]", type(context.original_route)), made or context

    def routes(self, app: Any, place: Place) -> None:
        """Everything below an app or router; of a FastAPI app its document and its tags too."""
        if isinstance(app, self.fastapi):
            self.apps.setdefault(place.host + place.prefix, app)
            for described in naming.attribute(app, "openapi_tags") or ():
                self._tag(described["name"], description=described.get("description"))
            overrides: dict[Any, Any] = naming.attribute(app, "dependency_overrides") or {}
            for original, replacement in overrides.items():
                self._override(original, replacement)
        super().routes(app, place)

    def details(self, route: Any, method: str, path: str) -> dict[str, Any]:
        """Words, tags, models, dependencies and scopes of a route that FastAPI made."""
        dependant = naming.attribute(route, "dependant")
        if dependant is None:
            return super().details(route, method, path)
        try:
            return self._known(route, dependant, method)
        except OF_THE_APP:
            logger.warning("What FastAPI knows of %s %s could not be read.", method, path, exc_info=True)
            return super().details(route, method, path)

    def _known(self, route: Any, dependant: Any, method: str) -> dict[str, Any]:
        return {
            "schema": models.of_input(dependant, naming.attribute(route, "body_field")),
            "depends_on": self._dependencies(dependant),
            "scopes": tuple(models.scopes(dependant)),
            **(self._operation(route) if method != "WS" else {}),
        }

    def _operation(self, route: Any) -> dict[str, Any]:
        result = models.of_result(route)
        return {
            **_words(route),
            "tags": tuple(self._tag(tag) for tag in dict.fromkeys(map(_text, route.tags))),
            "deprecated": bool(route.deprecated),
            "result_schema": result,
            "has_untyped_result": result is None and _could_be_typed(route),
        }

    def _tag(self, name: str, description: str | None = None) -> TagUse:
        self.found.add(Element(id=name, kind=ElementKind.tag, description=description))
        return TagUse(name)

    # Dependencies

    def _dependencies(self, dependant: Any) -> tuple[str, ...]:
        calls = (inner for inner in dependant.dependencies if inner.call is not None)
        return tuple(dict.fromkeys(self._resource(inner.call, inner) for inner in calls))

    def _override(self, original: Any, replacement: Any) -> None:
        self._resource(replacement, None, overrides=(self._resource(original, None),))

    def _resource(self, call: Any, dependant: Any, **fields: Any) -> str:
        """The id of a dependency, which is described when it is first met."""
        known = self.dependencies.get(id(call))
        if known is not None:
            return known[1]
        scheme = models.security_scheme(call)
        identifier, place = self._dependency_id(call, scheme)
        self.dependencies[id(call)] = (call, identifier)
        if dependant is not None:
            fields["schema"] = models.of_input(dependant, None, own=True)
            fields["depends_on"] = self._dependencies(dependant)
        if scheme is not None:
            fields |= {"title": call.scheme_name, "description": scheme.get("description")}
        closes = models.is_generator(call)
        self.found.describe(
            ElementKind.resource,
            identifier,
            call,
            config=to_json(scheme),
            has_init=closes,
            has_dispose=closes,
            **{"framework": is_framework(call), **place, **fields},
        )
        return identifier

    def _dependency_id(self, call: Any, scheme: Any) -> tuple[str, dict[str, Any]]:
        """`module.name` of functions, classes and globals, with the place of the last; others are told apart by their values."""
        declared = declared_id(call)
        if declared is not None:
            return declared, {}
        identifier = naming.element_id(call)
        if isinstance(call, type | functools.partial) or not isinstance(naming.unwrapped(call), type):
            return identifier, {}
        name = self.found.own.name_of(call, "")
        if not name:
            return self.numbers.take(identifier, to_json(scheme or models.made_with(call)) or ""), {}
        self.found.recognise(call, name)
        file, line = self.found.own.place(name)
        return name, {"file_path": file, "line": line, "framework": False}

    # Lifespan and OpenAPI

    def lifespan(self, router: Any) -> None:
        """Lifespans, and handlers of startup and shutdown."""
        super().lifespan(router)
        for moment, fields in (("on_startup", {"has_init": True}), ("on_shutdown", {"has_dispose": True})):
            for handler in naming.attribute(router, moment) or ():
                self.found.has_init = self.found.has_init or moment == "on_startup"
                self.found.describe(ElementKind.resource, naming.element_id(handler), handler, **fields)

    def lifespans(self, context: Any) -> Iterator[Any]:
        """The app's own lifespans: an included router's is merged with them into a function of FastAPI."""
        if not is_framework(context):
            yield from super().lifespans(context)
            return
        for cell in naming.attribute(naming.unwrapped(context), "__closure__") or ():
            inner = naming.attribute(cell, "cell_contents")
            if callable(inner):
                yield from self.lifespans(inner)

    def openapi(self) -> str | None:
        """The OpenAPI document of the app; of one that is mounted, where the app itself is none, with its path as server."""
        for prefix, app in sorted(self.apps.items()):
            try:
                # A copy keeps what it makes: the app's own document is still made when it is first asked for.
                document: dict[str, Any] = copy.copy(app).openapi()
                document = {**document, "paths": _settled(document.get("paths") or {})}
            except OF_THE_APP as error:
                logger.warning("The OpenAPI document could not be made: %s", error)
                return None
            return to_json({**document, "servers": [{"url": prefix}]} if prefix else document)
        return None


def _settled(paths: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Paths whose operation ids are the same at every start.

    FastAPI gives all methods of a route one id, which ends in the method that comes first in a set: another one in each process.
    """
    return {path: _with_settled_ids(item) for path, item in paths.items()}


def _with_settled_ids(item: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON, here and above
    methods: dict[str, list[str]] = {}
    for method, operation in item.items():
        identifier = (
            cast("dict[str, Any]", operation).get("operationId") if isinstance(operation, dict) else None
        )
        if isinstance(identifier, str):
            methods.setdefault(identifier, []).append(method)
    settled = dict(item)
    for identifier, shared in methods.items():
        base, _, last = identifier.rpartition("_")
        if len(shared) > 1 and last in shared:
            for method in shared:
                settled[method] = {**item[method], "operationId": f"{base}_{min(shared)}"}
    return settled


def _text(tag: Any) -> str:
    return str(tag.value if isinstance(tag, enum.Enum) else tag)


def _words(route: Any) -> dict[str, str]:
    """Title and description given to the route: its docstring unless it was told others."""
    title, rest = naming.paragraphs(route.description) if route.description else (None, None)
    words = (
        {"title": route.summary, "description": route.description}
        if route.summary
        else {"title": title, "description": rest}
    )
    return {name: word for name, word in words.items() if word}


def _could_be_typed(route: Any) -> bool:
    """Whether the answer is made from a value whose type nothing says."""
    default = route.response_class
    kind: Any = naming.attribute(default, "value") or default
    if not route.include_in_schema or route.status_code in NO_BODY or "JSON" not in naming.element_id(kind):
        return False
    try:
        return python.signature(route.endpoint).return_annotation is python.Signature.empty
    except (TypeError, ValueError):
        return False
