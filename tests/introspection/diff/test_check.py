"""Whether a structure may follow another."""

from devtools.introspection.diff.check import CODES, check, fails
from devtools.introspection.elements import MiddlewareUse, Route
from tests.introspection.diff.conftest import element, structure


def route(method: str, path: str, *middleware: str):
    uses = tuple(MiddlewareUse(name) for name in middleware)
    return element("task", f"{method} {path}", route=Route(method, path), middleware=uses)


def found(old, new, **ignored):
    return [(finding.code, finding.subject) for finding in check(old, new, ignored)]


def test_the_route_of_a_host_is_removed_unless_every_host_has_it():
    def at(host):
        return element("task", f"GET //{host}/a", route=Route("GET", "/a", host))

    old = structure(at("a.example.org"), at("b.example.org"))
    assert found(old, structure(at("a.example.org"))) == [("REMOVED_ROUTE", "GET //b.example.org/a")]
    assert found(old, structure(element("task", "GET /a", route=Route("GET", "/a")))) == []


def test_equal_structures_pass():
    same = structure(route("GET", "/a"), element("event", "e"), sdl="type Query { a: Int }")
    assert check(same, same) == []


def test_a_removed_route_fails_and_a_renamed_parameter_does_not():
    old = structure(route("GET", "/orders/{id}"), route("POST", "/orders"))
    assert found(old, structure(route("GET", "/orders/{number}"))) == [("REMOVED_ROUTE", "POST /orders")]
    assert found(structure(), old) == []


def test_a_breaking_schema_change_fails_and_a_dangerous_one_warns():
    old = structure(sdl="type Query { a: Int b: E } enum E { X }")
    findings = check(old, structure(sdl="type Query { b: E } enum E { X Y }"))
    assert [(finding.code, finding.grade) for finding in findings] == [
        ("SDL_BREAKING", "error"),
        ("SDL_DANGEROUS", "warning"),
    ]
    assert [finding.subject for finding in findings] == ["Query.a", "E.Y"]
    assert fails(findings)
    assert not fails(findings[1:])


def test_a_removed_operation_is_found_as_the_route_it_is():
    document = {"paths": {"/a": {"get": {"responses": {}}}, "/b": {"get": {"responses": {}}}}}
    old = structure(route("GET", "/a"), openapi=document)
    assert found(old, structure(openapi={"paths": {}})) == [
        ("REMOVED_ROUTE", "GET /a"),
        ("OPENAPI_BREAKING", "GET /b"),
    ]


def test_an_event_that_lost_its_last_hook_fails_and_an_old_orphan_does_not():
    events = element("event", "sold"), element("event", "old")
    old = structure(*events, element("hook", "h", events=("sold",)))
    assert found(old, structure(*events)) == [("ORPHAN_EVENT", "sold")]
    assert found(structure(*events), structure(*events, element("event", "new"))) == [("ORPHAN_EVENT", "new")]


def test_another_order_of_middleware_is_one_finding_however_much_it_wraps():
    old = structure(*(route("GET", f"/{name}", "cors", "gzip", "auth") for name in "abc"))
    new = structure(*(route("GET", f"/{name}", "auth", "cors", "gzip") for name in "abc"))
    (finding,) = check(old, new)
    assert finding.code == "MIDDLEWARE_ORDER"
    assert finding.message == "GET /a and 2 more: cors → gzip → auth became auth → cors → gzip."


def test_more_or_less_middleware_is_no_other_order():
    old = structure(route("GET", "/a", "cors", "auth"))
    assert found(old, structure(route("GET", "/a", "cors", "gzip", "auth"))) == []
    assert found(old, structure(route("GET", "/a", "auth"))) == []


def test_a_finding_is_ignored_by_code_or_by_subject_with_its_reason():
    old, new = structure(route("GET", "/a"), route("GET", "/b")), structure()
    findings = check(old, new, {"REMOVED_ROUTE GET /a": "moved to the gateway"})
    assert [(finding.subject, finding.ignored) for finding in findings] == [
        ("GET /a", "moved to the gateway"),
        ("GET /b", None),
    ]
    assert fails(findings)
    assert not fails(check(old, new, {"REMOVED_ROUTE": "a new service"}))


def test_every_code_is_there_once():
    assert len(set(CODES)) == len(CODES)
