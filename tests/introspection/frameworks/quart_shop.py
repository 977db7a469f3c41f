"""A shop on Quart: async views, WebSockets, hooks around serving."""

from quart import Blueprint, Quart, websocket

app = Quart(__name__)
api = Blueprint("api", __name__, url_prefix="/api")


@app.before_serving
async def connect():
    """Connect to the database."""


@app.after_serving
async def disconnect(): ...


@api.get("/orders/<int:id>")
async def show_order(id: int):
    """Show the order."""
    return {}


@api.websocket("/feed")
async def feed():
    """News as they come."""
    await websocket.send("")


@api.before_websocket
async def greet(): ...


@app.errorhandler(ValueError)
async def bad_value(error):
    return "", 400


app.register_blueprint(api)
