"""The app's own modules and what their globals hold. Inspectors find here what no app object leads to: engines, models, task apps.

Own is what is neither the standard library, nor installed, nor this package; and the package of the app itself, wherever it lies.
"""

import dis
import inspect
import os
import sys
import types
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from devtools.errors import OF_THE_APP
from devtools.introspection import naming

_OURS = __name__.partition(".")[0]
_LIBRARY = Path(os.__file__).parent
_INSTALLED = frozenset({"site-packages", "dist-packages"})


class Bound(NamedTuple):
    """One global of an own module."""

    module: str
    variable: str
    thing: Any  # Any: every object there is

    @property
    def identifier(self) -> str:
        """`shop.database.engine`."""
        return f"{naming.import_name(self.module)}.{self.variable}"


class OwnModules:
    """The globals of the app's own modules, each read once. Objects are told apart by their type, so that lazy ones stay asleep."""

    def __init__(self, app: str = "") -> None:
        self.package = app.partition(".")[0]
        self.by_type: dict[type[Any], list[Bound]] = {}
        self._sources: dict[str, Source] = {}
        self._read_modules: set[int] = set()
        self.look_again()

    def look_again(self) -> None:
        """Read the modules that were imported since."""
        for module in tuple(sys.modules.values()):
            if self.holds(module) and id(module) not in self._read_modules:
                self._read_modules.add(id(module))
                self._read(module)

    def holds(self, module: Any) -> bool:  # Any: `sys.modules` may hold anything
        """Whether this module is the app's own."""
        if type(module) is not types.ModuleType:
            return False
        name = module.__name__
        package = name.partition(".")[0]
        if package == _OURS:
            return False
        return name == "__main__" or package == self.package or _is_own_file(module.__dict__.get("__file__"))

    def defines(self, thing: Any) -> bool:  # Any: a class or function
        """Whether a class or function is written in an own module."""
        module = naming.attribute(thing, "__module__")
        return isinstance(module, str) and self.holds(sys.modules.get(module))

    def _read(self, module: types.ModuleType) -> None:
        for variable, value in tuple(vars(module).items()):
            if not variable.startswith("__"):
                self.by_type.setdefault(naming.kind_of(value), []).append(
                    Bound(module.__name__, variable, value)
                )

    def of(self, *kinds: type[Any]) -> list[tuple[str, Any]]:
        """Every global of these types once, as `module.name` and object, by name. The name is that of the module that makes it."""
        found: dict[int, list[Bound]] = {}
        for kind, bound in self.by_type.items():
            if issubclass(kind, kinds):
                for each in bound:
                    found.setdefault(id(each.thing), []).append(each)
        named = ((self._first_name(bound), bound[0].thing) for bound in found.values())
        return sorted(named, key=lambda pair: pair[0])

    def name_of(self, thing: Any, default: str) -> str:  # Any: as above
        """`module.name` of the global that holds this object, else the default."""
        bound = [each for each in self.by_type.get(naming.kind_of(thing), ()) if each.thing is thing]
        return self._first_name(bound) if bound else default

    def _first_name(self, bound: list[Bound]) -> str:
        """The name in the module that makes the object; others import it. Where that cannot be told, the shortest."""
        if len(bound) > 1:
            bound = [each for each in bound if each.variable not in self._imported(each.module)] or bound
        return min((each.identifier for each in bound), key=lambda name: (name.count("."), name))

    def place(self, identifier: str) -> tuple[str | None, int | None]:
        """File and line where a global is made: `module.name` is assigned there."""
        module, _, variable = identifier.rpartition(".")
        loaded = sys.modules.get(module)
        if not self.holds(loaded):
            return None, None
        return naming.attribute(loaded, "__file__"), self._source(module).lines.get(variable)

    def _imported(self, module: str) -> frozenset[str]:
        return self._source(module).imported

    def _source(self, module: str) -> "Source":
        """What the source of a module says of its globals. Empty where there is none."""
        if module not in self._sources:
            try:
                self._sources[module] = read_code(_code_of(module))
            except OF_THE_APP:
                self._sources[module] = Source(frozenset(), {})
        return self._sources[module]


class Source(NamedTuple):
    """The globals of a module, as its source makes them."""

    imported: frozenset[str]
    lines: dict[str, int]
    """Line at which a name is first assigned."""


def _code_of(module: str) -> types.CodeType:
    """The compiled body of a module, as its loader keeps it. Raises whatever a loader may."""
    loaded = sys.modules[module]
    load: Any = naming.attribute(naming.attribute(loaded.__spec__, "loader"), "get_code")
    code = None if load is None else load(loaded.__spec__.name if loaded.__spec__ else module)
    return code or compile(inspect.getsource(loaded), module, "exec", dont_inherit=True)


def read_code(code: types.CodeType) -> Source:
    """What the body of a module imports, and where it first assigns what.

    Not by `ast`: CPython counts its depth for all threads together, and an app that parses meanwhile would get a SystemError.
    """
    imported: set[str] = set()
    lines: dict[str, int] = {}
    is_importing = False
    for step in dis.get_instructions(code):
        if step.opname in _IMPORTS:
            is_importing = True
        elif step.opname in _STORES:
            if is_importing:
                imported.add(str(step.argval))
            elif step.positions is not None and step.positions.lineno is not None:
                lines.setdefault(str(step.argval), step.positions.lineno)
            is_importing = False
    return Source(frozenset(imported), lines)


_IMPORTS = frozenset({"IMPORT_NAME", "IMPORT_FROM"})
_STORES = frozenset({"STORE_NAME", "STORE_GLOBAL"})


@lru_cache(maxsize=4_096)
def _is_own_file(file: str | None) -> bool:
    if not file:
        return False
    path = Path(file)
    return _INSTALLED.isdisjoint(path.parts) and not path.is_relative_to(_LIBRARY)
