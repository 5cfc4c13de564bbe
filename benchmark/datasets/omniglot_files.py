"""The original drawings of OMNIGLOT (n, 105, 105), ink True, from the published archives or from arrays of the same."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.core import Paths
from benchmark.datasets.download import Checksum
from benchmark.datasets.published import PublishedFile, obtain
from benchmark.store.arrays import opened, reading, whole

DRAWERS, ORIGINAL = 20, 105  # of each character; pixels
MOST_BYTES = 100_000  # of one picture; the largest has some 600
ADDRESS = "https://github.com/brendenlake/omniglot/raw/master/python/"


class Part(NamedTuple):
    """One of two halves: its archive, its alphabets with their numbers of characters, and an npz of the same pixels."""

    file: PublishedFile
    alphabets: tuple[tuple[str, int], ...]  # in the order of the archive's folders
    order: tuple[int, ...]  # of these alphabets in the npz
    pixels: str  # sha256 of the npz's ink (characters * 20, 105 * 105), as bits row by row

    @property
    def npz(self) -> str:
        """The name of the other file."""
        return self.file.name.replace(".zip", ".npz")


def _published(name: str, sha256: str, size_limit: int) -> PublishedFile:
    return PublishedFile(name, "omniglot", (f"{ADDRESS}{name}",), Checksum(sha256), size_limit)


BACKGROUND = Part(
    _published(
        "images_background.zip", "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640", 12_000_000
    ),
    (
        ("Alphabet_of_the_Magi", 20), ("Anglo-Saxon_Futhorc", 29), ("Arcadian", 26), ("Armenian", 41),
        ("Asomtavruli", 40), ("Balinese", 24), ("Bengali", 46), ("Blackfoot", 14), ("Braille", 26), ("Burmese", 34),
        ("Cyrillic", 33), ("Early_Aramaic", 22), ("Futurama", 26), ("Grantha", 43), ("Greek", 24), ("Gujarati", 48),
        ("Hebrew", 22), ("Inuktitut", 16), ("Japanese_(hiragana)", 52), ("Japanese_(katakana)", 47), ("Korean", 40),
        ("Latin", 26), ("Malay_(Jawi)", 40), ("Mkhedruli", 41), ("N_Ko", 33), ("Ojibwe", 14), ("Sanskrit", 42),
        ("Syriac_(Estrangelo)", 23), ("Tagalog", 17), ("Tifinagh", 55),
    ),
    (2, 3, 4, 5, 6, 7, 8, 10, 11, 27, 1, 12, 13, 14, 15, 16, 18, 17, 22, 19, 20, 21, 0, 23, 9, 24, 25, 26, 28, 29),
    "0ab79f985d54d682c6b0648ec00ec1a97555a19777e32d86acce0e07da605341",
)  # fmt: skip
EVALUATION = Part(
    _published("images_evaluation.zip", "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee", 9_000_000),
    (
        ("Angelic", 20), ("Atemayar_Qelisayer", 26), ("Atlantean", 26), ("Aurek-Besh", 26), ("Avesta", 26),
        ("Ge_ez", 26), ("Glagolitic", 45), ("Gurmukhi", 45), ("Kannada", 41), ("Keble", 26), ("Malayalam", 47),
        ("Manipuri", 40), ("Mongolian", 30), ("Old_Church_Slavonic", 45), ("Oriya", 46), ("Sylheti", 28),
        ("Syriac_(Serto)", 23), ("Tengwar", 25), ("Tibetan", 42), ("ULOG", 26),
    ),
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 15, 17, 18, 19),
    "8b30138357c6f079e1a4a87405d5cda8999b6036890a8aa2fefafcd69824c707",
)  # fmt: skip
PARTS = (BACKGROUND, EVALUATION)


def sizes_of_alphabets() -> list[int]:
    """How many drawings each alphabet has, in order."""
    return [DRAWERS * characters for part in PARTS for _, characters in part.alphabets]


def drawings(paths: Paths) -> Iterator[NDArray[np.bool_]]:
    """All drawings, one alphabet at a time: alphabets in their order, characters of each, the drawers of these."""
    for part in PARTS:
        found = _npz(part, paths)
        yield from _of_archive(part, obtain(part.file, paths)) if found is None else _of_npz(part, found)


def _npz(part: Part, paths: Paths) -> Path | None:
    """The npz in data_dir, unless the archive is there too."""
    folders = [paths.data_dir / part.file.folder, paths.data_dir] if paths.data_dir else []
    if any((folder / part.file.name).is_file() for folder in folders):
        return None
    return next((path for folder in folders if (path := folder / part.npz).is_file()), None)


def _of_archive(part: Part, path: Path) -> Iterator[NDArray[np.bool_]]:
    remedy = f"replace it by {part.file.urls[0]}"
    with reading(path, "is not the published archive", remedy), zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png") and "__MACOSX" not in name)
        found = [list(group) for _, group in groupby(names, lambda name: name.rsplit("/", 2)[0])]
        counts = [DRAWERS * characters for _, characters in part.alphabets]
        if [len(group) for group in found] != counts:
            raise ValueError(f"its folders have {[len(group) for group in found]} drawings, not {counts}")
        for group in found:
            yield np.stack([_ink(archive, name) for name in group])


def _ink(archive: zipfile.ZipFile, name: str) -> NDArray[np.bool_]:
    from PIL import Image

    if archive.getinfo(name).file_size > MOST_BYTES:
        raise ValueError(f"{name} has {archive.getinfo(name).file_size:,} bytes")
    with Image.open(io.BytesIO(archive.read(name)), formats=["PNG"]) as image:
        if (image.size, image.mode) != ((ORIGINAL, ORIGINAL), "1"):
            raise ValueError(f"{name} is an image of {image.size} in mode {image.mode}")
        return ~np.array(image)


def _of_npz(part: Part, path: Path) -> Iterator[NDArray[np.bool_]]:
    remedy = f"replace it by {part.file.urls[0]}"
    shape = (sum(characters for _, characters in part.alphabets), DRAWERS, ORIGINAL, ORIGINAL)
    with reading(path, "has not the published drawings", remedy), opened(path) as archive:
        ink = ~whole(archive, "images", shape).astype(np.bool_)
        if hashlib.sha256(np.packbits(ink.reshape(-1, ORIGINAL**2), axis=1).tobytes()).hexdigest() != part.pixels:
            raise ValueError("the sha256 of its pixels differs")
    ends = np.cumsum([part.alphabets[place][1] for place in part.order])
    alphabets = dict(zip(part.order, np.split(ink, ends[:-1]), strict=True))
    for place in range(len(part.alphabets)):
        yield alphabets[place].reshape(-1, ORIGINAL, ORIGINAL)
