"""The official dSprites .npz, read as a stream into packed bits (N, H * W / 8); its pickled metadata are never read."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.store.arrays import blocks, opened, reading, whole

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
MD5 = "7da33b31b13a06f4b04a70402ce90c2e"
BLOCK = 1 << 14  # images at a time
PROBLEM = "is not the dSprites file"
REMEDY = "get the file from github.com/deepmind/dsprites-dataset, or remove it to use regenerated images"


def find(data_dir: Path | None) -> Path | None:
    """The file in the user's folder or in its folder dsprites."""
    candidates = [data_dir / "dsprites" / FILE, data_dir / FILE] if data_dir else []
    return next((path for path in candidates if path.is_file()), None)


def source_of(path: Path) -> str:
    """What to call these bytes: the published file has a known md5, and only it is called official."""
    with reading(path, PROBLEM, REMEDY), path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return "official npz" if digest == MD5 else f"npz unlike the official one (md5 {digest[:12]})"


def stamp(path: Path) -> str:
    """A name for the content of images and latents, from the archive's own check sums."""
    with _opened(path) as archive:
        return "-".join(f"{archive.getinfo(f'{key}.npy').CRC:08x}" for key in ("imgs", "latents_classes"))


def check_order(path: Path, grid: tuple[int, ...]) -> None:
    """An error unless the latents (color, *grid) run through the grid with the last one fastest."""
    expected = np.indices((1, *grid)).reshape(len(grid) + 1, -1).T
    with _opened(path) as archive:
        if not np.array_equal(whole(archive, "latents_classes", expected.shape), expected):
            raise ValueError("latents_classes are not in the published order")


def packed(path: Path, count: int, canvas: int) -> Iterator[NDArray[np.uint8]]:
    """Blocks of images as bits; unpacked they are 3 GB."""
    with _opened(path) as archive:
        for block in blocks(archive, "imgs", (count, canvas, canvas), BLOCK):
            if block.max() > 1:
                raise ValueError("imgs have values other than 0 and 1")
            yield np.packbits(block.reshape(len(block), -1), axis=1)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever is wrong with it becomes an error that names the file and the remedy."""
    with reading(path, PROBLEM, REMEDY), opened(path) as archive:
        yield archive
