"""Import an app by name, as uvicorn does: `module:app`, `module:create()` for a factory, or the path of a file."""

import importlib
import shlex
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.errors import OF_THE_APP, DevToolsError, ValidationError

DEFAULT_ATTRIBUTE = "app"

_OURS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Entry:
    """Which attribute of which module, looked up in which directory first."""

    module: str
    attribute: str
    directory: Path
    is_factory: bool


def parse_entry(text: str, directory: str | None = None, *, factory: bool = False) -> Entry:
    """What `MODULE:APP` or `FILE.py:APP` stands for; `:APP` is `:app` where it is left out.

    A file in a package is imported as part of it. Raises ValidationError naming what is missing.
    """
    name, colon, attribute = text.partition(":")
    if not name or (colon and not attribute):
        raise ValidationError(
            f"{text!r} does not name an app. Write MODULE:APP, as in examples.shop.app:app, or FILE.py:APP.",
            field="entry",
            value=text,
        )
    base = Path(directory or ".").resolve()
    attribute = attribute or DEFAULT_ATTRIBUTE
    is_factory = factory or attribute.endswith("()")
    if name.endswith(".py") or "/" in name:
        name, base = _module_of(base / name)
    return Entry(name, attribute.removesuffix("()"), base, is_factory)


def _module_of(path: Path) -> tuple[str, Path]:
    """The name that a file is imported by, and the directory that the name is looked up in."""
    if not path.is_file():
        raise ValidationError(
            f"There is no file {path}. Check the path, or write MODULE:APP.", field="entry", value=str(path)
        )
    folder = path.parent
    names = [] if path.stem == "__init__" else [path.stem]
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return ".".join(names), folder


def import_app(
    text: str, directory: str | None = None, *, factory: bool = False
) -> Any:  # Any: whatever the name stands for
    """The app behind `MODULE:APP`, looked up in `directory` (the current one) first. A factory is called.

    Raises ValidationError naming what is missing, or what the app's own code raised and where.
    """
    entry = parse_entry(text, directory, factory=factory)
    if str(entry.directory) not in sys.path:
        sys.path.insert(0, str(entry.directory))
    found = _import_module(entry, text)
    for name in entry.attribute.split("."):
        if not hasattr(found, name):
            raise ValidationError(
                f"{entry.module} has no {name!r}. Write MODULE:APP.", field="entry", value=text
            )
        found = getattr(found, name)
    return _made(found, entry, text) if entry.is_factory else found


def _import_module(entry: Entry, text: str) -> Any:  # Any: a module
    try:
        return importlib.import_module(entry.module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{entry.module}.".startswith(f"{error.name}."):
            raise ValidationError(
                f"Cannot import {entry.module!r} from {entry.directory}. Check the name, or pass --app-dir.",
                field="entry",
                value=text,
            ) from error
        raise _failed(f"Cannot import {entry.module!r}", entry, text, error) from error
    except DevToolsError:
        raise
    except OF_THE_APP as error:
        raise _failed(f"Cannot import {entry.module!r}", entry, text, error) from error


def _made(factory: Any, entry: Entry, text: str) -> Any:  # Any: as above
    name = f"{entry.module}:{entry.attribute}"
    if not callable(factory):
        raise ValidationError(
            f"{name} is a {type(factory).__name__} and makes no app: it is not callable. Leave out --factory and ().",
            field="entry",
            value=text,
        )
    try:
        return factory()
    except DevToolsError:
        raise
    except OF_THE_APP as error:
        code = f"import {entry.module}; {entry.module}.{entry.attribute}()"
        raise _failed(f"{name}() made no app", entry, text, error, code) from error


def _failed(
    what: str, entry: Entry, text: str, error: BaseException, code: str | None = None
) -> ValidationError:
    """One line for what the app's own code raised, with the place in it, and `code` that raises it again: the import."""
    reason = f"{type(error).__name__}: {error}".partition("\n")[0].removesuffix(": ")
    path = "" if entry.directory == Path.cwd() else f"PYTHONPATH={shlex.quote(str(entry.directory))} "
    again = f"{path}python -c {shlex.quote(code or f'import {entry.module}')}"
    return ValidationError(
        f"{what}: {reason}{_place(error, entry.directory)}. For the whole traceback run: {again}",
        field="entry",
        value=text,
    )


def _place(error: BaseException, directory: Path) -> str:
    """` (shop/app.py, line 3)`: the innermost line of the app's own, else the innermost one that is not ours."""
    if isinstance(error, SyntaxError):
        return ""  # its text says where
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame
        for frame in frames
        if Path(frame.filename).is_relative_to(directory) and "-packages" not in frame.filename
    ]
    others = [frame for frame in frames if not Path(frame.filename).is_relative_to(_OURS)]
    if not own and not others:
        return ""
    frame = (own or others)[-1]
    path = Path(frame.filename)
    shown = path.relative_to(directory) if path.is_relative_to(directory) else path
    return f" ({shown}, line {frame.lineno})"
