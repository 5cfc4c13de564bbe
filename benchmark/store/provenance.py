"""Where a number comes from: commit, versions, device, threads; short strings, never a path or a name of a person."""

from __future__ import annotations

import functools
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("betterbound", "torch", "numpy", "scipy", "scikit-learn", "lightgbm")


@functools.cache
def code_state() -> dict[str, Any]:
    """Commit and dirty flag of the working copy that runs, None outside of one, and the versions of what computes."""
    commit = _git("rev-parse", "HEAD")
    # results are written by the benchmark itself, they do not make its code dirty
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", ":!results")
    state = {"commit": commit, "dirty": None if commit is None else bool(changes)}
    return {**state, "versions": {"python": platform.python_version(), **_versions()}}


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
