from django.db.models.signals import post_save
from django.dispatch import Signal, receiver
from django_shop.models import Order

order_placed = Signal()


@receiver(post_save, sender=Order)
def index_order(sender, instance, **_):
    """Index the order."""


@receiver(order_placed)
def send_mail(sender, **_): ...
