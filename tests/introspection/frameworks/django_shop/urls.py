from django.urls import include, path, re_path
from django_shop import views

orders = [
    path("", views.OrderList.as_view(), name="list"),
    path("<int:pk>/", views.OrderPage.as_view(), name="detail"),
]

urlpatterns = [
    path("", views.home, name="home"),
    path("orders/", include((orders, "orders"), namespace="shop")),
    re_path(r"^buy/(?P<sku>[a-z]{2}-(\d+))/?$", views.buy),
    path("lambda/<slug:word>", lambda request, word: None),
]
