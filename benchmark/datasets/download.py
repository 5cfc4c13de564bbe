"""Verified downloads: resumed where they stopped, known by a sha256 or, where none is published, an md5."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Sequence
from http.client import HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, cast
from urllib.error import HTTPError, URLError

from tqdm import tqdm

from benchmark.datasets.cache import CacheError, locked, writing
from benchmark.datasets.transport import check_url, connect

ATTEMPTS = 4
BLOCK = 1 << 16


class Checksum(NamedTuple):
    """What a file must contain."""

    value: str  # hexadecimal
    # git: sha1 of what git calls the file, its size and content; as md5 it tells accidents, not malice: only where no
    # sha256 is known
    algorithm: Literal["sha256", "md5", "git"] = "sha256"
    unpacked: bool = True  # of what a .gz decompresses to, so that any compression will do; else of the bytes as sent


class _UnusableError(Exception):
    """This mirror does not have what we want."""


def download(
    urls: Sequence[str],
    target: Path,
    *,
    checksum: Checksum,
    size_limit: int,
    by_hand: str,
    timeout: float = 20.0,
    allow_loopback_http: bool = False,
) -> Path:
    """The file at target, from the first mirror that has it and sends it fast enough (see transport.SLOWEST).

    Whatever else a server does wrong, the next one is asked; what came stays beside the target, to be continued.
    `size_limit` bounds the bytes sent and the bytes decompressed; `by_hand` tells the user where else to put the file.
    """
    for url in urls:
        check_url(url, allow_loopback_http)
    if holds(target, checksum, size_limit):
        return target
    with writing(target.parent), locked(target):
        if holds(target, checksum, size_limit):  # another process may have fetched it while we waited
            return target
        part = target.with_name(f"{target.name}.part")
        failures = []
        for url in urls:
            try:
                _fetch_verified(url, part, target.suffix, checksum, size_limit, timeout, allow_loopback_http)
            except CacheError:  # our own disk, not the mirror
                raise
            except (_UnusableError, OSError, HTTPException, ValueError) as error:
                failures.append(f"{url} ({_reason(error)})")
            else:
                os.replace(part, target)
                return target
    raise ValueError(f"cannot download {target.name}: tried {', '.join(failures)}; {by_hand}")


def _fetch_verified(
    url: str, part: Path, suffix: str, checksum: Checksum, size_limit: int, timeout: float, allow_http: bool
) -> None:
    """Fills part until it has the right content; what a broken connection left is continued, wrong content is not."""
    problem = ""
    for _ in range(ATTEMPTS):
        fresh = _size(part) == 0
        complete = _fetch(url, part, size_limit, timeout, allow_http)
        if holds(part, checksum, size_limit, suffix):
            return
        if not complete:
            problem = "the connection ended early"
            continue
        _discard(part)
        problem = "it has other content than the published file"
        if fresh:
            break
    raise _UnusableError(problem)


def _fetch(url: str, part: Path, size_limit: int, timeout: float, allow_http: bool) -> bool:
    """Continues part with what the server sends, or restarts it; whether all of it came."""
    start = _size(part)
    try:
        response = connect(url, start, size_limit, timeout, allow_http)
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:  # nothing beyond what we have: it is complete, or too long
            return True
        raise
    with response:
        resumed = response.status == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            _discard(part)
            raise _UnusableError("it answered with another range than asked for")
        start = start if resumed else 0
        length = _length(response)
        return _save(response, part, start, None if length is None else start + length, size_limit)


def _length(response: HTTPResponse) -> int | None:
    text = response.headers.get("Content-Length")
    if text is None or response.chunked:
        return None
    if not re.fullmatch("[0-9]{1,18}", text):
        raise _UnusableError(f"it states the length {text[:20]!r}")
    return int(text)


def _save(response: HTTPResponse, part: Path, start: int, expected: int | None, size_limit: int) -> bool:
    size = start
    with (
        _open(part, "ab" if start else "wb") as file,
        tqdm(total=expected, initial=start, desc=part.stem, unit="B", unit_scale=True, disable=None) as bar,
    ):
        if max(start, expected or 0) > size_limit:
            file.truncate(0)
            raise _UnusableError(f"{expected} bytes are more than the limit of {size_limit}")
        while block := _next(response):
            size += len(block)
            if size > size_limit:
                file.truncate(0)
                raise _UnusableError(f"it sends more than the limit of {size_limit} bytes")
            with writing(part.parent):
                file.write(block)
            bar.update(len(block))
    return size == expected if expected is not None else block is not None


def _next(response: HTTPResponse) -> bytes | None:
    """What has come, b"" at the end, None where the connection broke or a chunk is none."""
    try:
        return response.read1(BLOCK)
    except IncompleteRead:
        return None


def _open(part: Path, mode: str) -> BinaryIO:
    with writing(part.parent):
        return cast(BinaryIO, part.open(mode))


def holds(path: Path, checksum: Checksum, size_limit: int, suffix: str | None = None) -> bool:
    """Whether the file has that content, `suffix` standing for the name it will have."""
    digest, size = _digest(path, checksum.algorithm), 0
    packed = checksum.unpacked and (path.suffix if suffix is None else suffix) == ".gz"
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            while block := file.read(BLOCK):
                size += len(block)
                if size > size_limit:
                    return False
                digest.update(block)
    except (OSError, EOFError, zlib.error):
        return False
    return digest.hexdigest() == checksum.value


def _digest(path: Path, algorithm: str) -> Any:
    if algorithm != "git":
        return hashlib.new(algorithm, usedforsecurity=False)
    return hashlib.sha1(b"blob %d\0" % _size(path), usedforsecurity=False)


def _discard(path: Path) -> None:
    with writing(path.parent):
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"HTTP {error.code}"
    reason = error.reason if isinstance(error, URLError) else error
    return " ".join(str(reason).split()) or type(error).__name__
