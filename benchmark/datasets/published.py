"""Files that others publish: the user's own or one downloaded once, verified either way, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.core import Paths
from benchmark.datasets.download import Checksum, download, holds
from benchmark.datasets.idx import check_data_dir


@dataclass(frozen=True)
class PublishedFile:
    """One file: what it is called, where it is, and which bytes it must have."""

    name: str
    folder: str  # in the user's data_dir (its top level is searched too) and in the cache
    urls: tuple[str, ...]
    checksum: Checksum
    size_limit: int  # bytes, with some room above the published size
    page: str = ""  # an address for people where ours may not answer


def obtain(file: PublishedFile, paths: Paths) -> Path:
    """The file in data_dir or data_dir/<folder>, else in the cache, else downloaded into it."""
    check_data_dir(paths.data_dir)
    given = [paths.data_dir / file.folder / file.name, paths.data_dir / file.name] if paths.data_dir else []
    for path in given:
        if path.is_file():
            return _verified(path, file)
    place = f"{paths.data_dir}/{file.folder}" if paths.data_dir else "a folder and give it as data_dir"
    return download(
        file.urls,
        paths.cache_dir / file.folder / file.name,
        checksum=file.checksum,
        size_limit=file.size_limit,
        by_hand=f"get {file.page or file.urls[0]} by hand and put it into {place}",
    )


def _verified(path: Path, file: PublishedFile) -> Path:
    if not holds(path, file.checksum, file.size_limit):
        raise ValueError(
            f"{path} is not the published {file.name}: it is incomplete or its {file.checksum.algorithm} differs; "
            f"replace it by {file.page or file.urls[0]}, or remove it to have it downloaded"
        )
    return path
