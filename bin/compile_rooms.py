"""Compile the pure rooms of cdr in place with mypyc, or remove what was compiled: bin/compile runs this.

Needs mypy, setuptools where Python has no distutils (3.12 and newer), a C compiler and Python's headers.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GROUP = "accweb"


def main() -> int:
    cdr = _cdr()
    _clean(cdr)
    if sys.argv[1:] == ["--clean"]:
        return 0
    if sys.argv[1:]:
        sys.stderr.write(f"accweb: {sys.argv[1]} is no option; bin/compile takes --clean or nothing\n")
        return 2
    _compile([str(source.relative_to(ROOT)) for source in cdr.sources()])
    cdr.COMPILED_FROM.write_text(cdr.fingerprint())
    return 0


def _cdr() -> ModuleType:
    """Return ``cdr/__init__.py`` as a module that refuses nothing: compiled modules may be out of date."""
    spec = importlib.util.spec_from_file_location("cdr_sources", ROOT / "cdr" / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _clean(cdr: ModuleType) -> None:
    folders = {source.parent for source in cdr.sources()} | {ROOT}
    for module in (
        file for folder in folders for file in folder.iterdir() if file.name.endswith(EXTENSION_SUFFIXES[0])
    ):
        module.unlink()
    cdr.COMPILED_FROM.unlink(missing_ok=True)


def _compile(sources: list[str]) -> None:
    try:
        from setuptools import setup
    except ImportError:
        from distutils.core import setup
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        build = ["--inplace", f"--parallel={os.cpu_count()}", f"--build-temp={folder}/o", f"--build-lib={folder}/lib"]
        setup(name=GROUP, packages=[], ext_modules=_modules(sources, folder), script_args=["-q", "build_ext", *build])


def _modules(sources: list[str], folder: str) -> list[Any]:
    """Translate the sources to C in ``folder``; return the extension modules to be built of it."""
    from mypyc.build import mypycify

    said = io.StringIO()  # of loops that mypyc makes otherwise, too
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            # Without the project's configuration, whose plugin needs Django: the pure rooms do not.
            return mypycify(
                ["--config-file=", f"--cache-dir={folder}/cache", *sources],
                opt_level="2",
                debug_level="0",
                multi_file=True,
                target_dir=f"{folder}/c",
                group_name=GROUP,
            )
    except SystemExit:
        sys.exit(f"{said.getvalue()}accweb: the lines above say why nothing was compiled; plain Python it is")


if __name__ == "__main__":
    sys.exit(main())
