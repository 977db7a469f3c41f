"""How a server starts the Django shop."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "django_shop.settings"

from django.core.asgi import get_asgi_application

app = get_asgi_application()
