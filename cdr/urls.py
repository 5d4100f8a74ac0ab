from django.urls import URLPattern

app_name = "cdr"
urlpatterns: list[URLPattern] = []
