"""What is read off SQLAlchemy: engines, session makers, mapped classes and tables, as a real app declares them."""

import pytest

from .inspected import Inspected, inspected

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop() -> Inspected:
    return inspected("sqlalchemy_shop", needs="sqlalchemy")


def test_an_engine_is_a_resource_where_it_is_made_with_its_url_masked(shop: Inspected) -> None:
    engine = shop.element("sqlalchemy_shop.engine")
    assert (engine.title, engine.file_path, engine.line) == ("sqlite engine", "sqlalchemy_shop.py", 22)
    assert shop.config(engine.id) == {
        "dialect": "sqlite",
        "driver": "pysqlite",
        "pool": "SingletonThreadPool",
        "url": "sqlite:///file%3Ashop?mode=memory&password=[masked]&uri=true",
    }
    assert "sqlalchemy_shop.same_engine" not in shop.by_id


def test_a_session_maker_depends_on_its_engine(shop: Inspected) -> None:
    assert shop.element("sqlalchemy_shop.SessionMaker").depends_on == ("sqlalchemy_shop.engine",)
    assert shop.element("sqlalchemy_shop.Reports").depends_on == ("sqlalchemy_shop.reports_engine",)


def test_a_mapped_class_is_a_resource_with_its_columns_as_schema(shop: Inspected) -> None:
    customer = shop.element("sqlalchemy_shop.Customer")
    assert (customer.title, customer.description) == ("Who buys.", "One row a person.")
    assert shop.schema(customer.id) == {
        "type": "object",
        "properties": {
            "email": {"type": "string", "maxLength": 120, "description": "unique"},
            "id": {"type": "integer", "description": "primary key"},
            "name": {"type": ["string", "null"]},
        },
        "required": ["email"],
    }
    assert shop.schema("sqlalchemy_shop.Order")["properties"] == {
        "id": {"type": "integer", "description": "primary key"},
        "customer_id": {"type": "integer", "description": "indexed, references customers.id"},
        "placed": {"type": "string", "format": "date-time"},
        "state": {"type": "string", "enum": ["new", "paid"]},
    }


def test_relationships_and_foreign_keys_are_links_also_in_a_circle(shop: Inspected) -> None:
    assert shop.element("sqlalchemy_shop.Order").depends_on == ("sqlalchemy_shop.Customer",)
    assert shop.element("sqlalchemy_shop.Customer").depends_on == ("sqlalchemy_shop.Order",)
    assert shop.config("sqlalchemy_shop.Customer") == {
        "table": "customers",
        "relationships": {"orders": "sqlalchemy_shop.Order"},
    }


def test_a_model_that_is_not_imported_yet_is_left_out_and_mappers_stay_unconfigured(shop: Inspected) -> None:
    assert shop.config("sqlalchemy_shop.Order")["relationships"] == {"customer": "sqlalchemy_shop.Customer"}


def test_a_class_that_shares_a_table_depends_on_its_base(shop: Inspected) -> None:
    assert shop.element("sqlalchemy_shop.Book").depends_on == ("sqlalchemy_shop.Product",)
    assert shop.element("sqlalchemy_shop.Product").depends_on == ()


def test_a_class_with_a_table_beside_that_of_its_base_has_the_columns_of_both(shop: Inspected) -> None:
    """Each attribute once; what the database computes is not asked for."""
    assert shop.element("sqlalchemy_shop.GiftBox").depends_on == ("sqlalchemy_shop.Product",)
    assert shop.schema("sqlalchemy_shop.GiftBox") == {
        "type": "object",
        "properties": {
            "area": {"type": "integer", "description": "computed"},
            "height": {"type": "integer"},
            "id": {"type": "integer", "description": "primary key, references products.id"},
            "kind": {"type": "string", "maxLength": 20},
            "width": {"type": "integer"},
        },
        "required": ["height", "kind", "width"],
    }


def test_a_table_without_a_class_is_a_resource_too(shop: Inspected) -> None:
    tags = shop.element("sqlalchemy_shop.product_tags")
    assert (tags.title, tags.depends_on) == ("Table product_tags", ("sqlalchemy_shop.Product",))
    assert shop.config("sqlalchemy_shop.stock") == {"table": "old.stock"}


def test_code_that_names_models_sessions_and_engines_depends_on_them(shop: Inspected) -> None:
    assert shop.element("GET /orders").depends_on == ("sqlalchemy_shop.Order", "sqlalchemy_shop.SessionMaker")
    assert shop.element("GET /stock").depends_on == (
        "sqlalchemy_shop.reports_engine",
        "sqlalchemy_shop.stock",
    )
    assert {element.id for element in shop.used_by("sqlalchemy_shop.Reports")} == {"GET /customer"}
