"""The pages: the built web files where they exist, else small ones made here. They carry no data and need no token.

The application puts `page_routes(find_web_directory())` beside its data routes; the guard adds the security headers.
"""

import html
import re
import string
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"
STATIC = HERE / "static"
PACKAGE = HERE.parent

BUILT_PAGES = {"/": "index.html", "/graphiql": "graphiql.html"}
EXAMPLE_NAMES = ("live", "history", "structure", "snapshots", "records")
STATIC_NAMES = frozenset({"plain.js", "session.js", "plain.css", "icon.svg"})

MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/plain",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}
"""Declared here because the machine's own table may say otherwise, and `nosniff` makes browsers believe what we say."""

COMPRESSED = (("br", ".br"), ("gzip", ".gz"))
"""Encodings made by the web build, best first, with the suffix of their files."""

PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
"""One file name: no separator, no leading dot, no escape, no longer than a file system takes."""

IMMUTABLE = "public, max-age=31536000, immutable"
NEVER_STORED = "no-store"

NO_WEB_FILES = (
    '<p class="notice warn" role="note"><strong>The web files are missing</strong>, so this is the plain client. '
    "Run <code>make web</code> in the repository and restart (and install again, where it was installed from there), "
    "or install a released wheel, to get the overview page and GraphiQL.</p>"
)

Endpoint = Callable[[Request], Response]


def find_web_directory() -> Path | None:
    """The built web files: inside an installed wheel, else in the repository, else None."""
    for directory in (PACKAGE / "web", PACKAGE.parent / "web" / "dist"):
        if all((directory / name).is_file() for name in BUILT_PAGES.values()):
            return directory
    return None


def page_routes(web_directory: Path | None) -> list[BaseRoute]:
    """Routes of the first page, GraphiQL and the files they load. With None both pages are the plain client."""
    routes: list[BaseRoute] = [Route("/static/{name}", _static_file, methods=["GET"])]
    if web_directory is None:
        routes.append(Route("/", _plain_page("DevTools", NO_WEB_FILES), methods=["GET"]))
        routes.append(Route("/graphiql", _plain_page("DevTools · GraphQL", NO_WEB_FILES), methods=["GET"]))
        return routes
    routes.extend(
        Route(path, _built_page(web_directory / name), methods=["GET"]) for path, name in BUILT_PAGES.items()
    )
    routes.append(Route("/assets/{path:path}", _asset(web_directory / "assets"), methods=["GET"]))
    return routes


@cache
def read_examples() -> Mapping[str, str]:
    """The example queries by name, in the order they are offered."""
    return {name: (EXAMPLES / f"{name}.graphql").read_text(encoding="utf-8") for name in EXAMPLE_NAMES}


def render_plain_page(title: str, notice: str) -> str:
    """The plain client as HTML. `notice` is HTML of ours; everything else is escaped here."""
    examples = read_examples()
    options = "\n".join(
        f'<option value="{html.escape(query)}">{html.escape(name)}</option>'
        for name, query in examples.items()
    )
    page = string.Template((STATIC / "plain.html").read_text(encoding="utf-8"))
    first = html.escape(next(iter(examples.values())))
    return page.substitute(title=html.escape(title), notice=notice, options=options, query=first)


# The endpoints are plain functions: Starlette runs them in a thread, so no file is touched on the app's event loop.


def _plain_page(title: str, notice: str) -> Endpoint:
    def endpoint(_: Request) -> Response:
        return HTMLResponse(render_plain_page(title, notice), headers={"Cache-Control": NEVER_STORED})

    return endpoint


def _built_page(path: Path) -> Endpoint:
    def endpoint(_: Request) -> Response:
        if not path.is_file():
            raise HTTPException(
                404, f"{path.name} is gone: the web files were removed or are being built again"
            )
        return _file(path, NEVER_STORED)

    return endpoint


def _asset(directory: Path) -> Endpoint:
    def endpoint(request: Request) -> Response:
        path = _lookup(directory, request.path_params["path"])
        return _compressed(path, request.headers.get("accept-encoding", ""))

    return endpoint


def _static_file(request: Request) -> Response:
    name: str = request.path_params["name"]
    if name not in STATIC_NAMES:
        raise HTTPException(404)
    return _file(STATIC / name, "no-cache")


def _lookup(directory: Path, name: str) -> Path:
    path = directory / name if PLAIN_NAME.fullmatch(name) else None
    if path is None or path.suffix not in MEDIA_TYPES or path.is_symlink() or not path.is_file():
        raise HTTPException(404)
    return path


def _compressed(path: Path, accepted: str) -> Response:
    media_type = MEDIA_TYPES[path.suffix]
    headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
    encodings = _accepted_encodings(accepted)
    for encoding, suffix in COMPRESSED:
        variant = path.with_name(path.name + suffix)
        if encoding in encodings and variant.is_file():
            return FileResponse(
                variant, media_type=media_type, headers=headers | {"Content-Encoding": encoding}
            )
    return FileResponse(path, media_type=media_type, headers=headers)


def _accepted_encodings(header: str) -> frozenset[str]:
    """Names in an Accept-Encoding header, without those refused by `q=0` (RFC 9110, 12.5.3)."""
    names: set[str] = set()
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        if not re.fullmatch(r"\s*q=0(\.0*)?\s*", parameters):
            names.add(name.strip())
    return frozenset(names)


def _file(path: Path, cache_control: str) -> Response:
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers={"Cache-Control": cache_control})
