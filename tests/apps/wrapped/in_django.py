"""Django, whose ASGI app has neither a lifespan nor WebSockets: without channels it raises for both."""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from tests.apps.wrapped import wrapped


async def hello(request, name):
    return HttpResponse(f"hello {name}", content_type="text/plain")


def broken(request):
    raise RuntimeError("it is broken")


async def stream(request):
    async def parts():
        yield b"one"
        yield b"two"

    return StreamingHttpResponse(parts(), content_type="text/plain")


urlpatterns = [path("hello/<str:name>", hello), path("broken", broken), path("stream", stream)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", USE_TZ=True, DEBUG=False)
django.setup()
app = wrapped(get_asgi_application())
