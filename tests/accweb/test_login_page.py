from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db

LOGIN = {"username": "ann", "password": "right"}


def test_a_refused_login_is_said_once(client: Client) -> None:
    html = client.post(reverse("admin:login"), LOGIN).content.decode()
    assert html.count("Please enter the correct username and password") == 1
    assert html.count("errornote") == 1


def test_a_login_leads_to_the_start(client: Client) -> None:
    User.objects.create_user(**LOGIN, is_staff=True)
    assert 'name="password"' in client.get(reverse("admin:login")).content.decode()
    response = client.post(reverse("admin:login"), LOGIN)
    assert (response.status_code, response["Location"]) == (302, reverse("cdr:start"))
