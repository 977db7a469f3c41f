"""What the shop is made of, written by hand from its source: every element with its kind and its links."""

from devtools.introspection.elements import Element, ElementKind, MiddlewareUse, Route, TagUse

APP = "examples.shop.app"
DATABASE, GATEWAY, MAILER = "shop.database", "shop.payment_gateway", "shop.mailer"
CUSTOMER = "shop.customer"
REFUSE = "examples.shop.routes._refuse.handler:L131"
WRITES, MONEY, SLOW = "shop.writes", "shop.money", "shop.slow"

AROUND_EVERY_REQUEST = (
    MiddlewareUse("examples.shop.middleware.RequestTiming", origin="app"),
    MiddlewareUse("examples.shop.middleware.CustomerIdentification", origin="app"),
)
"""From the outside in."""


def _file(identifier: str) -> str:
    """`examples/shop/cart.py` of `cart.view_cart`."""
    return f"examples/shop/{identifier.partition('.')[0]}.py"


def _tags(identifiers: tuple[str, ...]) -> tuple[TagUse, ...]:
    return tuple(TagUse(identifier) for identifier in identifiers)


def _shop(*names: str) -> tuple[str, ...]:
    """`examples.shop.cart.view_cart` of `cart.view_cart`."""
    return tuple(f"examples.shop.{name}" for name in names)


def route(method: str, path: str, *calls: str, file: str | None = "examples/shop/routes.py") -> Element:
    """A route of the app and the tasks that its function names."""
    return Element(
        id=f"{method} {path}",
        kind=ElementKind.task,
        route=Route(method, path),
        depends_on=_shop(*calls),
        middleware=AROUND_EVERY_REQUEST,
        file_path=file,
        registered_by=APP,
    )


def field(identifier: str, *calls: str) -> Element:
    """A root field of the shop's GraphQL schema and the tasks that its resolver names."""
    return Element(
        id=identifier,
        kind=ElementKind.task,
        depends_on=_shop(*calls),
        file_path="examples/shop/api.py",
        registered_by=APP,
    )


def task(
    name: str,
    depends_on: tuple[str, ...] = (DATABASE,),
    *,
    emits: tuple[str, ...] = (),
    throws: tuple[str, ...] = (),
    contexts: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
) -> Element:
    """A decorated function."""
    return Element(
        id=f"examples.shop.{name}",
        kind=ElementKind.task,
        depends_on=depends_on,
        emits=emits,
        throws=throws,
        contexts=contexts,
        tags=_tags(tags),
        file_path=_file(name),
        registered_by=APP,
    )


def hook(
    name: str,
    event: str,
    *,
    order: int = 0,
    depends_on: tuple[str, ...] = (),
    emits: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
) -> Element:
    """A hook of one event."""
    return Element(
        id=f"examples.shop.{name}",
        kind=ElementKind.hook,
        events=(event,),
        order=order,
        depends_on=depends_on,
        emits=emits,
        tags=_tags(tags),
        file_path=_file(name),
        registered_by=APP,
    )


def resource(
    identifier: str,
    module: str,
    *,
    config: str | None = None,
    health: bool = False,
    init: bool = False,
    provides: tuple[str, ...] = (),
    throws: tuple[str, ...] = (),
) -> Element:
    """A declared resource."""
    return Element(
        id=identifier,
        kind=ElementKind.resource,
        config=config,
        has_health_check=health,
        has_init=init,
        provides=provides,
        throws=throws,
        file_path=_file(module),
        registered_by=APP,
    )


def middleware(name: str, *depends_on: str) -> Element:
    """A class that wraps every request."""
    return Element(
        id=f"examples.shop.middleware.{name}",
        kind=ElementKind.middleware,
        applies_to=ElementKind.task,
        auto_apply=True,
        depends_on=depends_on,
        file_path="examples/shop/middleware.py",
        registered_by=APP,
    )


def event(identifier: str, module: str, *tags: str) -> Element:
    """A declared event."""
    return Element(
        id=identifier, kind=ElementKind.event, tags=_tags(tags), file_path=_file(module), registered_by=APP
    )


def tag(identifier: str, config: str | None = None) -> Element:
    """A declared tag."""
    return Element(
        id=identifier,
        kind=ElementKind.tag,
        config=config,
        file_path="examples/shop/tags.py",
        registered_by=APP,
    )


def error(name: str) -> Element:
    """An exception that the shop declares and answers itself."""
    return Element(
        id=f"examples.shop.{name}",
        kind=ElementKind.error,
        handled=True,
        handlers=(REFUSE,),
        file_path=_file(name),
        registered_by=APP,
    )


ROUTES = (
    route("GET", "/"),
    route("GET", "/products", "catalogue.list_products", "catalogue.search_products"),
    route("GET", "/products/{product_id}", "catalogue.find_product"),
    route("GET", "/cart/", "cart.view_cart"),
    route("POST", "/cart/lines", "cart.add_to_cart"),
    route("DELETE", "/cart/lines", "cart.empty_cart"),
    route("POST", "/checkout", "checkout.place_order", "mailer.mail_receipt"),
    route("GET", "/orders/{order_id:int}", "checkout.find_order"),
    route("WS", "/stock/feed", "stock.list_stock"),
    route("GET", "/graphql", file=None),
    route("POST", "/graphql", file=None),
)

FIELDS = (
    field("Query.products", "catalogue.list_products", "catalogue.search_products"),
    field("Query.order", "checkout.find_order"),
    field("Mutation.addToCart", "cart.add_to_cart"),
)

TASKS = (
    task("catalogue.list_products"),
    task("catalogue.search_products"),
    task("catalogue.find_product"),
    task("cart.view_cart", contexts=(CUSTOMER,)),
    task(
        "cart.add_to_cart",
        (DATABASE, *_shop("cart.view_cart")),
        throws=_shop("cart.UnknownProduct"),
        contexts=(CUSTOMER,),
        tags=(WRITES,),
    ),
    task("cart.empty_cart", contexts=(CUSTOMER,), tags=(WRITES,)),
    task(
        "checkout.place_order",
        (
            DATABASE,
            *_shop("cart.view_cart", "cart.empty_cart", "stock.reserve_stock", "stock.release_stock"),
            *_shop("payment.charge_card"),
        ),
        emits=("shop.order_placed",),
        throws=_shop("checkout.EmptyCart", "stock.OutOfStock", "payment.PaymentDeclined"),
        contexts=(CUSTOMER,),
        tags=(MONEY, WRITES),
    ),
    task("checkout.find_order", contexts=(CUSTOMER,)),
    task("stock.list_stock"),
    task("stock.reserve_stock", throws=_shop("stock.OutOfStock"), tags=(WRITES,)),
    task("stock.release_stock", tags=(WRITES,)),
    task(
        "payment.charge_card",
        (GATEWAY,),
        emits=("shop.payment_captured",),
        throws=_shop("payment.PaymentDeclined"),
        tags=(MONEY, SLOW),
    ),
    task("mailer.mail_receipt", (DATABASE, MAILER), emits=("shop.receipt_sent",), tags=(SLOW, WRITES)),
)

HOOKS = (
    hook(
        "stock.adjust_stock",
        "shop.payment_captured",
        depends_on=(DATABASE,),
        emits=("shop.stock_changed",),
        tags=(WRITES,),
    ),
    hook("stock.publish_change", "shop.stock_changed"),
    hook(
        "stock.restock_when_low",
        "shop.stock_changed",
        order=10,
        depends_on=(DATABASE,),
        emits=("shop.stock_changed",),
        tags=(WRITES,),
    ),
    hook("mailer.write_receipt", "shop.order_placed", depends_on=(DATABASE,), tags=(WRITES,)),
    hook("mailer.log_large_order", "shop.order_placed", order=10),
)

RESOURCES = (
    Element(id=APP, kind=ElementKind.resource, has_init=True),
    resource("examples.shop.routes.lifespan", "routes", init=True),
    resource(DATABASE, "database", config='{"journal_mode":"wal","foreign_keys":true}', health=True),
    resource(
        GATEWAY,
        "payment",
        config='{"limit_cents":150000}',
        health=True,
        init=True,
        throws=_shop("payment.PaymentDeclined"),
    ),
    resource(MAILER, "mailer", config='{"sender":"shop@example.com"}', health=True),
    resource("shop.customers", "customers", provides=(CUSTOMER,)),
)

MIDDLEWARE = (middleware("RequestTiming"), middleware("CustomerIdentification", "shop.customers"))

EVENTS = (
    event("shop.payment_captured", "payment", MONEY),
    event("shop.order_placed", "checkout"),
    event("shop.stock_changed", "stock"),
    event("shop.receipt_sent", "mailer"),
)

TAGS = (tag(WRITES), tag(MONEY, '{"currency":"EUR"}'), tag(SLOW, '{"expected_ms":100}'))

HANDLERS = (
    Element(
        id=REFUSE,
        kind=ElementKind.hook,
        is_private=True,
        visibility_reason="_refuse begins with an underscore",
        file_path="examples/shop/routes.py",
        registered_by=APP,
    ),
)

ERRORS = (
    error("cart.UnknownProduct"),
    error("checkout.EmptyCart"),
    error("stock.OutOfStock"),
    error("payment.PaymentDeclined"),
)

CONTEXTS = (
    Element(
        id=CUSTOMER,
        kind=ElementKind.async_context,
        file_path="examples/shop/customers.py",
        registered_by=APP,
    ),
)

ELEMENTS: dict[str, Element] = {
    element.id: element
    for group in (
        ROUTES,
        FIELDS,
        TASKS,
        HOOKS,
        HANDLERS,
        RESOURCES,
        MIDDLEWARE,
        EVENTS,
        TAGS,
        ERRORS,
        CONTEXTS,
    )
    for element in group
}
