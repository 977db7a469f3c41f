"""A structure of 2,000 elements, linked as those of a large service are. Made the same every time."""

from devtools.introspection.elements import Element, ElementKind, MiddlewareUse, Route, Structure
from tests.introspection.diff.conftest import structure

AREAS, EACH = 40, 10


def large() -> Structure:
    """Forty areas with ten of each: routes, functions, hooks, events; one resource for ten areas that all of an area uses."""
    found = [
        Element(id="service.middleware.Auth", kind=ElementKind.middleware, applies_to=ElementKind.task),
        *(element for area in range(AREAS) for number in range(EACH) for element in _elements(area, number)),
    ]
    return structure(*found)


def _elements(area: int, number: int) -> list[Element]:
    module = f"service.area_{area:02}"
    path = f"/area-{area:02}/things/{number}"
    work, event, store = (
        f"{module}.work.step_{number}",
        f"{module}.done_{number}",
        f"service.stores.store_{area}",
    )
    return [
        Element(
            id=f"GET {path}",
            kind=ElementKind.task,
            title=f"Read thing {number} of area {area}",
            route=Route("GET", path),
            depends_on=(work,),
            middleware=(MiddlewareUse("service.middleware.Auth"),),
        ),
        Element(
            id=work,
            kind=ElementKind.task,
            depends_on=(
                f"{store}.part_{number}",
                f"service.area_{area // 8 * 8:02}.work.step_0",
            ),
            emits=(event,),
        ),
        Element(id=event, kind=ElementKind.event),
        Element(
            id=f"{module}.hear_{number}",
            kind=ElementKind.hook,
            events=(event,),
            depends_on=(f"{store}.part_0",),
        ),
        Element(id=f"{store}.part_{number}", kind=ElementKind.resource),
    ]
