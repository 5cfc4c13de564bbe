"""Where a number comes from: commit, versions, device, threads; short strings, never a path or a name of a person."""

from __future__ import annotations

import functools
import hashlib
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGES = ("betterbound", "torch", "numpy", "scipy", "scikit-learn", "lightgbm")
SOURCES = (".py", ".so", ".pyd")
STARTED = time.time()  # of this process, as good as: commands and workers import this before they do anything


@functools.cache
def code_state(packages: Sequence[str] = ()) -> dict[str, Any]:
    """Commit and dirty flag of the working copy that runs, None outside of one, the versions of what computes, and
    what is known of `packages` of the user's, where there are any."""
    commit = _git("rev-parse", "HEAD")
    # results are written by the benchmark itself, they do not make its code dirty
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", ":!results")
    state = {"commit": commit, "dirty": None if commit is None else bool(changes)}
    of_packages = {"packages": {name: package_state(name) for name in packages}} if packages else {}
    return {**state, "versions": {"python": platform.python_version(), **_versions()}, **of_packages}


@functools.cache
def package_state(name: str) -> dict[str, str]:
    """The version of a package, "unknown" where nothing says it, and the sha256 of what Python imports of it.

    Hashed are the relative names, in order, and the contents of its .py files and compiled modules.
    """
    spec = find_spec(name)
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SOURCES) if folder.name else ():
        content = path.read_bytes()
        found.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        found.update(content)
    return {"version": _version_of(name), "sha256": found.hexdigest()}


def _version_of(package: str) -> str:
    """Of the distribution that an import name belongs to."""
    named = [entry.dist for entry in entry_points(group="betterbound") if entry.value.partition(":")[0] == package]
    for distribution in filter(None, named):
        return distribution.version
    for name in (package, *_distributions().get(package, ())):
        with suppress(PackageNotFoundError):
            return version(name)
    return "unknown"


@functools.cache
def _distributions() -> Mapping[str, Sequence[str]]:
    """The distributions that each import name belongs to, for which all that is installed is looked through."""
    return packages_distributions()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def _git(*arguments: str) -> str | None:
    folder = Path(__file__).parent.parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
