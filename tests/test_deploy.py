"""The units and the compose file: how much an intruder in one of accweb's processes could reach."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import redis
import yaml

from tests import servers
from tests.conftest import ROOT

UNITS = sorted((ROOT / "deploy").glob("*.service"))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = ("migrate", "web", "collect", "worker", "beat")
MOST_EXPOSED = 2.5
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_exposes_little_of_the_machine(unit: Path) -> None:
    command = [servers.program("systemd-analyze", "systemd"), "security", "--offline=true", "--no-pager", str(unit)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", told.stdout)
    assert level, told.stderr
    assert float(level[1]) <= MOST_EXPOSED


def test_all_units_have_the_same_sandbox() -> None:
    def sandbox(unit: Path) -> str:
        return unit.read_text().partition("# The sandbox")[2]

    assert len(UNITS) == 5
    assert sandbox(UNITS[0])
    assert len({sandbox(unit) for unit in UNITS}) == 1


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_can_write_to_its_data_alone_and_has_no_capabilities(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == ["data:/var/lib/accweb"]


def test_the_broker_of_the_compose_file_asks_for_the_password(tmp_path: Path) -> None:
    broker = COMPOSE["services"]["broker"]
    assert COMPOSE["services"]["worker"]["environment"]["REDIS_URL"].startswith("redis://:${REDIS_PASSWORD:?}@")
    program = servers._redis_program()
    (tmp_path / "redis-server").symlink_to(program)
    command = [part.replace("$$", "$") for part in broker["command"]]
    # The test needs a socket and not the port.
    command[-1] = command[-1].replace('save \\"', f'port 0\\nunixsocket {tmp_path}/redis\\nsave \\"')
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "REDIS_PASSWORD": "correcthorse7"}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(tmp_path / "redis", server)
            with (
                redis.Redis(unix_socket_path=f"{tmp_path}/redis") as stranger,
                pytest.raises(redis.AuthenticationError),
            ):
                stranger.ping()
            with redis.Redis(unix_socket_path=f"{tmp_path}/redis", password="correcthorse7") as ours:
                assert ours.ping()
                assert ours.config_get("save") == {"save": ""}
            assert b"correcthorse7" not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
        finally:
            server.kill()


def wait_for(socket: Path, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + servers.PATIENCE
    while not socket.exists():
        assert server.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a docker that knows every image."""
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    (tmp_path / "docker").write_text(f'#!/bin/sh\n[ "$4" != unknown ] && echo {DIGEST}\n')
    (tmp_path / "docker").chmod(0o755)
    return tmp_path


def pin_images(checkout: Path, *images: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{checkout}:{os.environ['PATH']}"}
    command = [str(checkout / "bin/pin-images"), *images]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_images_are_pinned_by_their_digests_beside_what_else_the_file_sets(checkout: Path) -> None:
    (checkout / ".env").write_text("SECRET_KEY=x\nREDIS_IMAGE=redis:6@sha256:old\n")
    assert pin_images(checkout).returncode == 0
    assert (checkout / ".env").read_text().splitlines() == [
        "SECRET_KEY=x",
        f"PYTHON_IMAGE=python:3.11-slim@{DIGEST}",
        f"POSTGRES_IMAGE=postgres:16@{DIGEST}",
        f"REDIS_IMAGE=redis:7@{DIGEST}",
    ]
    assert (checkout / ".env").stat().st_mode & 0o777 == 0o600


def test_an_image_that_is_not_to_be_had_is_named_and_not_pinned(checkout: Path) -> None:
    ended = pin_images(checkout, "python:3.11-slim", "unknown")
    assert (ended.returncode, "unknown could not be looked up" in ended.stderr) == (1, True)
    assert "POSTGRES_IMAGE" not in (checkout / ".env").read_text()


def test_each_image_can_be_pinned() -> None:
    variables = re.findall(r"^pin (\w+)", (ROOT / "bin/pin-images").read_text(), re.MULTILINE)
    compose = (ROOT / "compose.yaml").read_text()
    assert [name for name in variables if f"${{{name}:-" not in compose] == []
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(bases) == {"${PYTHON_IMAGE}"}
