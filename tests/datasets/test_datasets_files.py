"""Official files: the user's are verified and never changed, those in the cache are repaired."""

import gzip
import re
import urllib.error
import urllib.request
from dataclasses import replace

import numpy as np
import pytest

from benchmark.datasets import Paths, idx, mnist
from tests.support.choices import ROOT
from tests.support.published_files import mnist_files, sha256_of

REAL = ROOT.parent / "shared/data"
IMAGES = "train-images-idx3-ubyte"
SIZES = {"validation": 20, "probe_train": 30}


@pytest.fixture
def contents(monkeypatch):
    """Four small files by name, which count as MNIST's in this test; no network."""
    files = mnist_files()
    monkeypatch.setattr(mnist, "MNIST", replace(mnist.MNIST, sha256=sha256_of(files)))

    def refuse(*_args, **_kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refuse)
    return files


def put(folder, contents, compress=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("folder", ["data", "data/mnist", "data/MNIST/raw"])
def test_files_are_found_in_data_dir(contents, tmp_path, folder, compress):
    put(tmp_path / folder, contents, compress)
    data = mnist.mnist(Paths(tmp_path / "data", tmp_path / "cache"), **SIZES)
    assert {name: len(rows) for name, rows in data.splits.items()} == {
        "train": 150, "validation": 20, "probe": 30, "test": 50,
    }  # fmt: skip
    assert data.images[:200].tobytes() == contents[IMAGES][16:]
    assert not (tmp_path / "cache").exists()


def test_files_are_found_in_the_cache_when_data_dir_lacks_them(contents, tmp_path, caplog):
    (tmp_path / "data").mkdir()
    put(tmp_path / "cache/mnist", contents)
    mnist.mnist(Paths(tmp_path / "data", tmp_path / "cache"), **SIZES)
    assert f"data_dir={tmp_path / 'data'} lacks {IMAGES}" in caplog.text


def test_a_data_dir_that_does_not_exist_is_an_error_at_once(contents, tmp_path):
    put(tmp_path / "cache/mnist", contents)
    with pytest.raises(ValueError, match=r"data_dir=.*nowhere does not exist; "):
        mnist.mnist(Paths(tmp_path / "nowhere", tmp_path / "cache"), **SIZES)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is not a folder"):
        mnist.mnist(Paths(tmp_path / "file", tmp_path / "cache"), **SIZES)


def test_no_network_and_no_files_tells_what_to_do(contents, tmp_path):
    with pytest.raises(ValueError, match="cannot download") as caught:
        mnist.mnist(Paths(None, tmp_path / "cache"), **SIZES)
    message = str(caught.value).splitlines()[0]
    for url in mnist.MNIST.mirrors:
        assert f"{url}{IMAGES}.gz (no network)" in message
    assert "data_dir" in message
    assert "by hand" in message


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda content: gzip.compress(content)[:-2000], "cannot be read"),
        (lambda content: gzip.compress(content[:-1]), "truncated or too long"),
        (lambda content: gzip.compress(content[:10]), "truncated"),
        (lambda content: b"", "not an idx file"),
        (lambda content: b"<html>not found</html>", "not an idx file"),
        (lambda content: gzip.compress(b"\0\0\x0d\x03" + content[4:]), "not an idx file"),
        (lambda content: gzip.compress(content[:-1] + bytes([content[-1] ^ 1])), "sha256 differs"),
    ],
)
def test_damaged_files_in_data_dir_are_named(contents, tmp_path, damage, problem):
    put(tmp_path, contents)
    path = tmp_path / f"{IMAGES}.gz"
    path.write_bytes(damage(contents[IMAGES]))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=problem) as caught:
        mnist.mnist(Paths(tmp_path, tmp_path / "cache"), **SIZES)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "remove it to have it downloaded" in message
    assert "\n" not in message
    assert path.read_bytes() == before


def test_a_damaged_file_in_the_cache_is_fetched_again(contents, tmp_path, monkeypatch, caplog):
    put(tmp_path / "mnist", contents)
    path = tmp_path / "mnist" / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:1000])

    def fetch(_urls, target, **_options):
        target.write_bytes(gzip.compress(contents[IMAGES]))

    monkeypatch.setattr(idx, "download", fetch)
    mnist.mnist(Paths(None, tmp_path), **SIZES)
    assert str(path) in caplog.text


@pytest.mark.parametrize(("name", "folder"), [("mnist", "mnist"), ("fashion_mnist", "fashion-mnist")])
def test_real_files_where_they_are_at_hand(name, folder, tmp_path):
    if not (REAL / folder).is_dir():
        pytest.skip("the official files are not here")
    data = getattr(mnist, name)(Paths(REAL, tmp_path))
    assert getattr(mnist, name)(Paths(REAL / folder, tmp_path)).checksum == data.checksum
    counts = np.bincount(data.factors[data.splits["test"], 0].astype(int)).tolist()
    assert counts == (
        [1000] * 10 if name == "fashion_mnist" else [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    )
    readme = (ROOT / "benchmark/datasets/README.md").read_text(encoding="utf-8")
    assert f"`{data.checksum[:12]}`" in re.search(rf"^\| `{name}` \|.*$", readme, re.MULTILINE)[0]
