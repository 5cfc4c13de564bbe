"""Files on disk, each written whole or not at all: readers see the old one or the new one, whoever is killed when."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

TEMPORARY = ".tmp"  # how files end that are still being written; their names begin with a dot
FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)


class Unwritable(OSError):
    """A file that the disk does not take; the one line of its message names the file and what to do."""

    def __str__(self) -> str:
        remedy = "make room there, or name another folder with results_dir=<folder>"
        return f"cannot write {self.filename}: {self.strerror}; {remedy}"

    @property
    def forbidden(self) -> bool:
        """True for a read-only folder, which can still be read; false for a full disk."""
        return self.errno in FORBIDDEN


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what goes wrong in writing `path` into Unwritable."""
    try:
        yield
    except Unwritable:
        raise
    except OSError as error:
        raise Unwritable(error.errno, error.strerror or str(error), str(path)) from error


def outcome(write: Callable[[], Any], done: str) -> str:
    """Write, and the line that says so: `done`, or that the folder is read-only, which ends no command."""
    try:
        write()
    except Unwritable as error:
        if not error.forbidden:
            raise
        return f"note: nothing is written: {error.filename}: {error.strerror}"
    return done


def write_atomically(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a temporary file beside `path`, flush it to disk, rename it; Unwritable where the disk refuses."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(PermissionError):  # some network disks have modes of their own
                os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file atomically; NaN and infinity are refused, for JSON has neither."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def remove(path: Path) -> None:
    """Delete a file that no longer applies, if it is there."""
    with writing(path):
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Delete what killed writers left half-written in a folder, whose lock must be held: a living one has files too."""
    for path in folder.glob(f".*{TEMPORARY}"):
        with contextlib.suppress(OSError):
            path.unlink()
