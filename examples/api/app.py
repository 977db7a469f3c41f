"""The library with devtools in it: two lines."""

from devtools import mount
from examples.api.service import make_app

app = make_app()
mount(app)
