"""The idx files of MNIST and its kin: four files of uint8, images (N, 28, 28) and labels (N,), found and verified."""

from __future__ import annotations

import gzip
import hashlib
import logging
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.core import Paths
from benchmark.datasets.download import Checksum, download
from benchmark.store.arrays import reading

log = logging.getLogger(__name__)
SIZE_LIMIT = 64_000_000  # the largest file has 47,040,016 bytes
GZIP_MAGIC = b"\x1f\x8b"
DIMENSIONS = {0x801: 1, 0x803: 3}  # of uint8, by magic number


@dataclass(frozen=True)
class Source:
    """Where the four files of a data set are, and which bytes they must have."""

    title: str
    folder: str  # in the cache
    folders: tuple[str, ...]  # in the user's data_dir, most specific first
    mirrors: tuple[str, ...]  # addresses ending in /
    sha256: Mapping[str, str]  # of the decompressed files, by name without .gz


class Parts(NamedTuple):
    """The official halves of such a data set."""

    train_images: NDArray[np.uint8]  # (60000, 28, 28)
    train_labels: NDArray[np.uint8]  # (60000,)
    test_images: NDArray[np.uint8]  # (10000, 28, 28)
    test_labels: NDArray[np.uint8]  # (10000,)


def load(source: Source, paths: Paths) -> Parts:
    """All four files from data_dir, else from the cache, else downloaded into the cache."""
    found = {name: _in_data_dir(source, name, paths.data_dir) for name in source.sha256}
    missing = [name for name, path in found.items() if path is None]
    if paths.data_dir is not None and missing:
        log.warning(
            "data_dir=%s lacks %s of %s (.gz or not, there or in %s/); taking the cache or a download",
            paths.data_dir, ", ".join(missing), source.title, source.folders[0],
        )  # fmt: skip
    arrays = [_read(source, name, path) if path else _cached(source, name, paths) for name, path in found.items()]
    return Parts(*arrays)


def check_data_dir(data_dir: Path | None) -> None:
    """An error at once when the user's folder is not there."""
    if data_dir is not None and not data_dir.is_dir():
        problem = "is not a folder" if data_dir.exists() else "does not exist"
        raise ValueError(f"data_dir={data_dir} {problem}; create it, correct the path, or leave data_dir out")


def parse(path: Path, content: bytes, remedy: str) -> NDArray[np.uint8]:
    """The array in the bytes of an idx file."""
    magic = struct.unpack(">I", content[:4])[0] if len(content) >= 4 else 0
    if magic not in DIMENSIONS:
        raise ValueError(
            f"{path} is not an idx file of uint8 (it starts with {content[:4].hex() or 'nothing'}); {remedy}"
        )
    offset = 4 + 4 * DIMENSIONS[magic]
    if len(content) < offset:
        raise ValueError(f"{path} is truncated (it ends in its header); {remedy}")
    shape = struct.unpack(f">{DIMENSIONS[magic]}I", content[4:offset])
    size = int(np.prod(shape, dtype=object))
    if len(content) - offset != size:
        raise ValueError(
            f"{path} is truncated or too long ({len(content) - offset} bytes of data, not {size}); {remedy}"
        )
    return np.frombuffer(content, np.uint8, offset=offset).reshape(shape)


def _in_data_dir(source: Source, name: str, data_dir: Path | None) -> Path | None:
    check_data_dir(data_dir)
    if data_dir is None:
        return None
    candidates = (data_dir / folder / f"{name}{suffix}" for folder in (*source.folders, "") for suffix in (".gz", ""))
    return next((path for path in candidates if path.is_file()), None)


def _cached(source: Source, name: str, paths: Paths) -> NDArray[np.uint8]:
    path = paths.cache_dir / source.folder / f"{name}.gz"
    if path.is_file():
        try:
            return _read(source, name, path)
        except ValueError as error:
            log.warning("%s", error)
    folder = f"{paths.data_dir}/{source.folders[0]}" if paths.data_dir else "a folder and give it as data_dir"
    download(
        [f"{mirror}{name}.gz" for mirror in source.mirrors],
        path,
        checksum=Checksum(source.sha256[name]),
        size_limit=SIZE_LIMIT,
        by_hand=f"put the file by hand into {folder} (or {path.parent})",
    )
    return _read(source, name, path)


def _read(source: Source, name: str, path: Path) -> NDArray[np.uint8]:
    remedy = f"replace it by the file from {source.mirrors[0]}{name}.gz, or remove it to have it downloaded"
    content = _content(path, remedy)
    array = parse(path, content, remedy)
    if hashlib.sha256(content).hexdigest() != source.sha256[name]:
        raise ValueError(f"{path} is not {source.title}'s {name}: its sha256 differs from the published one; {remedy}")
    return array


def _content(path: Path, remedy: str) -> bytes:
    with reading(path, "cannot be read", remedy):
        with path.open("rb") as file:
            compressed = file.read(2) == GZIP_MAGIC
        with gzip.open(path) if compressed else path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        raise ValueError(f"{path} is larger than any file of this kind; {remedy}")
    return content
