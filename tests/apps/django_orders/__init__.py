"""Orders on Django: models, and requests that use them well and badly. `asgi.start` sets it up in this process."""
