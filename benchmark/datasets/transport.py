"""Connections to servers that may be slow, broken or hostile: https only, a least rate, a greatest number of bytes."""

from __future__ import annotations

import io
import socket
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import IO, Any, cast
from urllib.error import URLError
from urllib.parse import urlsplit

SLOWEST = 10_000  # bytes a second, on average over
WINDOW = 30.0  # seconds; a file of n bytes takes at most n / SLOWEST + WINDOW seconds
OVERHEAD = 2, 1 << 20  # what comes is at most twice the wanted bytes and 1 MiB of headers and chunk sizes
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def connect(url: str, start: int, size_limit: int, timeout: float, allow_loopback_http: bool) -> HTTPResponse:
    """The response to a request for all bytes from `start` on; OSError, HTTPException or ValueError if there is none.

    So is, then or while it is read, a server that is silent for `timeout` seconds, slower than SLOWEST or has no end.
    """
    headers = {"User-Agent": "betterbound", **({"Range": f"bytes={start}-"} if start else {})}
    most = OVERHEAD[0] * size_limit + OVERHEAD[1]
    handlers: list[urllib.request.BaseHandler] = [_SafeRedirects(allow_loopback_http), _Http(most), _Https(most)]
    if urlsplit(url).scheme == "http":  # loopback: not through a proxy
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    return cast(HTTPResponse, opener.open(urllib.request.Request(url, headers=headers), timeout=timeout))


def check_url(url: str, allow_loopback_http: bool) -> None:
    """An error for what is neither https nor, if allowed, http to this machine."""
    parts = urlsplit(url)
    loopback = allow_loopback_http and parts.scheme == "http" and parts.hostname in LOOPBACK
    if parts.scheme != "https" and not loopback:
        raise ValueError(f"{url} is not https; name a mirror that is")


class _Steady(io.RawIOBase):
    """The bytes of a connection as long as they come fast enough and are not too many, headers included."""

    def __init__(self, source: io.RawIOBase, sock: socket.socket, most: int) -> None:
        self.source, self.sock, self.left = source, sock, most
        self.timeout = sock.gettimeout() or WINDOW
        self.came, self.end = 0, time.monotonic() + WINDOW

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.came >= SLOWEST * WINDOW:
            self.came, self.end = 0, time.monotonic() + WINDOW
        self.sock.settimeout(max(min(self.timeout, self.end - time.monotonic()), 1e-3))
        try:
            count = self.source.readinto(buffer) or 0
        except TimeoutError as error:
            raise TimeoutError(f"it is silent, or sends less than {SLOWEST / 1000:g} kB a second") from error
        self.came += count
        self.left -= count
        if self.left < 0:
            raise OSError("it sends without an end")
        return count

    def close(self) -> None:
        self.source.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, most: int, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_Steady(self.fp.detach(), sock, most))


def _connection(kind: type[HTTPConnection], most: int) -> Callable[..., HTTPConnection]:
    def connection(host: str, **options: Any) -> HTTPConnection:
        made = kind(host, **options)
        made.response_class = partial(_Response, most)  # type: ignore[assignment]
        return made

    return connection


class _Http(urllib.request.HTTPHandler):
    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_connection(HTTPConnection, self.most), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_connection(HTTPSConnection, self.most), req)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, allow_loopback_http: bool) -> None:
        self.allow_loopback_http = allow_loopback_http

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        fp.close()  # urllib would read all of a body that nobody wants
        try:
            check_url(newurl, self.allow_loopback_http)
        except ValueError as error:
            raise URLError(f"redirected: {error}") from error
        return super().redirect_request(req, fp, code, msg, headers, newurl)
