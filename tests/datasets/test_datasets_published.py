"""3D Shapes, MPI3D, Cars3D, SmallNORB: small files of the exact formats, from a server here or the user's folder."""

import gzip
import hashlib
import sys
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.datasets import Paths, cars3d, mpi3d, norb, published, shapes3d
from benchmark.datasets.download import Checksum, download
from benchmark.datasets.grids import shrunk
from tests.support.dataset_laws import LAWS, README, target_and_options
from tests.support.hostile import encrypted, npy, npz, of_method
from tests.support.published_files import (
    GRIDS,
    MODULES,
    NAMES,
    OPTIONS,
    WRITERS,
    accept,
    digest,
    matrix_bytes,
    random_images,
    write_cars3d,
    write_mpi3d,
    write_shapes3d,
    write_smallnorb,
)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass


@pytest.fixture(params=NAMES)
def small(request, tmp_path, monkeypatch):
    """A data set's small files on a server, and a function that loads it."""
    name, folder = request.param, tmp_path / "served"
    folder.mkdir()
    expected = WRITERS[name](folder, GRIDS[name])
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        accept(name, folder, f"http://127.0.0.1:{server.server_port}/", monkeypatch.setattr)
        monkeypatch.setattr(published, "download", partial(download, allow_loopback_http=True))
        cache = tmp_path / "cache"

        def load(_name=name, data_dir=None, cache_dir=cache, **changes):
            return getattr(MODULES[name], name)(Paths(data_dir, cache_dir), **{**OPTIONS, **changes})

        load.cached = load
        yield SimpleNamespace(name=name, folder=folder, cache=cache, load=load, expected=expected)
        server.shutdown()


def test_images_and_factors_are_the_published_ones_in_order(small):
    data = small.load()
    rows = np.arange(len(data.images))
    assert np.array_equal(data.images[rows], small.expected)
    assert np.array_equal(data.decoded(rows[:5]), small.expected[:5].astype(np.float32) / np.float32(255))
    grid = GRIDS[small.name]
    row = np.random.default_rng(1).integers(0, len(rows))
    assert data.factors[row].tolist() == list(np.unravel_index(row, grid))
    assert data.factors[1].tolist() == [0] * (len(grid) - 1) + [1]
    assert data.source.startswith("official")


def test_the_contract_of_every_data_set_holds(small):
    load = small.load
    for law in LAWS:
        law(small.name, load)


def test_the_cache_serves_without_files_or_server(small):
    checksum = small.load().checksum
    for path in (*small.folder.iterdir(), *small.cache.glob("*/*")):
        path.unlink()
    assert small.load().checksum == checksum
    with pytest.raises(ValueError, match=r"data_dir=.*nowhere does not exist"):
        small.load(data_dir=small.folder / "nowhere")


@pytest.mark.parametrize("nested", [True, False])
def test_files_in_data_dir_are_used_and_left_alone(small, tmp_path, nested):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    small.folder.rename(data_dir / small.name if nested else data_dir)
    small.load(data_dir=data_dir)
    assert not [path for path in small.cache.rglob("*") if path.suffix in (".h5", ".npz", ".gz")]


@pytest.mark.parametrize("damage", [lambda content: content[:-100], lambda content: content[:-1] + b"?", lambda _: b""])
def test_files_that_are_not_the_published_ones_are_refused(small, tmp_path, damage):
    for path in small.folder.iterdir():
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"cannot download .*content.*by hand") as caught:
        small.load()
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"is not the published .*(md5|sha256) differs; replace it by http") as caught:
        small.load(data_dir=small.folder)
    assert "\n" not in str(caught.value)
    assert not list(small.cache.glob("*.npy"))


def test_a_prepared_file_that_was_cut_is_made_again(small, caplog):
    checksum = small.load().checksum
    path = next(path for path in small.cache.glob("*.npy") if "identical" not in path.name)
    path.write_bytes(path.read_bytes()[:-1])
    assert small.load().checksum == checksum
    assert "damaged" in caplog.text


def test_files_of_another_form_are_refused_though_their_checksum_is_right(tmp_path, monkeypatch):
    options = {**OPTIONS, "cache_dir": tmp_path / "cache"}
    for name, change, problem in (
        (
            "shapes3d",
            lambda: write_shapes3d(tmp_path, GRIDS["shapes3d"], reverse=True),
            "labels are not in the published",
        ),
        ("shapes3d", lambda: write_shapes3d(tmp_path, (3, 2, 2, 4, 2, 6)), r"images have shape \(576"),
        ("mpi3d", lambda: write_mpi3d(tmp_path, (2, 2)), r"images have shape \(4"),
        ("cars3d", lambda: write_cars3d(tmp_path, (2, 4, 3)), r"im of .* has shape \(128, 128, 3, 4, 2\)"),
        ("smallnorb", lambda: write_smallnorb(tmp_path, (2, 3, 2, 5, 3)), "lack some images"),
        ("smallnorb", lambda: write_smallnorb(tmp_path, (2, 3, 2, 6, 4)), "factors out of range"),
    ):
        change()
        with monkeypatch.context() as patch:
            accept(name, tmp_path, "https://127.0.0.1:9/", patch.setattr)
            with pytest.raises(ValueError, match=problem) as caught:
                getattr(MODULES[name], name)(Paths(tmp_path, options["cache_dir"]), **OPTIONS)
            assert "\n" not in str(caught.value)


def norb_file(part, kind, array):
    return f"{norb.PARTS[part]}-{kind}.mat.gz", gzip.compress(matrix_bytes(array), 1)


FORGED = {  # why -> name of the file and its bytes
    "password": ("mpi3d_toy.npz", encrypted(npz({"images": np.zeros(3)}))),
    "unknown method": ("mpi3d_toy.npz", of_method(npz({"images": np.zeros(3)}), 97)),
    "have shape (1000000000000,": ("mpi3d_toy.npz", npz({"images": npy(np.zeros(3), shape=(10**12, 64, 64, 3))})),
    "magic string": ("mpi3d_toy.npz", npz({"images": b"no array"})),
    "it has shape (7, 2, 96, 96)": norb_file(0, "dat", np.zeros((7, 2, 96, 96), np.uint8)),
    "it starts with 0x1e3d4c54": norb_file(0, "dat", np.zeros((160, 2, 96, 96), np.int32)),
    "it has shape (79, 4)": norb_file(1, "info", np.zeros((79, 4), np.int32)),
    "it has shape (0,)": norb_file(1, "cat", np.zeros(0, np.int32)),
    "it has shape (1000000,)": norb_file(1, "cat", np.zeros(10**6, np.int32)),
    "it starts with 0x0": (f"{norb.PARTS[1]}-cat.mat.gz", gzip.compress(bytes(100))[:-4]),
    "unpack requires a buffer": (f"{norb.PARTS[1]}-cat.mat.gz", gzip.compress(b"U")),
}


@pytest.mark.parametrize("problem", FORGED, ids=str)
def test_forged_files_are_named_though_their_checksum_is_right(tmp_path, monkeypatch, problem):
    name, content = FORGED[problem]
    family = "mpi3d" if name.startswith("mpi3d") else "smallnorb"
    WRITERS[family](tmp_path, GRIDS[family])
    (tmp_path / name).write_bytes(content)
    accept(family, tmp_path, "https://127.0.0.1:9/", monkeypatch.setattr)
    with pytest.raises(ValueError, match="replace it by https") as caught:
        getattr(MODULES[family], family)(Paths(tmp_path, tmp_path / "cache"), **OPTIONS)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").glob("*.npy"))


def test_missing_h5py_is_told_before_anything_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ValueError, match=r"needs h5py.*pip install 'betterbound\[shapes3d\]'"):
        shapes3d.shapes3d(Paths(None, tmp_path))


def test_published_addresses_are_https_and_people_are_told_where_ours_is_not(tmp_path):
    files = [shapes3d.FILE, cars3d.FILE, *map(mpi3d.published, mpi3d.MD5)]
    files += [norb.published(part, kind) for part in norb.PARTS for kind in ("dat", "cat", "info")]
    for file in files:
        assert all(url.startswith("https://") and url.endswith(file.name) for url in file.urls)
        assert len(file.checksum.value) == {"sha256": 64, "md5": 32}[file.checksum.algorithm]
    lost = replace(cars3d.FILE, urls=())
    with pytest.raises(ValueError, match=r"get http://www.scottreed.info/files/nips2015-analogy-data.tar.gz by hand"):
        published.obtain(lost, Paths(None, tmp_path))


def test_an_md5_of_the_bytes_as_sent_is_not_that_of_what_they_decompress_to(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(b"content"))
    assert published.holds(path, Checksum(digest(path), "md5", unpacked=False), 1000)
    assert published.holds(path, Checksum(hashlib.sha256(b"content").hexdigest()), 1000)
    assert not published.holds(path, Checksum(digest(path), "md5"), 1000)


def test_grids_have_the_published_numbers_of_images():
    totals = {name: module.AXES.total for name, module in MODULES.items()}
    assert totals == {"shapes3d": 480_000, "mpi3d": 1_036_800, "cars3d": 17_568, "smallnorb": 48_600}
    for name, total in totals.items():
        _, options = target_and_options(name)
        held_out = [options[key] for key in ("validation", "probe_train", "test")]
        sizes = " / ".join(f"{size:,}" for size in (total - sum(held_out), *held_out))
        assert any(row.startswith(f"| `{name}` |") and sizes in row for row in README.splitlines())


@pytest.mark.parametrize("side", [128, 96])
def test_shrinking_is_the_mean_over_areas(side):
    images = random_images(3, 2, side, side)
    edges, step = np.arange(side), side / 64
    share = [np.clip(np.minimum(edges + 1, step * (i + 1)) - np.maximum(edges, step * i), 0, 1) for i in range(64)]
    mean = np.array(share) @ images @ np.transpose(share) / step**2
    assert np.abs(shrunk(images) - mean).max() <= 0.5 + 1e-9
    assert np.array_equal(shrunk(np.full((1, 1, side, side), 255, np.uint8)), np.full((1, 1, 64, 64), 255))
