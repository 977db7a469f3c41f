"""What the library is made of, written by hand from its source: every element with its kind and its links."""

from devtools.introspection.elements import Element, ElementKind, MiddlewareUse, Route, TagUse

APP = "examples.api.app"
SHELF = "examples.api.shelf.open_shelf"
LIBRARIAN = "examples.api.security.require_librarian"
NO_ROBOTS = "examples.api.security.refuse_robots"
MEMBER = "examples.api.security.current_member"
BEARER = "examples.api.security.bearer"
KEY = "examples.api.security.librarian_key"

AROUND_EVERY_REQUEST = (
    MiddlewareUse(
        "starlette.middleware.cors.CORSMiddleware",
        config='{"allow_headers":["x-librarian"],"allow_methods":["*"],"allow_origins":["*"]}',
        origin="app",
    ),
    MiddlewareUse("examples.api.middleware.Signed", config='{"name":"reading room"}', origin="app"),
)
"""From the outside in: what is added last stands outside."""


def route(
    identifier: str,
    module: str,
    *depends_on: str,
    tags: tuple[str, ...] = (),
    scopes: tuple[str, ...] = (),
    hidden: bool = False,
    deprecated: bool = False,
    untyped: bool = False,
) -> Element:
    """A route of the library, `GET /books`, and what its function and its routers depend on."""
    method, _, path = identifier.partition(" ")
    return Element(
        id=identifier,
        kind=ElementKind.task,
        route=Route(method, path),
        depends_on=depends_on,
        tags=tuple(TagUse(tag) for tag in tags),
        scopes=scopes,
        is_private=hidden,
        visibility_reason="include_in_schema=False" if hidden else None,
        deprecated=deprecated,
        has_untyped_result=untyped,
        middleware=AROUND_EVERY_REQUEST,
        file_path=f"examples/api/{module}.py",
        registered_by=APP,
    )


def page(path: str) -> Element:
    """A page that FastAPI makes itself."""
    return Element(
        id=f"GET {path}",
        kind=ElementKind.task,
        route=Route("GET", path),
        is_private=True,
        visibility_reason="include_in_schema=False",
        framework=True,
        middleware=AROUND_EVERY_REQUEST,
        registered_by=APP,
    )


def dependency(name: str, *depends_on: str, closes: bool = False) -> Element:
    """A function or class that routes depend on."""
    return Element(
        id=f"examples.api.{name}",
        kind=ElementKind.resource,
        depends_on=depends_on,
        has_init=closes,
        has_dispose=closes,
        file_path=f"examples/api/{name.partition('.')[0]}.py",
        registered_by=APP,
    )


def scheme(identifier: str, config: str) -> Element:
    """A security scheme."""
    return Element(
        id=identifier,
        kind=ElementKind.resource,
        config=config,
        file_path="examples/api/security.py",
        registered_by=APP,
    )


def tag(identifier: str) -> Element:
    """A tag of routes."""
    return Element(id=identifier, kind=ElementKind.tag, registered_by=APP)


def handler(name: str) -> Element:
    """What answers an exception."""
    return Element(
        id=f"examples.api.service.{name}",
        kind=ElementKind.hook,
        file_path="examples/api/service.py",
        registered_by=APP,
    )


def error(name: str, handler: str) -> Element:
    """An exception that the library answers itself."""
    return Element(
        id=f"examples.api.shelf.{name}",
        kind=ElementKind.error,
        handled=True,
        handlers=(f"examples.api.service.{handler}",),
        file_path="examples/api/shelf.py",
        registered_by=APP,
    )


BOOKS = (
    route("GET /books", "books", SHELF, "examples.api.paging.Page", tags=("books",)),
    route("POST /books", "books", LIBRARIAN, SHELF, tags=("books",)),
    route("GET /books/titles.txt", "books", SHELF, tags=("books",)),
    route("GET /books/export", "books", SHELF, tags=("books",)),
    route("GET /books/{book_id}", "books", SHELF, tags=("books",)),
    route("PUT /books/{book_id}/note", "books", SHELF, tags=("books",), deprecated=True, untyped=True),
    route("DELETE /books/{book_id}", "books", LIBRARIAN, SHELF, tags=("books",)),
    route("GET /books/{book_id}/copies/{number}", "books", SHELF, tags=("books", "copies")),
)

LOANS = (
    route("GET /loans", "loans", NO_ROBOTS, SHELF, MEMBER, tags=("loans",), scopes=("loans:read",)),
    route(
        "POST /loans",
        "loans",
        NO_ROBOTS,
        SHELF,
        MEMBER,
        tags=("loans",),
        scopes=("loans:read", "loans:write"),
    ),
    route("GET /loans/receipts", "loans", NO_ROBOTS, SHELF, tags=("loans",), hidden=True),
)

OTHERS = (
    route("GET /", "service", hidden=True),
    route("GET /burn", "service"),
    route("WS /feed/{room}", "feed", "examples.api.security.invited"),
    route("GET /desk/count", "desk", "examples.api.desk.library_shelf", tags=("desk",)),
    route("POST /desk/covers/{book_id}", "desk", tags=("desk",)),
    route("GET /{rest:path}", "service", hidden=True),
)

PAGES = tuple(
    page(prefix + path)
    for prefix in ("", "/desk")
    for path in ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")
)

RESOURCES = (
    Element(id=APP, kind=ElementKind.resource, has_init=True),
    Element(
        id="examples.api.service.lifespan",
        kind=ElementKind.resource,
        has_init=True,
        file_path="examples/api/service.py",
        registered_by=APP,
    ),
    dependency("shelf.get_shelf"),
    dependency("shelf.open_shelf", "examples.api.shelf.get_shelf", closes=True),
    dependency("paging.Page"),
    dependency("desk.library_shelf"),
    dependency("security.require_librarian", KEY),
    dependency("security.refuse_robots"),
    dependency("security.current_member", BEARER),
    dependency("security.invited"),
    scheme(KEY, '{"in": "header", "name": "x-librarian", "scheme_name": "Librarian", "type": "apiKey"}'),
    scheme(
        BEARER,
        '{"flows": {"password": {"scopes": {"loans:read": "See loans.", "loans:write": "Take and bring back books."}, '
        '"tokenUrl": "/token"}}, "scheme_name": "OAuth2PasswordBearer", "type": "oauth2"}',
    ),
)

MIDDLEWARE = (
    Element(
        id="starlette.middleware.cors.CORSMiddleware",
        kind=ElementKind.middleware,
        applies_to=ElementKind.task,
        auto_apply=True,
        framework=True,
        registered_by=APP,
    ),
    Element(
        id="examples.api.middleware.Signed",
        kind=ElementKind.middleware,
        applies_to=ElementKind.task,
        auto_apply=True,
        file_path="examples/api/middleware.py",
        registered_by=APP,
    ),
)

TAGS = (tag("books"), tag("copies"), tag("loans"), tag("desk"))

ERRORS = (error("UnknownBook", "refuse_unknown"), error("AlreadyLent", "refuse_lent"))

HANDLERS = (handler("refuse_unknown"), handler("refuse_lent"))

ELEMENTS: dict[str, Element] = {
    element.id: element
    for group in (BOOKS, LOANS, OTHERS, PAGES, RESOURCES, MIDDLEWARE, TAGS, ERRORS, HANDLERS)
    for element in group
}
