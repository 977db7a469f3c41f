"""The whole of an app as one `Structure`: what inspectors find and what is declared, merged and sorted, equal on every machine."""

import importlib.metadata
import logging
import platform
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from devtools.introspection import inspectors, naming, registry
from devtools.introspection.elements import AppInfo, Element, ElementKind, Structure, sort_elements
from devtools.introspection.references import References
from devtools.telemetry.payload import storable

GIT_SECONDS = 2.0

logger = logging.getLogger("devtools")


def inspect_app(
    app: Any, *, name: str, project_root: Path | None = None
) -> Structure:  # Any: any app, or none
    """Describe an app. Files are named from `project_root`, by default the nearest folder with a pyproject.toml."""
    root = (project_root or find_project_root()).resolve()
    found = inspectors.inspect(app, name)
    elements = dict(found.elements)
    for element in registry.declared_elements():
        elements[element.id] = _merge(elements.get(element.id), element)
    things = found.things | {
        identifier: entry.thing for identifier, entry in registry.registry.declared.items()
    }
    kinds = {identifier: element.kind for identifier, element in elements.items()}
    references = References(registry.registry, found.recognised, kinds, found.named)
    _add_references(elements, things, references)
    for identifier, makers in found.makers.items():
        for maker in makers:
            _add_references(elements, {identifier: maker}, references)
    elements = {identifier: _placed(element, name, root) for identifier, element in elements.items()}
    main = Element(id=name, kind=ElementKind.resource, title=name, has_init=found.has_init)
    elements.setdefault(name, main)
    revision, dirty = git_state(root)
    structure = Structure(
        app=AppInfo(
            name=name,
            version=_version_of(app, name),
            python_version=platform.python_version(),
            git_revision=revision,
            git_dirty=dirty,
        ),
        root_id=name,
        elements=sort_elements(elements),
        sdl=found.sdl,
        openapi=found.openapi,
    )
    return _storable(structure)


def _storable(structure: Structure) -> Structure:
    """The structure without lone surrogates, which a string literal may have and which no encoding of UTF-8 can hold."""
    try:
        msgspec.json.encode(structure)
    except UnicodeEncodeError:
        return msgspec.convert(storable(msgspec.to_builtins(structure)), Structure)
    return structure


def _merge(inspected: Element | None, declared: Element) -> Element:
    """What was declared wins over what was found; what it leaves open is filled in."""
    if inspected is None or inspected.kind is not declared.kind:
        return declared
    defaults = {
        field: getattr(declared, field)
        for field in (
            "title",
            "description",
            "schema",
            "route",
            "middleware",
            "handled",
            "handlers",
            "has_init",
            "has_dispose",
        )
    }
    defaults["depends_on"] = tuple(dict.fromkeys((*declared.depends_on, *inspected.depends_on)))
    return msgspec.structs.replace(
        declared, **{field: value or getattr(inspected, field) for field, value in defaults.items()}
    )


def _add_references(
    elements: dict[str, Element],
    things: dict[str, Any],  # Any: every object there is
    references: References,
) -> None:
    """Add the links that the code behind the elements shows. A route to a decorated function leaves them to that one."""
    for identifier, thing in things.items():
        element = elements.get(identifier)
        if element is None or registry.declared_id(thing) not in (None, identifier):
            continue
        links = {
            name: tuple(dict.fromkeys((*getattr(element, name), *found)))
            for name, found in references.of(thing, identifier).items()
        }
        elements[identifier] = msgspec.structs.replace(element, **links)


def _placed(element: Element, app: str, root: Path) -> Element:
    private = None if element.route is not None else naming.private_part(element.id)
    return msgspec.structs.replace(
        element,
        file_path=naming.relative(element.file_path, root),
        registered_by=element.registered_by or (app if element.id != app else None),
        is_private=element.is_private or private is not None,
        visibility_reason=element.visibility_reason
        or (f"{private} begins with an underscore" if private is not None else None),
    )


def find_project_root(start: Path | None = None) -> Path:
    """The nearest folder with a pyproject.toml, else where we are."""
    start = (start or Path.cwd()).resolve()
    return next(
        (folder for folder in (start, *start.parents) if (folder / "pyproject.toml").is_file()), start
    )


def git_state(root: Path) -> tuple[str | None, bool | None]:
    """The revision and whether files differ from it; nothing where there is no git, or it takes too long."""
    try:
        revision = _git(root, "rev-parse", "HEAD").strip()
        return revision, bool(_git(root, "status", "--porcelain", "--untracked-files=no").strip())
    except (OSError, subprocess.SubprocessError):
        return None, None


def _git(root: Path, *arguments: str) -> str:
    # A status that refreshes the index would lock it, and the user's own git would fail meanwhile.
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    return subprocess.run(  # noqa: S603 - fixed words
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=GIT_SECONDS
    ).stdout


def _version_of(app: Any, name: str) -> str | None:  # Any: any app
    version = naming.attribute(app, "version")
    if isinstance(version, str):
        return version
    try:
        return importlib.metadata.version(name.partition(".")[0])
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
