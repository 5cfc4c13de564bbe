"""The official dSprites .npz, read as a stream into packed bits (N, H * W / 8); its pickled metadata are never read."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
MD5 = "7da33b31b13a06f4b04a70402ce90c2e"
BLOCK = 1 << 14  # images at a time


def find(data_dir: Path | None) -> Path | None:
    """The file in the user's folder or in its folder dsprites."""
    candidates = [data_dir / "dsprites" / FILE, data_dir / FILE] if data_dir else []
    return next((path for path in candidates if path.is_file()), None)


def source_of(path: Path) -> str:
    """What to call these bytes: the published file has a known md5, and only it is called official."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return "official npz" if digest == MD5 else f"npz unlike the official one (md5 {digest[:12]})"


def stamp(path: Path) -> str:
    """A name for the content of images and latents, from the archive's own check sums."""
    with _opened(path) as archive:
        return "-".join(f"{archive.getinfo(f'{key}.npy').CRC:08x}" for key in ("imgs", "latents_classes"))


def check_order(path: Path, grid: tuple[int, ...]) -> None:
    """An error unless the latents (color, *grid) run through the grid with the last one fastest."""
    with _opened(path) as archive, archive.open("latents_classes.npy") as file:
        latents = np.lib.format.read_array(file, allow_pickle=False)
        expected = np.indices((1, *grid)).reshape(len(grid) + 1, -1).T
        if latents.shape != expected.shape:
            raise ValueError(f"latents_classes have shape {latents.shape}, not {expected.shape}")
        if not np.array_equal(latents, expected):
            raise ValueError("latents_classes are not in the published order")


def packed(path: Path, count: int, canvas: int) -> Iterator[NDArray[np.uint8]]:
    """Blocks of images as bits."""
    with _opened(path) as archive, _images(archive) as (file, shape, dtype):
        if shape != (count, canvas, canvas) or dtype != np.uint8:
            raise ValueError(f"imgs have shape {shape} and type {dtype}")
        for start in range(0, count, BLOCK):
            block = _rows(file, min(BLOCK, count - start), shape, dtype)
            if block.max() > 1:
                raise ValueError("imgs have values other than 0 and 1")
            yield np.packbits(block.reshape(len(block), -1), axis=1)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever is wrong with it becomes an error that names the file and the remedy."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, ValueError) as error:
        remedy = "get the file from github.com/deepmind/dsprites-dataset, or remove it to use regenerated images"
        raise ValueError(f"{path} is not the dSprites file ({error}); {remedy}") from error


@contextmanager
def _images(archive: zipfile.ZipFile) -> Iterator[tuple[IO[bytes], tuple[int, ...], np.dtype[Any]]]:
    """The images as a stream, since unpacked they are 3 GB; with shape and type."""
    with archive.open("imgs.npy") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if fortran or dtype.hasobject:
            raise ValueError("imgs are stored in an unexpected way")
        yield file, shape, dtype


def _rows(file: IO[bytes], count: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    size = count * int(np.prod(shape[1:])) * dtype.itemsize
    data = file.read(size)
    if len(data) != size:
        raise EOFError("it ends early")
    return np.frombuffer(data, dtype).reshape(count, *shape[1:])
