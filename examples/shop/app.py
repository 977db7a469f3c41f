"""The shop with devtools in it."""

import os

from devtools import mount
from examples.shop.routes import make_app

app = make_app()

devtools = mount(
    app,
    database=os.environ.get("SHOP_DEVTOOLS_DATABASE", "sqlite:///.devtools/shop.db") or None,
    log_level="info",
)
