"""How a test starts it: once in a process, on this file."""

from typing import Any

import django
from django.conf import settings


def start(file: str) -> Any:
    """The app, its tables empty."""
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["localhost"],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": file}},
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            INSTALLED_APPS=["tests.apps.django_orders"],
            LOGGING_CONFIG=None,
            ROOT_URLCONF="tests.apps.django_orders.urls",
            SECRET_KEY="a key of a test",
            USE_TZ=True,
        )
        django.setup()
    from django.core.asgi import get_asgi_application
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    connection.close()
    return get_asgi_application()
