"""Downloads against a server on this machine: resuming, verifying, refusing."""

import contextlib
import gzip
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

import numpy as np
import pytest

from benchmark.datasets.download import Checksum, download

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()
GZ = gzip.compress(CONTENT, mtime=0)
OTHER_GZ = gzip.compress(CONTENT, compresslevel=1, mtime=1)  # the same content, other bytes
BOMB = gzip.compress(bytes(5_000_000))
HASH = sha256(CONTENT).hexdigest()


OK = b"HTTP/1.1 200 OK\r\n%s\r\n"
CHUNKED = OK % b"Transfer-Encoding: chunked\r\n"
RAW = {  # answers that break the protocol
    "negative length": OK % b"Content-Length: -5\r\n" + GZ,
    "text as length": OK % b"Content-Length: many\r\n" + GZ,
    "digit that is none": OK % b"Content-Length: \xb2\r\n" + GZ,
    "length of 5000 digits": OK % (b"Content-Length: " + b"9" * 5000 + b"\r\n") + GZ,
    "length too large": OK % b"Content-Length: 999999999999999\r\n" + GZ,
    "length of one byte more": OK % b"Content-Length: %d\r\n" % len(GZ) + GZ[:-1],
    "chunk of no size": CHUNKED + b"zz\r\n" + GZ,
    "negative chunk": CHUNKED + b"-5\r\n" + GZ + b"\r\n0\r\n\r\n",
    "huge chunk": CHUNKED + b"f" * 40 + b"\r\n" + GZ[:-1],
    "chunk cut": CHUNKED + b"%x\r\n" % len(GZ) + GZ[:1000],
    "chunks without end": [CHUNKED] + [b"10000\r\n" + bytes(0x10000) + b"\r\n"] * 100,
    "no status": b"hello\r\n\r\n",
    "no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "nothing": b"",
    "line without end": OK % (b"X: " + b"x" * 70_000 + b"\r\n"),
    "too many headers": OK % b"".join(b"X%d: 1\r\n" % i for i in range(200)),
    "continue for ever": [b"HTTP/1.1 100 Continue\r\n" + b"X: " + b"x" * 60_000 + b"\r\n\r\n"] * 100,
    "bad redirect": b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "odd redirect": "HTTP/1.1 302 Found\r\nLocation: https://\xad..example\r\n\r\n".encode("latin1"),
    "redirect with a body": [b"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\n\r\n"] + [bytes(1 << 16)] * 100,
}


class Handler(BaseHTTPRequestHandler):
    """/good and /other know Range; /plain ignores it; /cut breaks off; the rest misbehaves as named."""

    def do_GET(self):
        kind = unquote(self.path.split("/")[1])
        self.server.seen.append((kind, self.headers.get("Range")))
        if kind in RAW:
            return self.raw(RAW[kind])
        if kind == "drip":
            return self.drip()
        if kind == "missing":
            return self.send_error(404)
        if kind == "redirect":
            return self.answer(302, b"", {"Location": "http://example.invalid/file.gz"})
        body = {"other": OTHER_GZ, "wrong": gzip.compress(b"something else"), "raw": CONTENT, "bomb": BOMB}.get(
            kind, GZ
        )
        start = self.start() if kind in ("good", "other", "raw", "cut") else 0
        if start >= len(body):
            return self.send_error(416)
        headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        if kind == "shifted":
            return self.answer(206, body[5:], {"Content-Range": f"bytes 5-{len(body) - 1}/{len(body)}"})
        if kind == "endless":
            return self.answer(200, body * 20, length=False)
        if kind == "cut":
            return self.answer(206 if start else 200, body[start:], headers, sent=100_000)
        return self.answer(206 if start else 200, body[start:], headers)

    def start(self):
        wanted = self.headers.get("Range")
        return int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0

    def answer(self, code, body, headers=None, *, length=True, sent=None):
        self.send_response(code)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body[:sent])

    def raw(self, answer):
        self.close_connection = True
        with contextlib.suppress(ConnectionError):
            for part in answer if isinstance(answer, list) else [answer]:
                self.wfile.write(part)

    def drip(self):
        """One byte of a right answer after the other."""
        with contextlib.suppress(ConnectionError):
            for byte in OK % b"Content-Length: 100\r\n" + bytes(100):
                self.wfile.write(bytes([byte]))
                time.sleep(0.02)

    def log_message(self, *_args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.seen = []
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def fetch(server, tmp_path):
    def call(*kinds, name="file.gz", **changes):
        urls = [f"http://127.0.0.1:{server.server_port}/{kind}/{name}" for kind in kinds]
        options = {
            "checksum": Checksum(HASH),
            "size_limit": 1_000_000,
            "by_hand": "put it there",
            "timeout": 5.0,
            **changes,
        }
        return download(urls, tmp_path / name, allow_loopback_http=True, **options)

    call.part = tmp_path / "file.gz.part"
    call.seen = server.seen
    call.target = tmp_path / "file.gz"
    return call


def test_a_file_arrives_whole_and_only_once(fetch):
    assert gzip.decompress(fetch("good").read_bytes()) == CONTENT
    fetch("good")
    assert fetch.seen == [("good", None)]
    assert not fetch.part.exists()


def test_names_without_gz_are_hashed_as_they_are(fetch):
    assert fetch("raw", name="file.bin").read_bytes() == CONTENT


def test_a_partial_file_is_continued(fetch):
    fetch.part.write_bytes(GZ[:123_456])
    assert fetch("good").read_bytes() == GZ
    assert fetch.seen == [("good", "bytes=123456-")]


def test_a_server_without_range_restarts_cleanly(fetch):
    fetch.part.write_bytes(GZ[:123_456])
    assert fetch("plain").read_bytes() == GZ
    assert len(fetch.seen) == 1


def test_a_complete_partial_file_is_taken(fetch):
    fetch.part.write_bytes(GZ)
    assert fetch("good").read_bytes() == GZ


@pytest.mark.parametrize("left", [GZ + b"too long", GZ[:1000] + b"x" * 1000, b"x" * 2_000_000, OTHER_GZ[:9000]])
def test_a_useless_partial_file_is_discarded(fetch, left):
    fetch.part.write_bytes(left)
    assert fetch("good").read_bytes() == GZ


def test_a_broken_connection_is_continued(fetch):
    assert fetch("cut").read_bytes() == GZ
    assert [start for _, start in fetch.seen] == [None, "bytes=100000-", "bytes=200000-", "bytes=300000-"][
        : len(fetch.seen)
    ]


def test_a_connection_that_always_breaks_keeps_what_came(fetch, monkeypatch):
    monkeypatch.setattr("benchmark.datasets.download.ATTEMPTS", 1)
    with pytest.raises(ValueError, match="the connection ended early"):
        fetch("cut")
    assert fetch.part.stat().st_size == 100_000
    assert fetch("good").read_bytes() == GZ
    assert fetch.seen[-1] == ("good", "bytes=100000-")


def test_mirrors_are_tried_in_order(fetch):
    assert fetch("missing", "wrong", "shifted", "redirect", "other", "good").read_bytes() == OTHER_GZ
    assert [kind for kind, _ in fetch.seen] == ["missing", "wrong", "shifted", "redirect", "other"]


@pytest.mark.parametrize("kind", RAW)
def test_what_breaks_the_protocol_leads_to_the_next_mirror(fetch, kind):
    path = quote(kind)
    assert fetch(path, "good").read_bytes() == GZ
    assert fetch.seen[-1][0] == "good"
    assert not fetch.part.exists()
    fetch.target.unlink()
    with pytest.raises(ValueError, match=r"cannot download file.gz: tried .*; put it there") as caught:
        fetch(path)
    assert "\n" not in str(caught.value)
    assert not fetch.target.exists()


def test_a_server_that_drips_is_left_for_the_next(fetch, monkeypatch):
    monkeypatch.setattr("benchmark.datasets.transport.WINDOW", 0.3)
    started = time.monotonic()
    assert fetch("drip", "good").read_bytes() == GZ
    assert time.monotonic() - started < 2  # the whole answer would take 3 seconds
    with pytest.raises(ValueError, match="sends less than 10 kB a second"):
        fetch("drip", name="other.gz")


def test_all_failures_are_told_in_one_line(fetch):
    with pytest.raises(ValueError, match="cannot download") as caught:
        fetch("missing", "wrong", "redirect")
    message = str(caught.value)
    for reason in ("HTTP 404", "other content", "not https", "put it there"):
        assert reason in message
    assert "\n" not in message
    assert not fetch.target.exists()
    assert not fetch.part.exists()


@pytest.mark.parametrize("kind", ["good", "endless"])
def test_more_than_the_limit_is_refused(fetch, kind):
    with pytest.raises(ValueError, match="limit of 200000"):
        fetch(kind, size_limit=200_000)
    assert not fetch.target.exists()
    assert not fetch.part.exists() or fetch.part.stat().st_size == 0


def test_a_decompression_bomb_is_refused(fetch):
    with pytest.raises(ValueError, match="other content"):
        fetch("bomb", checksum=Checksum(sha256(bytes(5_000_000)).hexdigest()))


def test_a_damaged_target_is_replaced(fetch):
    fetch.target.write_bytes(GZ[:5000])
    assert fetch("good").read_bytes() == GZ


@pytest.mark.parametrize("url", ["http://example.invalid/f", "file:///etc/hostname", "ftp://example.invalid/f"])
def test_only_https(tmp_path, url):
    for allowed in (False, True):
        with pytest.raises(ValueError, match="not https"):
            download(
                [url], tmp_path / "f", checksum=Checksum(HASH), size_limit=10, by_hand="", allow_loopback_http=allowed
            )
    with pytest.raises(ValueError, match="not https"):
        download(["http://127.0.0.1/f"], tmp_path / "f", checksum=Checksum(HASH), size_limit=10, by_hand="")


def test_nobody_there(tmp_path):
    with pytest.raises(ValueError, match=r"cannot download f: tried http://127.0.0.1:9/f \(.*refused.*\); put"):
        download(
            ["http://127.0.0.1:9/f"], tmp_path / "f", checksum=Checksum(HASH), size_limit=10, by_hand="put it there",
            allow_loopback_http=True,
        )  # fmt: skip


def test_two_at_once(fetch):
    results = []
    threads = [threading.Thread(target=lambda: results.append(fetch("good").read_bytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [GZ] * 4


def test_a_folder_that_cannot_be_written(fetch, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot write to the cache"):
        fetch("good", name="file/file.gz")
