"""The servers that the tests themselves stand on."""

import psycopg
import redis
from django.db import connection

from tests import servers


def test_a_postgresql_server_answers_as_the_superuser_of_its_own_cluster() -> None:
    with psycopg.connect(servers.postgresql()) as session:
        assert session.execute("select current_user, current_setting('server_encoding')").fetchone() == (
            "postgres",
            "UTF8",
        )


def test_a_redis_server_keeps_what_it_is_given(redis_url: str) -> None:
    with redis.from_url(redis_url) as client:
        client.set("accweb:test", "kept")
        assert client.get("accweb:test") == b"kept"
        client.delete("accweb:test")


def test_the_database_of_the_tests_is_not_the_one_that_is_configured(db: None) -> None:
    assert "test" in str(connection.settings_dict["NAME"])
