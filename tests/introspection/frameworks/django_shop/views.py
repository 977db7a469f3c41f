from django.db.models.signals import post_delete
from django.dispatch import Signal, receiver
from django.http import HttpResponse, JsonResponse
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from django.views.generic import ListView
from django_shop.models import Order, Product
from django_shop.signals import order_placed


def home(request):
    """The first page."""
    return HttpResponse()


@csrf_exempt
@require_http_methods(["GET", "POST"])
def buy(request, sku):
    """Buy something."""
    order = Order.objects.create(product=Product.objects.get(sku=sku))
    order_placed.send(sender=Order, order=order)
    return JsonResponse({})


class OrderList(ListView):
    """Every order."""

    model = Order


class OrderPage(View):
    """One order."""

    def get(self, request, pk):
        """Show the order."""
        return HttpResponse()

    def delete(self, request, pk):
        from django_shop.models import Book

        Book.objects.all()
        return HttpResponse()


order_forgotten = Signal()


@receiver(post_delete, sender=Order)
def forget_order(sender, **_):
    """Tell others, from a module that only the URLconf imports."""
    order_forgotten.send(sender=sender)


@receiver(order_forgotten)
def count_forgotten(sender, **_): ...
