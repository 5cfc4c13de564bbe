"""JSON files that may be damaged or somebody else's: read with suspicion, and held against a type."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from benchmark.store.files import writing

LARGEST = 2**28  # bytes of a file that is read at all
Read = TypeVar("Read")


class Damaged(ValueError):
    """A file that cannot be trusted: broken, edited, or of another form. The message goes on after the file's name."""


def canonical(content: Mapping[str, Any]) -> bytes:
    """A JSON value in canonical form: sorted keys, no spaces; Damaged where it holds NaN or infinity."""
    try:
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except ValueError as error:
        raise Damaged(f"holds what is no number ({error})") from error


def digest(content: Mapping[str, Any]) -> str:
    """sha256 of a JSON value in canonical form."""
    return hashlib.sha256(canonical(content)).hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; Damaged whatever else is in its place, FileNotFoundError where there is nothing."""
    data = _bytes(path)
    try:
        content = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise Damaged(f"is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise Damaged("is no JSON object")
    return content


def _bytes(path: Path) -> bytes:
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise Damaged("is no file")
        if state.st_size > LARGEST:
            raise Damaged(f"has {state.st_size:,} bytes")
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(f"cannot be read ({error.strerror})") from error


def checked(validate: Callable[[Any], Read], content: Any) -> Read:
    """The content through a validator of pydantic; Damaged says in one line what is of another type."""
    try:
        return validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Damaged(f"has other content than it should ({where}: {first['msg']})") from error


def set_aside(path: Path) -> str:
    """Move a damaged file out of the way of a new one; returns its new name, such as record.damaged.json."""
    endings = ("", *(f"-{number}" for number in range(2, 1000)))
    names = (path.with_name(f"{path.stem}.damaged{ending}{path.suffix}") for ending in endings)
    kept = next(name for name in names if not os.path.lexists(name))
    with writing(kept):
        path.rename(kept)
    return kept.name
