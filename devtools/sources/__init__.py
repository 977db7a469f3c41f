"""What is watched. One module per thing, each with `install(recorder, settings)` that answers how to take it away again.

A source is added by one file and one line in `SOURCES`. Each can be switched off (`sources`) and thinned out (`sampling`).
"""

import logging
import random
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module

from devtools.errors import ValidationError
from devtools.settings import Settings
from devtools.telemetry.recorder import Recorder

SOURCES: dict[str, str] = {
    "asgi": "devtools.sources.asgi:install",
    "logging": "devtools.sources.logging:install",
    "warnings": "devtools.sources.warnings:install",
    "exceptions": "devtools.sources.exceptions:install",
    "starlette": "devtools.sources.starlette:install",
    "litestar": "devtools.sources.litestar:install",
    "django": "devtools.sources.django:install",
    "quart": "devtools.sources.quart:install",
    "wsgi": "devtools.sources.wsgi:install",
    "sqlalchemy": "devtools.sources.sqlalchemy:install",
    "peewee": "devtools.sources.peewee:install",
    "django_sql": "devtools.sources.django_sql:install",
}
"""Name of the source, as in settings, to `module:function`."""

logger = logging.getLogger("devtools")


def install(recorder: Recorder, settings: Settings) -> Callable[[], None]:
    """Install every source that is switched on. Answers how to take all of them away, the last one first, also where one fails.

    Raises ValidationError for a name in settings that is no source. A source that fails is one log line; the others go on.
    """
    installed = ExitStack()
    for name in chosen(settings):
        module, _, function = SOURCES[name].partition(":")
        try:
            installed.callback(getattr(import_module(module), function)(recorder, settings))
        except Exception:
            logger.warning("The source %r could not be installed and records nothing.", name, exc_info=True)
    return installed.close


def chosen(settings: Settings) -> tuple[str, ...]:
    """The names of the sources that are switched on, all where nothing is said."""
    names = tuple(SOURCES) if settings.sources is None else settings.sources
    for field, given in (("sources", names), ("sampling", tuple(settings.sampling))):
        for name in given:
            if name not in SOURCES:
                raise ValidationError(
                    f"{field} cannot name {name!r}: it must be one of {', '.join(SOURCES)}.",
                    field=field,
                    value=name,
                )
    return names


def sampler(settings: Settings, name: str) -> Callable[[], bool] | None:
    """Whether to keep the next one, by the share in `sampling`; None where all are kept."""
    share = settings.sampling.get(name, 1.0)
    if share >= 1:
        return None
    chance = random.Random().random  # noqa: S311 - sampling is no secret
    return lambda: chance() < share
