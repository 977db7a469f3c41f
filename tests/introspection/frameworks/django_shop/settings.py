SECRET_KEY = "hunter2"
ROOT_URLCONF = "django_shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django_shop.apps.ShopConfig"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "PASSWORD": "hunter2",
        "OPTIONS": {"timeout": 5},
    }
}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django_shop.middleware.Timing",
    "django_shop.middleware.with_tenant",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
