"""Verified downloads: https only, resumed where they stopped, known by a sha256 or, where none is published, an md5."""

from __future__ import annotations

import gzip
import hashlib
import os
import urllib.request
import zlib
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead
from pathlib import Path
from ssl import SSLError
from typing import IO, BinaryIO, Literal, NamedTuple, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from tqdm import tqdm

from benchmark.datasets.cache import locked, writing

ATTEMPTS = 4
BLOCK = 1 << 16
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Checksum(NamedTuple):
    """What a file must contain."""

    value: str  # hexadecimal
    algorithm: Literal["sha256", "md5"] = "sha256"  # an md5 tells accidents, not malice: only where no sha256 is known
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
    """The file at target, from the first mirror that has it.

    `size_limit` bounds the bytes sent and the bytes decompressed; `by_hand` tells the user where else to put the file.
    """
    for url in urls:
        _check_url(url, allow_loopback_http)
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
            except (_UnusableError, URLError, HTTPException, ConnectionError, TimeoutError, SSLError) as error:
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
        part.unlink(missing_ok=True)
        problem = "it has other content than the published file"
        if fresh:
            break
    raise _UnusableError(problem)


def _fetch(url: str, part: Path, size_limit: int, timeout: float, allow_http: bool) -> bool:
    """Continues part with what the server sends, or restarts it; whether all of it came."""
    start = _size(part)
    headers = {"User-Agent": "betterbound", **({"Range": f"bytes={start}-"} if start else {})}
    try:
        opener = _opener(url, allow_http)
        response = cast(HTTPResponse, opener.open(urllib.request.Request(url, headers=headers), timeout=timeout))
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:  # nothing beyond what we have: it is complete, or too long
            return True
        raise
    with response:
        resumed = response.status == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            part.unlink(missing_ok=True)
            raise _UnusableError("it answered with another range than asked for")
        start = start if resumed else 0
        length = response.headers.get("Content-Length", "")
        expected = start + int(length) if length.isdigit() else None
        return _save(response, part, start, expected, size_limit)


def _save(response: HTTPResponse, part: Path, start: int, expected: int | None, size_limit: int) -> bool:
    size = start
    with (
        _open(part, "ab" if start else "wb") as file,
        tqdm(total=expected, initial=start, desc=part.stem, unit="B", unit_scale=True, disable=None) as bar,
    ):
        if max(start, expected or 0) > size_limit:
            file.truncate(0)
            raise _UnusableError(f"{expected} bytes are more than the limit of {size_limit}")
        with suppress(IncompleteRead):
            while block := response.read(BLOCK):
                size += len(block)
                if size > size_limit:
                    file.truncate(0)
                    raise _UnusableError(f"it sends more than the limit of {size_limit} bytes")
                with writing(part.parent):
                    file.write(block)
                bar.update(len(block))
    return expected is None or size == expected


def _open(part: Path, mode: str) -> BinaryIO:
    with writing(part.parent):
        return cast(BinaryIO, part.open(mode))


def holds(path: Path, checksum: Checksum, size_limit: int, suffix: str | None = None) -> bool:
    """Whether the file has that content, `suffix` standing for the name it will have."""
    digest, size = hashlib.new(checksum.algorithm, usedforsecurity=False), 0
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


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_url(url: str, allow_loopback_http: bool) -> None:
    parts = urlsplit(url)
    loopback = allow_loopback_http and parts.scheme == "http" and parts.hostname in LOOPBACK
    if parts.scheme != "https" and not loopback:
        raise ValueError(f"{url} is not https; name a mirror that is")


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"HTTP {error.code}"
    reason = error.reason if isinstance(error, URLError) else error
    return " ".join(str(reason).split()) or type(error).__name__


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, allow_loopback_http: bool) -> None:
        self.allow_loopback_http = allow_loopback_http

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        try:
            _check_url(newurl, self.allow_loopback_http)
        except ValueError as error:
            raise URLError(f"redirected: {error}") from error
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str, allow_loopback_http: bool) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = [_SafeRedirects(allow_loopback_http)]
    if urlsplit(url).scheme == "http":  # loopback: not through a proxy
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)
