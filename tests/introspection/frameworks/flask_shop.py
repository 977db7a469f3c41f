"""A shop on Flask: nested blueprints, class-based views, hooks, error handlers, an extension, WSGI middleware."""

import functools

from flask import Blueprint, Flask, jsonify
from flask.views import MethodView, View
from werkzeug.exceptions import NotFound
from werkzeug.middleware.proxy_fix import ProxyFix


class Cache:
    """An extension that keeps answers."""

    def __init__(self, token: str = "hunter2") -> None:
        self.token = token

    def init_app(self, app: Flask) -> None:
        app.extensions["cache"] = self

    def get(self, key: str) -> str | None:
        return None


class OutOfStock(Exception):
    """There is not enough of it."""


app = Flask(__name__)
app.config["SECRET_KEY"] = "hunter2"
cache = Cache()
cache.init_app(app)

admin = Blueprint("admin", __name__, url_prefix="/admin")
users = Blueprint("users", __name__, url_prefix="/users")


def logged(view):
    @functools.wraps(view)
    def inner(*arguments, **keywords):
        return view(*arguments, **keywords)

    return inner


@app.route("/")
def home():
    """The first page."""
    return "home"


@app.route("/cart/<int:id>", methods=["GET", "PUT", "OPTIONS"])
@app.route("/basket/<int:id>")
@logged
def show_cart(id: int):
    """Show the cart.

    With every line of it.
    """
    if cache.get(str(id)) is None:
        raise OutOfStock
    return jsonify({})


class Orders(MethodView):
    """Orders of a customer."""

    def get(self, number):
        """Show the order."""
        return ""

    def delete(self, number):
        raise OutOfStock("none")


class Page(View):
    """A page of text."""

    def dispatch_request(self, name: str):
        return name


app.add_url_rule("/orders/<uuid:number>", view_func=Orders.as_view("orders"))
app.add_url_rule("/pages/<path:name>", view_func=Page.as_view("page"))
app.add_url_rule("/lambda", endpoint="lambda", view_func=lambda: "")
app.add_url_rule("/partial", endpoint="partial", view_func=functools.partial(home))


@users.get("/<name>")
def show_user(name: str):
    return name


@users.before_request
def must_be_admin():
    """Only for admins."""


@admin.errorhandler(KeyError)
def missing_key(error):
    return "", 400


@app.before_request
def open_connection(): ...


@app.before_request
def count(): ...


@app.after_request
def add_header(response):
    return response


@app.after_request
def first_of_all(response):
    return response


@app.teardown_appcontext
def close_connection(error): ...


@app.errorhandler(OutOfStock)
def out_of_stock(error):
    """Say that there is none."""
    return "", 409


@app.errorhandler(404)
def not_found(error: NotFound):
    return "", 404


admin.register_blueprint(users)
app.register_blueprint(admin)
app.wsgi_app = ProxyFix(app.wsgi_app)
