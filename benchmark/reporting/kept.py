"""What a report said, kept beside its pages: where nothing has changed since, it is said again and not made anew."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel

from benchmark.store import published
from benchmark.store.documents import Damaged, canonical, checked, digest, read_json
from benchmark.store.files import write_json
from benchmark.store.manifest import FILE as MANIFEST
from benchmark.store.provenance import package_state
from metrics.declared import PACKAGES

FILE = ".report.json"
OURS = ("benchmark", "metrics", "models")
LIBRARIES = ("matplotlib", "numpy", "pandas", "scipy", "scikit-learn", "seaborn", "tabulate")


@dataclass(frozen=True)
class Said:
    """What a report printed."""

    text: str
    exit_code: int
    failed: tuple[str, ...]  # folders of runs that raised


class _Kept(BaseModel, extra="forbid", strict=True):
    """What the file holds beside its digest."""

    said: Said
    made_of: str
    wrote: str


def made_of(folder: Path, shown: object) -> str:
    """A digest of all that a report can depend on: the files of runs, what was asked for, published numbers and code.

    Files of runs by name, size, times and number on the disk, for there are gigabytes of them; all else by content. It
    is taken before they are read, so that what changes meanwhile makes the next report another one.
    """
    files = sorted(_files(folder / "runs"))
    asked = (folder / MANIFEST).read_bytes() if (folder / MANIFEST).is_file() else b""
    return _digest(str(folder), shown, files, asked, published.state(), _code(tuple(PACKAGES)))


def kept(folder: Path, made: str) -> Said | None:
    """What the report on the folder said last, if it was made of the same, and its pages are as it wrote them."""
    try:
        content = read_json(folder / FILE)
        stated = content.pop("digest", None)
        found = checked(_Kept.model_validate_json, canonical(content))
    except (FileNotFoundError, Damaged):
        return None
    same = stated == digest(content) and found.made_of == made and found.wrote == _pages(folder)
    return found.said if same else None


def keep(folder: Path, said: Said, made: str) -> None:
    """Keep what was said, after everything is written; the folder's lock must be held."""
    content = _Kept(said=said, made_of=made, wrote=_pages(folder)).model_dump(mode="json")
    write_json(folder / FILE, {**content, "digest": digest(content)})


def _pages(folder: Path) -> str:
    """A digest of the files directly in the folder, but for what was asked for, which each sweep writes anew."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if _counts(entry) and entry.name != MANIFEST)
    return _digest([(name, _content(folder / name)) for name in names])


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path | str) -> Iterator[tuple[str, list[tuple[str, int, int, int, int]]]]:
    """Each folder below with its files."""
    try:
        entries = list(os.scandir(folder))
    except OSError:  # there is none, or none that can be read: whoever reads it says so
        return
    yield str(folder), sorted(_state(entry) for entry in entries if _counts(entry))
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)


def _counts(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.is_file()


def _state(entry: os.DirEntry[str]) -> tuple[str, int, int, int, int]:
    of = entry.stat()
    return entry.name, of.st_size, of.st_mtime_ns, of.st_ctime_ns, of.st_ino


@cache
def _code(modules: tuple[str, ...]) -> str:
    """A digest of our code, of the user's packages whose scores are declared, and of the versions of what draws."""
    names = sorted({*OURS, *(module.partition(".")[0] for module in modules)})
    return _digest([package_state(name) for name in names], [version(name) for name in LIBRARIES])


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
