class Timing:
    """Say how long an answer took."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


def with_tenant(get_response):
    """Find the tenant."""

    def middleware(request):
        return get_response(request)

    return middleware
