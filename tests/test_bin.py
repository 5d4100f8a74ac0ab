"""The scripts of ``bin`` on machines that lack something: one line that says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

TOOLS = ("sh", "dirname", "cat", "cksum", "rm", "mktemp")
FAKE_PYTHON = """#!/bin/sh
case "$*" in
    *print*) echo {version} ;;
    *sys.exit*) exit {too_old} ;;
    *ensurepip*) exit {no_venv} ;;
    *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *pip*) echo "pip $*" >>pip-calls; exit {pip_status} ;;
    *) echo "python $*" ;;
esac
"""


class Machine:
    """A checkout's scripts, and a PATH on which there is little."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir()
        shutil.copytree(ROOT / "bin", folder / "bin")
        for name in ("requirements.txt", "requirements-dev.txt"):
            (folder / name).write_text("something==1.0\n")
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self.programs / tool).symlink_to(found)
        self.add("id", "#!/bin/sh\necho 1000\n")
        for tool in ("mkdir", "cp"):
            (self.programs / tool).symlink_to(str(shutil.which(tool)))

    def add(self, name: str, script: str) -> None:
        (self.programs / name).write_text(script)
        (self.programs / name).chmod(0o755)

    def add_python(self, version: str, *, too_old: int = 0, no_venv: int = 0, pip_status: int = 0) -> None:
        script = FAKE_PYTHON.format(version=version, too_old=too_old, no_venv=no_venv, pip_status=pip_status)
        self.add("python3", script)

    def run(self, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "bin" / name],
            env={"PATH": str(self.programs), **environment},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _one_line(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 1
    assert ended.stderr.startswith("accweb: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr


@pytest.mark.parametrize("script", ["run", "test", "check"])
def test_without_python_one_line_says_what_to_install(script: str, machine: Machine) -> None:
    assert "Python 3.11 or newer is needed; install it (Debian: apt install python3" in _one_line(machine.run(script))


def test_a_python_that_is_too_old_is_named(machine: Machine) -> None:
    machine.add_python("3.9", too_old=1)
    assert "Python 3.11 or newer is needed and only 3.9 is here" in _one_line(machine.run("run"))


def test_a_python_without_its_venv_module_is_named_with_the_package_to_install(machine: Machine) -> None:
    machine.add_python("3.12", no_venv=1)
    assert "without its venv module; install it (Debian: apt install python3.12-venv)" in _one_line(machine.run("run"))


def test_a_newer_python_beside_an_old_one_is_found(machine: Machine) -> None:
    machine.add_python("3.9", too_old=1)
    machine.add("python3.13", FAKE_PYTHON.format(version="3.13", too_old=0, no_venv=0, pip_status=0))
    ended = machine.run("run", PORT="8001")
    assert ended.returncode == 0
    assert "making .venv with python3.13" in ended.stderr


def test_packages_that_cannot_be_installed_are_told(machine: Machine) -> None:
    machine.add_python("3.11", pip_status=1)
    ended = machine.run("run")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("accweb: requirements.txt could not be installed")


def test_packages_are_installed_again_only_when_the_list_has_changed(machine: Machine) -> None:
    machine.add_python("3.11")
    assert machine.run("run").returncode == 0
    assert machine.run("run").returncode == 0
    assert len((machine.folder / "pip-calls").read_text().splitlines()) == 1
    (machine.folder / "requirements.txt").write_text("something==2.0\n")
    assert machine.run("run").returncode == 0
    assert len((machine.folder / "pip-calls").read_text().splitlines()) == 2


def test_the_application_starts_with_the_demo_and_the_options_given(machine: Machine) -> None:
    machine.add_python("3.11")
    assert machine.run("run").stdout == "python manage.py up --demo\n"


def test_without_chromium_one_line_says_what_to_install(machine: Machine) -> None:
    machine.add_python("3.11")
    ended = machine.run("test")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "accweb: the browser tests need chromium, which is missing; install it (Debian: apt install chromium)"
    )


def test_as_root_on_debian_what_is_missing_is_installed_and_said(machine: Machine) -> None:
    machine.add("id", "#!/bin/sh\necho 0\n")
    python = FAKE_PYTHON.format(version="3.11", too_old=0, no_venv=0, pip_status=0).replace("$", "\\$")
    install = f'case "$*" in *install*) cat >"{machine.programs}/python3" <<END\n{python}END\n'
    chmod = shutil.which("chmod")
    machine.add("apt-get", f'#!/bin/sh\n{install}{chmod} +x "{machine.programs}/python3" ;; esac\n')
    ended = machine.run("run")
    assert "accweb: installing with apt-get: python3 python3-venv" in ended.stderr
    assert ended.returncode == 0


def test_the_scripts_are_executable() -> None:
    for name in ("bin/run", "bin/test", "bin/check", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK)
