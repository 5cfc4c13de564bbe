"""JSON files that may be damaged or somebody else's: read with suspicion, and held against a type."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from benchmark.store.files import writing

LARGEST = 2**28  # bytes of a file that is read at all
WIDE = 240  # characters of a part that stays on one line, such as a score
BREAK = re.compile(rb"\n *")
SEAL = b',"digest":"%b"}'
SEALED = len(SEAL % bytes(64))
Read = TypeVar("Read")


class Damaged(ValueError):
    """A file that cannot be trusted: broken, edited, or of another form. The message goes on after the file's name."""


def canonical(content: Any) -> bytes:
    """A JSON value in canonical form: sorted keys, no spaces; Damaged where it holds NaN or infinity."""
    try:
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except ValueError as error:
        raise Damaged(f"holds what is no number ({error})") from error


def digest(content: Mapping[str, Any]) -> str:
    """sha256 of a JSON value in canonical form."""
    return _sha256(canonical(content))


def sealed(content: Mapping[str, Any]) -> str:
    """A JSON object, not an empty one, with the digest of its content: the canonical form with line breaks in it."""
    return f'{_laid_out(content)[:-1].rstrip()},\n "digest":"{digest(content)}"\n}}\n'


def unsealed(data: bytes) -> bytes | None:
    """The canonical form of a sealed content, found right without being read; None of any other text."""
    text = BREAK.sub(b"", data)
    content = text[:-SEALED] + b"}"
    return content if text[-SEALED:] == SEAL % _sha256(content).encode() else None


def verified(data: bytes) -> bytes:
    """The canonical form of a JSON object that states its own `digest`, however it is laid out; Damaged where that is
    another's."""
    if (text := unsealed(data)) is not None:
        return text
    content = parsed(data)
    stated = content.pop("digest", None)
    text = canonical(content)
    if _sha256(text) != stated:
        raise Damaged("was changed after it was written (its digest does not match)")
    return text


def _laid_out(value: Any, depth: int = 0) -> str:
    """The canonical form, broken into lines where it is long: no string holds a BREAK, so it can be undone."""
    text = canonical(value).decode()
    if len(text) <= WIDE or not isinstance(value, list | dict):
        return text
    start = "\n" + " " * (depth + 1)
    if isinstance(value, list):
        parts = [_laid_out(part, depth + 1) for part in value]
    else:
        parts = [f"{json.dumps(key)}:{_laid_out(value[key], depth + 1)}" for key in sorted(value)]
    return text[0] + ",".join(start + part for part in parts) + start[:-1] + text[-1]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; Damaged whatever else is in its place, FileNotFoundError where there is nothing."""
    return parsed(contents(path))


def parsed(data: bytes) -> dict[str, Any]:
    """The JSON object in the bytes of a file; Damaged whatever else they are."""
    try:
        content = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise Damaged(f"is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise Damaged("is no JSON object")
    return content


def contents(path: Path) -> bytes:
    """The bytes of a file; Damaged where it is none or cannot be read, FileNotFoundError where there is nothing."""
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


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for garbage while many objects come into being that stay: each would look through all before it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def set_aside(path: Path) -> str:
    """Move a damaged file out of the way of a new one; returns its new name, such as record.damaged.json."""
    endings = ("", *(f"-{number}" for number in range(2, 1000)))
    names = (path.with_name(f"{path.stem}.damaged{ending}{path.suffix}") for ending in endings)
    kept = next(name for name in names if not os.path.lexists(name))
    with writing(kept):
        path.rename(kept)
    return kept.name
