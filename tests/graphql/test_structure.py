"""What the app is made of: every kind of element, its links both ways, and what looks wrong."""

from pathlib import Path

import msgspec
import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type, is_leaf_type

from devtools.graphql.schema import schema
from devtools.graphql.source_text import read_lines
from devtools.introspection.elements import Element, ElementKind, sort_elements
from devtools.introspection.graph import Graph
from devtools.records import NodeKind
from tests.graphql.conftest import ELEMENTS, World


def selection(kind: GraphQLObjectType | GraphQLInterfaceType, depth: int = 2) -> str:
    """Every field of a type that needs no argument, two levels deep."""
    parts: list[str] = []
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            parts.append(name)
        elif depth > 1 and isinstance(inner, GraphQLObjectType | GraphQLInterfaceType):
            parts.append(f"{name} {{ {selection(inner, depth - 1)} }}")
    return " ".join(parts)


LISTS = {
    "tags": "Tag",
    "tasks": "Task",
    "hooks": "Hook",
    "middlewares": "Middleware",
    "taskMiddlewares": "TaskMiddleware",
    "resourceMiddlewares": "ResourceMiddleware",
    "resources": "Resource",
    "events": "Event",
    "errors": "Error",
    "asyncContexts": "AsyncContext",
    "all": "BaseElement",
}


@pytest.mark.parametrize(("field", "kind"), LISTS.items())
def test_every_field_of_every_kind_answers(world: World, field: str, kind: str) -> None:
    world.limit(tokens=5_000)
    found = schema().type_map[kind]
    assert isinstance(found, GraphQLObjectType | GraphQLInterfaceType)
    data = world.ask(f"{{ {field} {{ __typename {selection(found)} }} }}")
    assert data[field]


def test_all_elements_are_of_the_type_of_their_kind(world: World) -> None:
    data = world.ask("{ all { __typename id kind } }")["all"]
    assert len(data) == len(ELEMENTS)
    types = {element["id"]: element["__typename"] for element in data}
    assert types["shop.Auth"] == "TaskMiddleware"
    assert types["shop.Retry"] == "ResourceMiddleware"
    assert types["shop.user"] == "AsyncContext"
    assert len(world.ask('{ all(idIncludes: "orders") { id } }')["all"]) == 2


def test_a_task_and_its_links(world: World) -> None:
    task = world.ask(
        """{ task(id: "shop.orders.buy") {
            meta { title description tags { id config } } filePath line isPrivate
            tags { id config } tagsDetailed { id config configSchema }
            emits emitsResolved { id } dependsOn depenendsOnResolved { __typename id }
            dependsOnResolved { tasks { id } hooks { id } resources { id } emitters { id } }
            middleware middlewareResolved { id } middlewareResolvedDetailed { id config origin node { id } }
            registeredBy registeredByResolved { id } overriddenBy inputSchema inputSchemaReadable route { method path }
        } }"""
    )["task"]
    assert task["meta"]["tags"] == [{"id": "shop.slow", "config": '{"ms":50}'}]
    assert task["tags"] == [{"id": "shop.slow", "config": '{"ms":100}'}]
    assert task["tagsDetailed"] == [
        {"id": "shop.slow", "config": '{"ms":50}', "configSchema": '{"type":"object"}'}
    ]
    assert task["dependsOn"] == ["shop.database", "shop.orders.price"]
    assert [found["__typename"] for found in task["depenendsOnResolved"]] == ["Resource", "Task"]
    assert task["dependsOnResolved"] == {
        "tasks": [{"id": "shop.orders.price"}],
        "hooks": [],
        "resources": [{"id": "shop.database"}],
        "emitters": [{"id": "shop.order_placed"}],
    }
    assert task["middleware"] == ["shop.Auth", "shop.unknown"]
    assert task["middlewareResolvedDetailed"] == [
        {"id": "shop.Auth", "config": '{"role":"user"}', "origin": "app", "node": {"id": "shop.Auth"}}
    ]
    assert task["registeredByResolved"] == {"id": "shop"}
    assert "sku" in task["inputSchemaReadable"]
    assert task["route"] == {"method": "POST", "path": "/orders"}


def test_links_lead_back(world: World) -> None:
    data = world.ask(
        """{
            event(id: "shop.order_placed") {
                emittedBy emittedByResolved { id } listenedToBy listenedToByResolved { id hookOrder events }
            }
            resource(id: "shop.database") { usedBy { id } config hasInit hasReady hasHealthCheck context middleware }
            root { registers }
            middleware(id: "shop.Auth") {
                autoApply { enabled scope hasPredicate } usedByTasks usedByResources
                usedByTasksDetailed { id config node { id } }
            }
            error(id: "shop.Declined") { thrownBy { __typename id } }
            asyncContext(id: "shop.user") { usedBy { id } providedBy { id } serialize }
            tag(id: "shop.slow") { targets tasks { id } all { id } hooks { id } }
            hook(id: "shop.audit.log_all") { event events eventsResolved { id } }
        }"""
    )
    assert data["event"]["emittedBy"] == ["shop.orders.buy"]
    assert data["event"]["listenedToBy"] == ["shop.audit.log_all", "shop.mail.confirm"]
    assert data["resource"]["usedBy"] == [{"id": "shop.orders.buy"}]
    assert data["resource"]["context"] == '["shop.user"]'
    assert "shop.database" in data["root"]["registers"]
    assert data["middleware"]["autoApply"] == {
        "enabled": True,
        "scope": "WHERE_VISIBLE",
        "hasPredicate": False,
    }
    assert data["middleware"]["usedByTasks"] == ["shop.orders.buy"]
    assert data["error"]["thrownBy"] == [{"__typename": "All", "id": "shop.orders.buy"}]
    assert data["asyncContext"] == {
        "usedBy": [{"id": "shop.orders.buy"}],
        "providedBy": [{"id": "shop.database"}],
        "serialize": None,
    }
    assert data["tag"] == {
        "targets": ["TASKS"],
        "tasks": [{"id": "shop.orders.buy"}],
        "all": [{"id": "shop.orders.buy"}],
        "hooks": [],
    }
    assert len(data["hook"]["eventsResolved"]) == 3


def test_events_are_filtered(world: World) -> None:
    def ids(arguments: str) -> list[str]:
        return [event["id"] for event in world.ask(f"{{ events(filter: {arguments}) {{ id }} }}")["events"]]

    assert "framework.started" in ids("{}")
    assert "framework.started" not in ids("{hideSystem: true}")
    assert ids('{idIncludes: "order"}') == ["shop.order_placed"]
    assert ids("{hasNoHooks: true}") == []


def test_an_unknown_id_is_null_and_so_is_another_kinds(world: World) -> None:
    assert world.ask('{ task(id: "no") { id } event(id: "shop.orders.buy") { id } }') == {
        "task": None,
        "event": None,
    }


def test_diagnostics_name_the_element_and_what_to_do(world: World) -> None:
    query = "query($all: Boolean) { diagnostics(includeFramework: $all) { severity code message nodeId nodeKind hint } }"
    found = world.ask(query)["diagnostics"]
    assert {"UNEMITTED_EVENT"} <= {finding["code"] for finding in found}
    assert all(finding["hint"] for finding in found)
    assert "framework.started" not in {finding["nodeId"] for finding in found}
    assert "framework.started" in {finding["nodeId"] for finding in world.ask(query, all=True)["diagnostics"]}


def test_how_the_app_runs(world: World) -> None:
    options = world.ask(
        "{ runOptions { mode debug debugMode logsEnabled dryRun rootId } swappedTasks { taskId } }"
    )
    assert options["runOptions"]["rootId"] == "shop"
    assert options["runOptions"]["dryRun"] is False
    assert options["runOptions"]["logsEnabled"] is True
    assert options["swappedTasks"] == []


def test_one_structure_answers_the_whole_operation(world: World) -> None:
    asked = 0

    def graph() -> object:
        nonlocal asked
        asked += 1
        return world.graph

    services = world.services
    object.__setattr__(services, "graph", graph)
    from devtools.graphql.executor import execute
    from devtools.graphql.services import Request

    execute(Request(services, "read"), "{ tasks { id } hooks { id } all { id } }")
    assert asked == 1


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "shop").mkdir(parents=True)
    (root / "shop" / "orders.py").write_text("one\ntwo\nthree\n", encoding="utf-8")
    (root / ".env").write_text("SECRET=1")
    (root / ".env.py").write_text("SECRET=1")
    (root / "key.pem").write_text("key")
    (root / "shop" / "data.db").write_text("x")
    (root / "big.py").write_text("x" * 1_000_001)
    (root / "latin.py").write_bytes(b"caf\xe9")
    (tmp_path / "outside.py").write_text("outside")
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    (root / "folder").symlink_to(tmp_path)
    return root


def test_source_text_of_a_file_in_the_project(project: Path) -> None:
    assert read_lines("shop/orders.py", None, None, project) == "one\ntwo\nthree\n"
    assert read_lines("shop/orders.py", 2, 2, project) == "two\n"
    assert read_lines("shop/orders.py", 2, None, project) == "two\nthree\n"
    assert read_lines("shop/orders.py", None, 1, project) == "one\n"
    assert read_lines("shop/orders.py", -5, 99, project) == "one\ntwo\nthree\n"
    assert read_lines("shop/orders.py", 3, 1, project) == ""


REFUSED = [
    "../outside.py", "shop/../../outside.py", "link.py",
    "folder/outside.py", ".env", ".env.py", "key.pem", "shop/data.db", "big.py",
    "latin.py", "gone.py", "shop", "", "shop\\orders.py", "shop/orders.py\0", "./../outside.py",
]  # fmt: skip


@pytest.mark.parametrize("path", REFUSED)
def test_nothing_else_is_shown(project: Path, path: str) -> None:
    assert read_lines(path, None, None, project) is None


def test_no_absolute_path_is_shown(project: Path) -> None:
    assert read_lines(str(project / "shop" / "orders.py"), None, None, project) is None
    assert read_lines(None, None, None, project) is None
    assert read_lines("/etc/passwd", None, None, project) is None


def test_an_element_without_a_file_has_no_text(world: World) -> None:
    assert world.ask('{ resource(id: "shop.database") { fileContents filePath } }')["resource"] == {
        "fileContents": None,
        "filePath": None,
    }


def test_what_an_element_was_seen_to_do_is_linked(world: World) -> None:
    """Declared or not, with how often and when last."""
    world.emit(emitter_id="shop.orders.buy")
    last = world.emit(emitter_id="shop.orders.buy")
    world.emit("shop.surprise", emitter_id="shop.orders.buy")
    world.run("shop.orders.price", parent_id="shop.orders.buy")
    world.run("shop.orders.buy")
    found = world.ask("""{
        task(id: "shop.orders.buy") { observedLinks { relation id count lastMs declared } }
        quiet: task(id: "shop.orders.price") { observedLinks { id } }
    }""")
    links = found["task"]["observedLinks"]
    assert [(link["relation"], link["id"], link["count"], link["declared"]) for link in links] == [
        ("EMITS", "shop.order_placed", 2, True),
        ("CALLS", "shop.orders.price", 1, True),
        ("EMITS", "shop.surprise", 1, False),
    ]
    assert links[0]["lastMs"] == last.timestamp_ms
    assert found["quiet"]["observedLinks"] == []


def test_what_a_statement_used_is_linked_from_both_ends(world: World) -> None:
    """To the resource that stands for its table; of several in one table to the one that the others build on."""
    models = [
        Element(id="shop.Order", kind=ElementKind.resource, config='{"table":"orders"}'),
        Element(
            id="shop.GiftOrder",
            kind=ElementKind.resource,
            config='{"table":"orders"}',
            depends_on=("shop.Order",),
        ),
        Element(id="shop.Stock", kind=ElementKind.resource, config='{"table":"old.stock"}'),
        Element(id="shop.cache", kind=ElementKind.resource, config='{"table":["orders"]}'),
    ]
    elements = {element.id: element for element in (*world.graph.structure.elements, *models)}
    world.graph = Graph(msgspec.structs.replace(world.graph.structure, elements=sort_elements(elements)))

    def query(attributes: str | None) -> None:
        world.run("SELECT", node_kind=NodeKind.QUERY, parent_id="shop.orders.buy", attributes=attributes)

    query('{"db.collection.name":"public.ORDERS","db.system.name":"postgresql"}')
    query('{"db.collections":["old.stock","orders"]}')
    query('{"db.collection.name":"stock"}')
    query(None)
    query('{"db.collection.name":5}')
    found = world.ask("""{
        task(id: "shop.orders.buy") { observedLinks { relation id count declared } }
        order: resource(id: "shop.Order") { observedLinks { relation id count declared } }
        gift: resource(id: "shop.GiftOrder") { observedLinks { id } }
        cache: resource(id: "shop.cache") { observedLinks { id } }
    }""")
    assert found["task"]["observedLinks"] == [
        {"relation": "USES", "id": "shop.Order", "count": 2, "declared": False},
        {"relation": "USES", "id": "shop.Stock", "count": 1, "declared": False},
    ]
    assert found["order"]["observedLinks"] == [
        {"relation": "USED_BY", "id": "shop.orders.buy", "count": 2, "declared": False}
    ]
    assert found["gift"]["observedLinks"] == found["cache"]["observedLinks"] == []
