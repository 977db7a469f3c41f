"""A shop whose parts talk with blinker."""

from blinker import Namespace, Signal, signal
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

orders = Namespace()
placed = orders.signal("order-placed", doc="An order was placed.")
refunded = orders.signal("order-refunded")
ready = signal("shop-ready")
anonymous = Signal()
app_name = "shop"


@placed.connect
def send_mail(sender: object, **_: object) -> None:
    """Mail the receipt."""


@placed.connect
def index(sender: object, **_: object) -> None:
    refunded.send(sender)


class Audit:
    def log(self, sender: object) -> None:
        """Write down who did what."""


audit = Audit()
ready.connect(audit.log, sender=app_name)


def buy(request: Request) -> JSONResponse:
    placed.send("shop", number=1)
    anonymous.send()
    return JSONResponse({})


app = Starlette(routes=[Route("/buy", buy, methods=["POST"])])
