"""Where a query is answered: an endpoint over HTTP, a database, or an app that is imported. One `Answer` function for each."""

import http.client
import ipaddress
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit, urlunsplit

import click
import msgspec
from click.core import ParameterSource

from devtools.cli.terminal import say
from devtools.errors import DevToolsError, UnavailableError, ValidationError

PING = "{ system { version structure { state } store { kind } } }"
"""The smallest question whose answer says that a devtools is there and knows us."""
TIMEOUT = 30.0
"""Seconds to wait for an endpoint."""
SMALL_BODY = 65_536
"""A body of so many bytes is sent whole before a server may refuse it."""

_REFUSALS = {error.code for error in (DevToolsError, *DevToolsError.__subclasses__())} - {
    ValidationError.code
}
"""What a devtools answers where it cannot say what it is. It does not refuse that question itself: then it is none."""
_NO_URL = re.compile(r"[\x00-\x20\x7f]")
"""What stands in no URL, and what `http.client` refuses."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110."""
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

Answer = Callable[[str, dict[str, Any] | None, str | None], dict[str, Any]]  # Any: JSON
"""Run (query, variables, operation name); answers the GraphQL response."""


@dataclass(frozen=True)
class Target:
    """What the user named."""

    endpoint: str | None
    database: str | None
    entry: str | None
    headers: str | None
    allow_mutations: bool = False

    @property
    def is_given(self) -> bool:
        """Whether the user named anything."""
        return any((self.endpoint, self.database, self.entry))

    @classmethod
    def of(cls, named: Mapping[str, str | None], *, allow_mutations: bool = False) -> "Target":
        """The target of a command that takes `target_options` as keywords.

        What is typed wins over `ENDPOINT`, which an app may have for something of its own.
        """
        typed = click.get_current_context().get_parameter_source("endpoint") is ParameterSource.COMMANDLINE
        return cls(
            named["endpoint"] if typed or not (named["database"] or named["entry"]) else None,
            named["database"],
            named["entry"],
            named["headers"],
            allow_mutations=allow_mutations,
        )


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say where to ask."""
    options = (
        click.option(
            "--endpoint",
            envvar="ENDPOINT",
            metavar="URL",
            help="A running devtools: http://127.0.0.1:8000/devtools/graphql; unset = ENDPOINT.",
        ),
        click.option(
            "--database",
            metavar="URL",
            help="A database, without a server; unset, where nothing else is named = DEVTOOLS_DATABASE or pyproject.toml.",
        ),
        click.option("--entry", metavar="MODULE:APP", help="An app to import and inspect, without a server."),
        click.option("--headers", envvar="HEADERS", metavar="JSON", help="Headers for the endpoint."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def answering(target: Target) -> Generator[Answer]:
    """The one way to answer that the target names, else the database of the settings. Exit code 2 for none and for several."""
    named = [name for name in ("endpoint", "database", "entry") if getattr(target, name)]
    database = target.database if named else _configured_database()
    if len(named) > 1 or not (named or database):
        problem = (
            "name one of"
            if not named
            else f"{', '.join('--' + name for name in named)} are given; name only one of"
        )
        say(
            f"devtools: {problem} --endpoint URL (or ENDPOINT), --database URL (or DEVTOOLS_DATABASE), --entry MODULE:APP.",
            err=True,
        )
        sys.exit(2)
    if target.endpoint:
        yield over_http(target.endpoint, parse_headers(target.headers))
        return
    with (
        over_database(database, write=target.allow_mutations) if database else over_entry(target.entry or "")
    ) as answer:
        yield answer


def _configured_database() -> str | Mapping[str, Any] | None:
    from devtools.settings import load

    return load().settings.database


def ask(answer: Answer, query: str, **variables: Any) -> dict[str, Any]:  # Any: JSON
    """The data of an answer. Raises DevToolsError with the message and code of its first error."""
    response = answer(query, variables, None)
    errors: list[dict[str, Any]] = response.get("errors") or []  # Any: JSON
    if errors:
        extensions: dict[str, Any] = errors[0].get("extensions") or {}  # Any: JSON
        code = extensions.get("code")
        raise AnswerError(errors[0]["message"], code if isinstance(code, str) else None)
    return _Data(response.get("data") or {})


class Pong(NamedTuple):
    """What a devtools says of itself."""

    version: str
    store: str
    structure: str


def ping(answer: Answer, place: str) -> Pong:
    """Ask whether a devtools answers. Raises AnswerError where it refuses, UnavailableError where it is something else."""
    try:
        system = ask(answer, PING)["system"]
        return Pong(system["version"], system["store"]["kind"], system["structure"]["state"])
    except AnswerError as error:
        if error.answered in _REFUSALS:
            raise
    except (NoDataError, KeyError, TypeError):
        pass
    raise UnavailableError(f"{place} answers GraphQL, but it is no devtools.")


class NoDataError(UnavailableError):
    """An answer of GraphQL that has neither errors nor what was asked for."""


class _Data(dict[str, Any]):  # Any: JSON
    """The data of an answer. Raises NoDataError for a field that it lacks."""

    def __missing__(self, key: str) -> NoReturn:
        raise NoDataError(f"The answer has no {key!r}. Is that a devtools endpoint?")


class AnswerError(DevToolsError):
    """An answer that is an error: its own message and code."""

    def __init__(self, message: str, code: str | None) -> None:
        super().__init__(message)
        self.answered = code

    @property
    def extensions(self) -> dict[str, object]:
        """The code that was answered."""
        return {"code": self.answered or DevToolsError.code}


def parse_headers(text: str | None) -> dict[str, str]:
    """Headers from a JSON object. Raises ValidationError."""
    try:
        headers = json.loads(text or "{}")
    except ValueError as error:
        raise ValidationError(f"--headers is not JSON: {error}.", field="headers", value=text) from error
    if not isinstance(headers, dict):
        raise ValidationError(
            '--headers must be a JSON object like {"Name": "value"}.', field="headers", value=text
        )
    sent = {str(name): str(value) for name, value in headers.items()}  # type: ignore[reportUnknownVariableType, reportUnknownArgumentType] # JSON
    for name, value in sent.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValidationError(
                f"--headers cannot have {name!r}: a name is letters, digits and -, a value is one line of Latin-1.",
                field="headers",
                value=name,
            )
    return sent


def over_http(endpoint: str, headers: dict[str, str]) -> Answer:
    """Ask a running devtools. Our own token goes to this machine only, unless DEVTOOLS_TOKEN was set by hand."""
    if not is_web_address(endpoint):
        raise no_web_address(endpoint)

    def answer(
        query: str, variables: dict[str, Any] | None, operation: str | None
    ) -> dict[str, Any]:  # Any: JSON
        body = json.dumps({"query": query, "variables": variables, "operationName": operation}).encode()
        sent = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            **_authorization(endpoint),
            **headers,
        }
        request = urllib.request.Request(endpoint, body, sent)  # noqa: S310 - the scheme is checked above
        try:
            with _opener(endpoint).open(request, timeout=TIMEOUT) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            return _read_error(endpoint, error)
        except UnicodeError as error:
            raise no_web_address(endpoint) from error
        except http.client.HTTPException as error:
            raise UnavailableError(
                f"Cannot ask {endpoint}: its answer is not one of HTTP ({error!r}). {_hint(endpoint)}"
            ) from error
        except OSError as error:
            raise UnavailableError(f"Cannot ask {endpoint}: {_why(error, len(body))}") from error
        try:
            found: Any = json.loads(text)  # Any: JSON
        except ValueError as error:
            raise UnavailableError(
                f"Cannot ask {endpoint}: its answer is not JSON. {_hint(endpoint)}"
            ) from error
        if not _is_response(found):
            raise UnavailableError(
                f"Cannot ask {endpoint}: its answer is not one of GraphQL. {_hint(endpoint)}"
            )
        return found

    return answer


class _Place(msgspec.Struct):
    line: int
    column: int


class _Error(msgspec.Struct):
    message: str
    locations: list[_Place] | None = None
    path: list[str | int] | None = None
    extensions: dict[str, Any] | None = None  # Any: JSON


class _Response(msgspec.Struct):
    """The shape of a response by the GraphQL specification, section 7.1."""

    data: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET  # Any: JSON
    errors: list[_Error] | msgspec.UnsetType | None = msgspec.UNSET


def _is_response(found: Any) -> bool:  # Any: JSON
    try:
        response = msgspec.convert(found, _Response)
    except msgspec.ValidationError:
        return False
    return response.data is not msgspec.UNSET or response.errors is not msgspec.UNSET


def _why(error: OSError, size: int) -> str:
    """What to do about it. A server that has refused a body for its length reads no more of it, and its answer may be lost."""
    from devtools.settings import Limits, variable

    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, BrokenPipeError | ConnectionResetError) and size > SMALL_BODY:
        return (
            f"it did not read the whole of {size:,} bytes. A server takes at most its limits.body_bytes ({variable('limits')}, "
            f"{Limits().body_bytes:,} unless it is set there): raise it, or use --database, which has no such limit."
        )
    return f"{cause}. Is the server running there?"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token along, to whatever host it names: it is an error instead."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Follow none. Any: as the library hands them on."""


def _opener(endpoint: str) -> urllib.request.OpenerDirector:
    """What asks: this machine directly, also where the environment names a proxy."""
    direct = (urllib.request.ProxyHandler({}),) if _is_local(endpoint) else ()
    return urllib.request.build_opener(_NoRedirects, *direct)


def _hint(endpoint: str) -> str:
    """What to try instead: the address of the app, or of our pages, is easily taken for that of GraphQL."""
    parts = urlsplit(endpoint)
    path = parts.path.rstrip("/")
    if path.endswith("/graphql"):
        return "Is that a devtools endpoint?"
    # Without a path it is an app that has devtools mounted, or `devtools serve`.
    places = (path,) if path else ("/devtools", "")
    meant = [urlunsplit((parts.scheme, parts.netloc, f"{place}/graphql", "", "")) for place in places]
    return f"The endpoint ends with /graphql: did you mean {' or '.join(meant)}?"


def no_web_address(endpoint: str) -> ValidationError:
    """What is said of an endpoint that `is_web_address` refuses."""
    return ValidationError(
        f"--endpoint cannot be {endpoint!r}: it must be a URL that begins with http:// or https://.",
        field="endpoint",
        value=endpoint,
    )


def is_web_address(url: str) -> bool:
    """Whether this is an http or https URL with a host."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return not _NO_URL.search(url) and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _authorization(endpoint: str) -> dict[str, str]:
    from devtools.server.credentials import known_token
    from devtools.settings import load

    settings = load().settings
    if settings.token is None and not _is_local(endpoint):
        return {}
    token = known_token(settings)
    return {"Authorization": f"Bearer {token}"} if token else {}


def _is_local(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _read_error(endpoint: str, error: urllib.error.HTTPError) -> dict[str, Any]:  # Any: JSON
    try:
        body: Any = json.load(error)  # Any: JSON
        # Another page of ours refuses a question as no endpoint would.
        if _is_response(body) and body.get("errors") and error.code not in {404, 405}:
            return body
    except (ValueError, http.client.HTTPException):
        pass
    target = error.headers.get("Location")
    if target is not None:
        raise UnavailableError(
            f"Cannot ask {endpoint}: it answered {error.code} {error.reason} to {target}, which is not followed, as the token "
            f"would go there. Name that address if it is right."
        )
    raise UnavailableError(
        f"Cannot ask {endpoint}: it answered {error.code} {error.reason}. {_hint(endpoint)}"
    )


@contextmanager
def over_database(url: str | Mapping[str, Any], *, write: bool = False) -> Generator[Answer]:
    """Ask a database, without a server. Opens it read-only unless mutations are allowed; whoever may open it may import into it."""
    from devtools.runtime import Runtime
    from devtools.server.credentials import Credentials
    from devtools.settings import load

    resolved = load({"database": url})
    resolved = replace(resolved, settings=replace(resolved.settings, import_snapshots=write))
    runtime = Runtime(resolved, Credentials.load(resolved.settings, persist=False), read_only=not write)
    try:
        if write:
            runtime.write_as("cli")
        yield _executing(runtime, write=write)
    finally:
        runtime.close()


@contextmanager
def over_entry(entry: str) -> Generator[Answer]:
    """Import an app, look at it in memory, and ask about its structure; nothing of it is started and nothing stored."""
    from devtools.cli.entries import import_app, parse_entry
    from devtools.runtime import Runtime
    from devtools.server.credentials import Credentials
    from devtools.settings import load

    with redirect_stdout(sys.stderr):  # what the app prints is no answer
        app = import_app(entry)
    resolved = load()
    name = resolved.settings.app or parse_entry(entry).module
    resolved = replace(resolved, settings=replace(resolved.settings, database=None, app=name))
    why = "the app was only imported; a database that it names is read with --database"
    runtime = Runtime(resolved, Credentials.load(resolved.settings, persist=False), why_memory=why)
    try:
        with redirect_stdout(sys.stderr):
            runtime.inspect(app)
            runtime.inspected()
        yield _executing(runtime, write=False)
    finally:
        runtime.close()


def _executing(runtime: Any, *, write: bool) -> Answer:  # Any: Runtime, imported where used
    from devtools.graphql.executor import execute
    from devtools.graphql.services import Request

    request = Request(runtime.services, "write" if write else "read", "cli")

    def answer(
        query: str, variables: dict[str, Any] | None, operation: str | None
    ) -> dict[str, Any]:  # Any: JSON
        return json.loads(execute(request, query, variables, operation).body)

    return answer
