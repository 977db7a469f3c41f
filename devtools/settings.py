"""Every option once: name, type, default, environment variable and meaning.

`load()` merges keyword arguments, `DEVTOOLS_*` variables, `[tool.devtools]` of pyproject.toml and the defaults, in this order of
precedence, and refuses what cannot be used before anything starts.
"""

import dataclasses
import difflib
import os
import tomllib
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast

from devtools.errors import ValidationError

Role = str
CaptureHttp = Literal["none", "headers", "bodies"]
Origin = Literal["argument", "environment", "file", "default"]

PREFIX = "DEVTOOLS_"
RESERVED_PREFIX = "DEVTOOLS_TEST_"
PRODUCTION_VARIABLES = ("APP_ENV", "ENV", "ENVIRONMENT", "PYTHON_ENV", "DJANGO_ENV", "FLASK_ENV", "NODE_ENV")
MAX_PORT = 65_535
MAX_NAME = 200
"""Characters in the name of an app or role."""
NO_ENTRIES: Mapping[str, Any] = MappingProxyType({})
NULLABLE = ("auth", "log_level")
"""Options where `None` is a value of its own, not "not given"."""
KINDS = ("run", "log", "error", "emission", "audit")
KEPT_KINDS = ("audit",)
"""Kinds that stay unless `retention` names them."""
ROLLUP = "rollup"
"""What is counted of runs by the hour, as a kind of retention."""


def option(default: Any, meaning: str) -> Any:  # Any: dataclasses.field is typed by its default
    """A field of `Settings` with its meaning, shown by `devtools config` and in the docs."""
    if default is NO_ENTRIES:
        return dataclasses.field(default_factory=lambda: NO_ENTRIES, metadata={"meaning": meaning})
    return dataclasses.field(default=default, metadata={"meaning": meaning})


def secret(default: Any, meaning: str) -> Any:  # Any: as above
    """An option whose value is never shown."""
    return dataclasses.field(default=default, repr=False, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Retention:
    """How much of one kind the database keeps. `None` = no limit of that sort."""

    max_rows: int | None = 1_000_000
    max_age_days: float | None = 30.0


ROLLUP_RETENTION = Retention(max_rows=None, max_age_days=400.0)
"""Counts by the hour outlive the runs: this month can be compared with the same month of last year."""


@dataclass(frozen=True)
class Limits:
    """What one request may ask for. At the limit is fine, one more is refused. Sizes in bytes, times in seconds."""

    depth: int = 12
    aliases: int = 15
    tokens: int = 1_000
    query_characters: int = 15_000
    directives: int = 50
    cost: int = 20_000
    root_fields: int = 20
    page: int = 1_000
    live: int = 10_000
    body_bytes: int = 1_000_000
    message_bytes: int = 1_000_000
    subscriptions: int = 20
    clients: int = 100
    deadline: float = 10.0
    validation_errors: int = 5


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of one DevTools. Make it with `load()`, which checks and merges; the keywords are those of `mount`."""

    database: str | Mapping[str, Any] | None = option(  # Any: driver options are open
        None, "where records and snapshots are stored; unset = in memory, no file"
    )
    max_entries: int = option(10_000, "records kept per kind in memory, and in the database where set by you")
    port: int = option(1337, "port of `devtools serve` and `start()`; 0 = any free one")
    host: str = option("127.0.0.1", "address of `devtools serve` and `start()`")
    path: str = option("/devtools", "where it is mounted in the app")
    enabled: bool | None = option(
        None, f"install at all; unset = unless {', '.join(PRODUCTION_VARIABLES)} is production or prod"
    )
    app: str | None = option(None, "name of the app; unset = its import name")
    role: str = option("main", "which part of the app this process is: main, worker, …")
    token: str | None = secret(
        None, "reads and writes; unset = made, and with a database kept in the state directory"
    )
    read_token: str | None = secret(None, "reads only")
    ingest_key: str | None = secret(None, "only ingests")
    auth: Literal["token"] | None = option("token", "None = no token, on loopback only")
    invoke_tasks: bool = option(False, "let GraphQL run declared tasks (mutation invokeTask)")
    invoke_events: bool = option(False, "let GraphQL emit declared events (mutation invokeEvent)")
    import_snapshots: bool = option(False, "let GraphQL store exported structures (mutation importSnapshot)")
    allow_remote: bool = option(
        False, "answer clients that are not on this machine; needs a token of 32 characters"
    )
    allowed_hosts: tuple[str, ...] = option((), "host names accepted beside localhost")
    allowed_origins: tuple[str, ...] = option((), "origins (scheme://host:port) accepted beside our own")
    sources: tuple[str, ...] | None = option(None, "which sources record; unset = all")
    log_level: str | None = option(
        "info",
        "lowest level captured from logging, without printing more; none = only what loggers let through",
    )
    capture_http: CaptureHttp = option(
        "none", "what of a request is kept beside method, path, query and status"
    )
    correlation_header: bool = option(True, "add x-correlation-id to the app's answers")
    sampling: Mapping[str, float] = option(NO_ENTRIES, "share of records kept per source, 0..1")
    mask: tuple[str, ...] = option((), "more names whose values are masked")
    max_text_bytes: int = option(8_192, "longest text kept of one captured value")
    max_record_bytes: int = option(65_536, "largest captured record")
    max_snapshots: int = option(10, "versions of the structure kept per app and role")
    ignore: Mapping[str, str] = option(
        NO_ENTRIES, "findings that are none here: `CODE` or `CODE element` to the reason"
    )
    retention: Mapping[str, Retention] = option(NO_ENTRIES, "per kind: max_rows, max_age_days")
    upgrade: bool = option(True, "apply migrations when the database is opened")
    limits: Limits = option(Limits(), "what one request may ask for")


@dataclass(frozen=True)
class Resolved:
    """A settings value with where each option came from and what was odd about the input."""

    settings: Settings
    origins: Mapping[str, Origin]
    warnings: tuple[str, ...] = ()


FIELDS: dict[str, dataclasses.Field[Any]] = {field.name: field for field in dataclasses.fields(Settings)}
_HINTS = typing.get_type_hints(Settings)


def variable(name: str) -> str:
    """The environment variable of an option."""
    return PREFIX + name.upper()


def load(
    arguments: Mapping[str, Any] | None = None,  # Any: checked here
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Resolved:
    """Merge and check the options. Arguments that are `None` count as not given, except those in `NULLABLE`.

    Raises ValidationError naming field, value and remedy.
    """
    environment = os.environ if environment is None else environment
    given = {name: value for name, value in (arguments or {}).items() if value is not None}
    given |= {name: (arguments or {})[name] for name in NULLABLE if name in (arguments or {})}
    _refuse_unknown(given, "option")
    from_file = _read_file(directory or Path.cwd())
    from_environment, warnings = _read_environment(environment)
    merged: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    layers: tuple[tuple[Origin, Mapping[str, Any]], ...] = (
        ("argument", given),
        ("environment", from_environment),
        ("file", from_file),
    )
    for name in FIELDS:
        origins[name] = "default"
        for origin, layer in layers:
            if name in layer:
                merged[name] = _convert(name, layer[name], origin)
                origins[name] = origin
                break
    settings = Settings(**merged)
    _check(settings)
    return Resolved(settings, origins, warnings)


def changed(settings: Settings, name: str, value: Any) -> Settings:  # Any: checked here
    """The settings with another value for one option. Raises ValidationError as `load` does."""
    settings = dataclasses.replace(settings, **{name: _convert(name, value, "argument")})
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    for check in _CHECKS:
        check(settings)


def is_enabled(settings: Settings, environment: Mapping[str, str] | None = None) -> tuple[bool, str]:
    """Whether to install anything, and why. Production needs `enabled=True`."""
    if settings.enabled is not None:
        return settings.enabled, f"enabled={settings.enabled}"
    environment = os.environ if environment is None else environment
    for name in PRODUCTION_VARIABLES:
        if environment.get(name, "").strip().lower() in {"production", "prod"}:
            return False, f"{name}={environment[name]} and enabled is not set"
    return True, "no environment variable says production"


def retention_of(resolved: Resolved, kind: str) -> Retention:
    """The retention of one kind: its own, else `max_entries` where the user set that, else the default."""
    own = resolved.settings.retention.get(kind)
    if own is not None:
        return own
    if kind in KEPT_KINDS:
        return Retention(None, None)
    if kind == ROLLUP:
        return ROLLUP_RETENTION
    if resolved.origins["max_entries"] != "default":
        return Retention(max_rows=resolved.settings.max_entries)
    return Retention()


def _refuse_unknown(given: Mapping[str, Any], what: str) -> None:
    for name in given:
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(FIELDS)}."
            raise ValidationError(f"Unknown {what} {name!r}.{hint}", field=name, value=given[name])


def _read_file(directory: Path) -> dict[str, Any]:
    for folder in (directory, *directory.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            try:
                table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("devtools", {})
            except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
                raise ValidationError(
                    f"Cannot read {path}: {error}. Mend the file.", field="pyproject.toml"
                ) from error
            _refuse_unknown(table, f"key in [tool.devtools] of {path}:")
            return table
    return {}


def _read_environment(environment: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    known = {variable(name): name for name in FIELDS}
    found = {name: environment[key] for key, name in known.items() if environment.get(key)}
    unknown = sorted(
        key
        for key in environment
        if key.startswith(PREFIX) and not key.startswith(RESERVED_PREFIX) and key not in known
    )
    if not unknown:
        return found, ()
    return found, (
        f"Unknown environment variables, ignored: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.",
    )


def _convert(name: str, value: Any, origin: Origin) -> Any:
    try:
        return _CONVERTERS[name](value)
    except (TypeError, ValueError) as error:
        where = {"environment": f" ({variable(name)})", "file": " (pyproject.toml)"}.get(origin, "")
        raise ValidationError(
            f"{name}{where} cannot be {value!r}: {error}.",
            field=name,
            value=value,
        ) from error


def _integer(value: Any) -> int:
    if isinstance(value, bool | float):
        raise TypeError("it must be a whole number")
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValueError("it must be a whole number") from None


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError("it must be true or false")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("it must be text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(_text(part).strip() for part in parts if _text(part).strip())


def _optional_word(value: Any) -> Any:
    """One of some words, or none; which they are is said where that is checked."""
    return None if value is None or str(value).lower() in {"none", "off"} else value


def _database(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str) and value:
        return value
    if isinstance(value, Mapping) and value:
        return dict(cast("Mapping[str, Any]", value))
    raise TypeError("it must be a URL, a path or a mapping")


def _sampling(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        value = dict(part.split("=", 1) for part in _texts(value))
    rates = {name: float(rate) for name, rate in cast("Mapping[str, Any]", value).items()}
    for name, rate in rates.items():
        if not 0 <= rate <= 1:
            raise ValueError(f"the share of {name} must be between 0 and 1")
    return rates


def _ignore(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        value = dict(part.split("=", 1) for part in _texts(value))
    reasons = {
        _text(finding).strip(): _text(reason) for finding, reason in cast("Mapping[Any, Any]", value).items()
    }
    for finding, reason in reasons.items():
        if not reason.strip():
            raise ValueError(f"{finding} needs a reason")
    return reasons


def _retention(value: Any) -> dict[str, Retention]:
    if not isinstance(value, Mapping):
        raise TypeError("it must map a kind to its limits")
    found: dict[str, Retention] = {}
    for kind, limits in cast("Mapping[str, Any]", value).items():
        if kind not in (*KINDS, ROLLUP):
            raise ValueError(f"{kind!r} is not a kind; known: {', '.join((*KINDS, ROLLUP))}")
        found[kind] = _numbers(Retention, _whole(kind, limits), lowest=0)
    return found


def _whole(kind: str, limits: Any) -> Any:
    """Kinds that are kept have no limit but the ones named."""
    if kind not in KEPT_KINDS or not isinstance(limits, Mapping):
        return limits
    return {**dataclasses.asdict(Retention(None, None)), **cast("Mapping[str, Any]", limits)}


def _limits(value: Any) -> Limits:
    return _numbers(Limits, value, lowest=1)


N = TypeVar("N", Retention, Limits)


def _numbers(kind: type[N], value: Any, *, lowest: int) -> N:
    """A dataclass of numbers from a mapping, or checked as it is. `None` stays where its default may be None."""
    if not isinstance(value, kind | Mapping):
        raise TypeError("it must be a mapping of limits")
    given = dataclasses.asdict(value) if isinstance(value, kind) else dict(cast("Mapping[str, Any]", value))
    known = {field.name: field for field in dataclasses.fields(kind)}
    for name, number in given.items():
        if name not in known:
            raise ValueError(f"{name!r} is not a limit; known: {', '.join(known)}")
        whole = "float" not in str(known[name].type)
        wanted = int if whole else (int, float)
        if number is None and "None" in str(known[name].type):
            continue
        if isinstance(number, bool) or not isinstance(number, wanted) or number < lowest:
            raise ValueError(
                f"{name} must be a {'whole ' if whole else ''}number from {lowest} on, not {number!r}"
            )
    return kind(**given)


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    name: {
        "database": _database,
        "auth": _optional_word,
        "log_level": _optional_word,
        "sampling": _sampling,
        "ignore": _ignore,
        "retention": _retention,
        "limits": _limits,
    }.get(name)
    or {
        int: _integer,
        bool: _boolean,
        bool | None: _boolean,
        tuple[str, ...]: _texts,
        tuple[str, ...] | None: _texts,
    }.get(_HINTS[name], _text)
    for name in FIELDS
}


def _check_range(name: str, low: int, high: int | None) -> Callable[[Settings], None]:
    def check(settings: Settings) -> None:
        value = getattr(settings, name)
        if value < low or (high is not None and value > high):
            span = f"{low} to {high}" if high is not None else f"{low} or more"
            raise ValidationError(f"{name} cannot be {value}: it must be {span}.", field=name, value=value)

    return check


def _check_choice(name: str, choices: tuple[str | None, ...]) -> Callable[[Settings], None]:
    def check(settings: Settings) -> None:
        value = getattr(settings, name)
        if value not in choices:
            known = ", ".join(choice or "none" for choice in choices)
            raise ValidationError(
                f"{name} cannot be {value!r}: it must be one of {known}.", field=name, value=value
            )

    return check


def _check_path(settings: Settings) -> None:
    path = settings.path
    if (
        not path.startswith("/")
        or path.rstrip("/") == ""
        or any(part in {"", ".", ".."} for part in path[1:].split("/"))
    ):
        raise ValidationError(
            f"path cannot be {path!r}: it must begin with '/', end without one and name at least one segment, "
            "as in '/devtools'.",
            field="path",
            value=path,
        )


def _check_names(settings: Settings) -> None:
    for name in ("app", "role"):
        value = getattr(settings, name)
        if value is not None and not 1 <= len(value) <= MAX_NAME:
            raise ValidationError(
                f"{name} cannot be {value!r}: it must be 1 to {MAX_NAME} characters.", field=name, value=value
            )


def _check_switches(settings: Settings) -> None:
    for name in ("invoke_tasks", "invoke_events", "import_snapshots"):
        if getattr(settings, name) and settings.auth is None:
            raise ValidationError(
                f"{name} cannot be True with auth=None: every process on this machine could use it. Leave auth at 'token'.",
                field=name,
                value=True,
            )


_CHECKS: tuple[Callable[[Settings], None], ...] = (
    _check_range("port", 0, MAX_PORT),
    _check_range("max_entries", 1, None),
    _check_range("max_snapshots", 1, None),
    _check_range("max_text_bytes", 64, None),
    _check_range("max_record_bytes", 1_024, None),
    _check_choice("auth", ("token", None)),
    _check_choice("capture_http", ("none", "headers", "bodies")),
    _check_choice("log_level", ("trace", "debug", "info", "warn", "error", "fatal", None)),
    _check_path,
    _check_names,
    _check_switches,
)
