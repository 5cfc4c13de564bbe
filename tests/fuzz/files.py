"""Damaged npz and data files through `benchmark.evaluate`: each is scored, or refused in one line that names it.

    python -m tests.fuzz.files [case ...]

No traceback, no crash, no hang; a refusal has exit code 2, one line on stderr and leaves nothing written. The same
cases each time; a case's name repeats it alone. Each runs in a process that may die, which then is its failure.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from tests.fuzz import damage
from tests.fuzz.pool import try_all

SEED = 0
NPZ, DATA = 240, 30  # cases of npz files in all, of data files for each family
FAMILIES = ("mnist", "dsprites", "mpi3d", "shapes3d", "cars3d", "smallnorb")
METRICS = ("information", "mig", "linear_probe", "unsupervised", "modularity", "sap", "irs", "explicitness")
Damage = Callable[[bytes, np.random.Generator], bytes]


def brief(images: np.ndarray) -> np.ndarray:
    """Four pixels of each image: the codes of all data files here."""
    flat = images.reshape(len(images), -1)
    return flat[:, :: flat.shape[1] // 4][:, :4]


def verdict(case: str) -> str:
    """scored or refused, or what is wrong with how the case ended."""
    family, _, number = case.partition("-")
    rng = np.random.default_rng([SEED, sum(map(ord, family)), int(number)])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, arguments = (_npz if family == "npz" else _data)(folder, family, int(number), rng)
        output = folder / "scores.json"
        before = {*folder.rglob("*")}
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = importlib.import_module("benchmark.evaluate").main([*arguments, "--output", str(output)])
        written = [str(item.relative_to(folder)) for item in {*folder.rglob("*")} - before if _kept(item)]
        if code == 0:
            return "scored" if json.loads(output.read_text())["scores"] else "scored nothing"
        lines = err.getvalue().splitlines()
        problems = {
            f"exit code {code}": code != 2,
            f"{len(lines)} lines: {err.getvalue()!r}": len(lines) != 1 or not lines[0].startswith("error: "),
            f"does not name {path}: {err.getvalue()!r}": str(path) not in err.getvalue(),
            f"written: {written}": bool(written),
        }
        return "; ".join(problem for problem, found in problems.items() if found) or "refused"


def _kept(path: Path) -> bool:
    return path.is_file() and not path.name.endswith(".lock")


def _npz(folder: Path, _family: str, number: int, rng: np.random.Generator) -> tuple[Path, list[str]]:
    ways: tuple[Damage, ...] = (damage.bytes_of, damage.header, damage.archive, damage.arrays)
    whole = list(_representations().values())[number % 3]
    path = folder / "codes.npz"
    path.write_bytes(ways[number % len(ways)](whole, rng))
    return path, [str(path), f"metrics=[{METRICS[number % len(METRICS)]}]"]


@lru_cache
def _representations() -> dict[str, bytes]:
    """Whole npz files: the least that is needed, all that is possible, and what a run leaves."""
    rng = np.random.default_rng(SEED)
    part = {"codes": rng.standard_normal((60, 3)), "factors": rng.integers(0, 3, (60, 2))}
    more = {"stddev": np.full((60, 3), 0.1), "sample": part["codes"], "symmetry": np.ones((60, 2), np.int16)}
    words = {"factor_names": np.array(["a", "b"]), "factor_types": np.array(["discrete", "circular"])}
    whole = {**part, **more}
    run = {"mean": part["codes"], "stddev": more["stddev"], "sample": part["codes"], "factors": part["factors"]}
    files = {
        "plain": part,
        "full": {**whole, **{f"{key}_test": array for key, array in whole.items()}, **words},
        "run": {**{f"{split}_{key}": array for split in ("train", "test") for key, array in run.items()}, **words},
    }
    return {name: _saved(arrays) for name, arrays in files.items()}


def _saved(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _data(folder: Path, family: str, number: int, rng: np.random.Generator) -> tuple[Path, list[str]]:
    """One damaged file among whole ones; every second time, where it has one, with a checksum that says it is right."""
    data, cache = folder / "data", folder / "cache"
    data.mkdir()
    cache.mkdir()
    files = _published(family)
    for name, content in files.items():
        (data / name).write_bytes(content)
    _accept(family, data)
    path = data / sorted(files)[number % len(files)]
    path.write_bytes(_ways(path)[number // 2 % len(_ways(path))](files[path.name], rng))
    if number % 2 and family not in ("mnist", "shapes3d"):  # of these no damaged content can have the right sha256
        _accept(family, data)
    sizes = {"mnist": (20, 30), "dsprites": (20, 20, 20)}.get(family, (2, 10, 10))
    options = [f"dataset.{key}={size}" for key, size in zip(("validation", "probe_train", "test"), sizes, strict=False)]
    folders = [f"data_dir={data}", f"cache_dir={cache}"]
    return path, ["tests.fuzz.files:brief", f"dataset={family}", "metrics=[information]", *options, *folders]


def _ways(path: Path) -> list[Damage]:
    if path.suffix == ".npz":
        return [damage.bytes_of, damage.header, damage.archive]
    if path.suffixes[-2:] == [".tar", ".gz"]:
        return [damage.bytes_of, _entries, _meshes]
    if path.suffix == ".gz":
        return [damage.bytes_of, lambda content, rng: damage.packed(content, rng, 32)]
    return [damage.bytes_of, lambda content, rng: damage.bytes_of(content, rng, 3000)]


def _entries(content: bytes, rng: np.random.Generator) -> bytes:
    """An archive with a damaged header, somewhere in it."""
    return _within(content, rng, b"ustar", 257, 512)


def _meshes(content: bytes, rng: np.random.Generator) -> bytes:
    """An archive with a damaged MATLAB file."""
    return _within(content, rng, b"MATLAB 5.0", 0, 256)


def _within(content: bytes, rng: np.random.Generator, mark: bytes, before: int, length: int) -> bytes:
    tar = bytearray(gzip.decompress(content))
    places = list(_places(bytes(tar), mark))
    start = places[rng.integers(0, len(places))] - before
    tar[start : start + length] = damage.bytes_of(bytes(tar[start : start + length]), rng).ljust(length, b"\0")[:length]
    return gzip.compress(tar, 1)


def _places(content: bytes, mark: bytes) -> Iterator[int]:
    at = content.find(mark)
    while at >= 0:
        yield at
        at = content.find(mark, at + 1)


@lru_cache
def _published(family: str) -> dict[str, bytes]:
    """The small whole files of a family by name."""
    from benchmark.datasets import official
    from tests.support import published_files as small

    if family == "mnist":
        return {f"{name}.gz": gzip.compress(content, 1) for name, content in small.mnist_files().items()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if family == "dsprites":
            small.write_npz(folder / official.FILE, small.SMALL)
        else:
            small.WRITERS[family](folder, small.GRIDS[family])
        return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("mpi3d_real")}


def _accept(family: str, folder: Path) -> None:
    """Let the modules of this process take the files in the folder for the published ones, by their checksums."""
    from benchmark.datasets import mnist, sprites
    from tests.support import published_files as small

    if family == "mnist":
        mnist.MNIST = replace(mnist.MNIST, sha256=small.sha256_of(small.mnist_files()))
    elif family == "dsprites":
        sprites.DSPRITES = small.SMALL
    else:
        small.accept(family, folder, "https://127.0.0.1:9/")


def cases() -> list[str]:
    """The names of all cases: npz-0, ..., smallnorb-29."""
    data = [f"{family}-{number}" for family in FAMILIES for number in range(DATA)]
    return [*(f"npz-{number}" for number in range(NPZ)), *data]


if __name__ == "__main__":
    sys.exit(try_all(verdict, sys.argv[1:] or cases(), ("scored", "refused")))
