from django.contrib.auth.models import User
from django.db import models


class Tag(models.Model):
    name = models.SlugField(unique=True)


class Product(models.Model):
    """What can be bought."""

    sku = models.CharField(max_length=20, primary_key=True)
    price = models.DecimalField(max_digits=9, decimal_places=2)
    tags = models.ManyToManyField(Tag)


class Book(Product):
    pages = models.PositiveIntegerField(null=True)


class Order(models.Model):
    """What was bought.

    One row an order.
    """

    customer = models.ForeignKey(User, on_delete=models.CASCADE)
    product = models.ForeignKey("Product", null=True, on_delete=models.SET_NULL)
    replaces = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)
    placed = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "orders"
