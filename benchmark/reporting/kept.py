"""What a report said, kept beside its pages: where nothing has changed since, it is said again and not made anew."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel

from benchmark.store import published
from benchmark.store.documents import Damaged, canonical, checked, contents, read_json, sealed, verified
from benchmark.store.files import write_text
from benchmark.store.manifest import FILE as MANIFEST
from benchmark.store.provenance import STARTED, package_state
from metrics.declared import PACKAGES

FILE = ".report.json"
State: TypeAlias = tuple[str | int, ...]  # name, size, times and number of a file
OURS = ("benchmark", "metrics", "models")
LIBRARIES = ("matplotlib", "numpy", "pandas", "pillow", "scipy", "scikit-learn", "seaborn", "tabulate")


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
    files = sorted(_files(folder / "runs", set()))
    return _digest(str(folder), shown, files, _asked(folder), published.state(), _code(tuple(PACKAGES)))


def kept(folder: Path, made: str) -> Said | None:
    """What the report on the folder said last, if it was made of the same, and its pages are as it wrote them."""
    try:
        found = checked(_Kept.model_validate_json, verified(contents(folder / FILE)))
        same = found.made_of == made and found.wrote == _pages(folder)
    except (OSError, Damaged):  # also of a page that somebody else is at
        return None
    return found.said if same else None


def keep(folder: Path, said: Said, made: str) -> None:
    """Keep what was said, after everything is written; the folder's lock must be held.

    Not where code is newer than this process, which then may have run what it was before.
    """
    if _newest() > STARTED:
        return
    found = _Kept(said=said, made_of=made, wrote=_pages(folder))
    write_text(folder / FILE, sealed(found.model_dump(mode="json")))


def _pages(folder: Path) -> str:
    """A digest of the files directly in the folder, but for what was asked for, which each sweep writes anew."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if _counts(entry) and entry.name != MANIFEST)
    return _digest([(name, _content(folder / name)) for name in names])


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _asked(folder: Path) -> str:
    try:
        return canonical(read_json(folder / MANIFEST)).decode()
    except (FileNotFoundError, Damaged) as error:
        return type(error).__name__ + str(error)


def _files(folder: Path | str, above: Set[tuple[int, int]]) -> Iterator[tuple[str, list[State]]]:
    """Each folder below with its files, links followed but to a folder that it is in."""
    try:
        of = os.stat(folder)
        entries = list(os.scandir(folder))
    except OSError as error:  # there is none, or none that can be read: whoever reads it says so
        yield str(folder), [(error.errno or 0,)]
        return
    here = (of.st_dev, of.st_ino)
    if here in above:
        return
    yield str(folder), sorted(_state(entry) for entry in entries if _counts(entry))
    for entry in entries:
        if _is(entry.is_dir):
            yield from _files(entry.path, above | {here})


def _counts(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and _is(entry.is_file)


def _is(kind: Callable[[], bool]) -> bool:
    """Whether an entry is of that kind; not if nobody can tell, as of a link to itself."""
    try:
        return kind()
    except OSError:
        return False


def _state(entry: os.DirEntry[str]) -> State:
    try:
        of = entry.stat()
    except OSError:  # gone since it was listed
        return (entry.name,)
    return entry.name, of.st_size, of.st_mtime_ns, of.st_ctime_ns, of.st_ino


@cache
def _code(modules: tuple[str, ...]) -> str:
    """A digest of our code, of that whose scores are declared, and of the versions of what computes and draws."""
    own = [(module, _content(path)) for module in modules if (path := _source(module)) is not None]
    versions = [sys.version, *(version(name) for name in LIBRARIES)]
    return _digest([package_state(name) for name in _packages(modules)], own, versions)


def _packages(modules: Sequence[str]) -> list[str]:
    """Ours, and those that the modules are of."""
    return sorted({*OURS, *(module.partition(".")[0] for module in modules)})


def _source(module: str) -> Path | None:
    spec = find_spec(module)
    return Path(spec.origin) if spec is not None and spec.origin else None


def _newest() -> float:
    """When a source file of what `_code` is a digest of was last changed."""
    names = (*_packages(PACKAGES), *PACKAGES)
    folders = {path.parent for name in names if (path := _source(name)) is not None}
    return max(path.stat().st_mtime for folder in folders for path in folder.rglob("*.py"))


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()
