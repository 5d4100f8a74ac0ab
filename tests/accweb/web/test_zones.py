from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from accweb.web.zones import validate_zone


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_a_name_of_the_database_is_a_time_zone(zone: str) -> None:
    validate_zone(zone)


@pytest.mark.parametrize("zone", ["", "Berlin", "europe/berlin", "UTC+1", "../../etc/passwd", "Europe/Berlin "])
def test_another_name_is_refused_with_an_example(zone: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_zone(zone)
    assert refusal.value.messages == [f"{zone!r} is not a valid time zone; use a name like Europe/Berlin or UTC"]
