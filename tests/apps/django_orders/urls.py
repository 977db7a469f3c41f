"""The views and where they are."""

from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.apps.django_orders.models import Customer, Order


def orders(_: HttpRequest) -> HttpResponse:
    """Two statements, in the thread of a sync view."""
    found = list(Order.objects.select_related("customer"))
    Customer.objects.count()
    return HttpResponse(str(len(found)))


def report(_: HttpRequest) -> HttpResponse:
    """Names no model."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM django_orders_customer WHERE email = 'ada@example.com' -- by hand"
        )
    return HttpResponse("report")


def sign_up(_: HttpRequest) -> HttpResponse:
    """Fails the second time."""
    Customer.objects.create(email="ada@example.com")
    return HttpResponse("signed up")


def sign_up_once(_: HttpRequest) -> HttpResponse:
    """Catches it."""
    try:
        return sign_up(_)
    except IntegrityError:
        return HttpResponse("known", status=409)


def fill(_: HttpRequest) -> HttpResponse:
    """Many rows by one `executemany`, in a transaction that is undone to a savepoint."""
    with transaction.atomic():
        point = transaction.savepoint()
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO django_orders_customer (email) VALUES (%s)",
                [(f"{number}@example.com",) for number in range(100)],
            )
        transaction.savepoint_rollback(point)
    return HttpResponse("filled")


async def asynchronous(_: HttpRequest) -> HttpResponse:
    """In an async view."""
    return HttpResponse(str(await Order.objects.acount()))


urlpatterns = [
    path(view.__name__.replace("_", "-"), view)
    for view in (orders, report, sign_up, sign_up_once, fill, asynchronous)
]
