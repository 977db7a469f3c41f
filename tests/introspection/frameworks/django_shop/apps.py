from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Everything of the shop."""

    name = "django_shop"
    verbose_name = "The shop"

    def ready(self) -> None:
        from django_shop import signals  # noqa: F401 - connects the receivers
