"""OMNIGLOT from small files of the forms that are published, and the real drawings where they are."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from benchmark.datasets import Paths, omniglot_files
from benchmark.datasets import omniglot as module
from benchmark.datasets.core import PROBE_SEEN
from benchmark.datasets.download import Checksum, holds
from benchmark.datasets.mat5 import real_array
from tests.support.choices import ROOT
from tests.support.dataset_laws import LAWS

SMALL = ((("B_first", 2), ("a_second", 3)), (("C", 1),))  # alphabets of both parts and their numbers of characters
ORDERS = ((1, 0), (0,))  # of them in an npz
SIZES = {"validation": 10, "probe_train": 30, "test": 20}


def digest(content):
    return hashlib.sha256(content).hexdigest()


def png(ink):
    file = io.BytesIO()
    Image.fromarray(~ink).save(file, format="PNG")
    return file.getvalue()


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """The ink (120, 105, 105) of small parts, taken for the real ones, with archives in zips/ and arrays in npzs/."""
    rng, parts, ink = np.random.default_rng(0), [], []
    for folder in ("zips", "npzs"):
        (tmp_path / folder / "omniglot").mkdir(parents=True)
    for part, alphabets, order in zip(omniglot_files.PARTS, SMALL, ORDERS, strict=True):
        mine = [rng.integers(0, 10, (count, 20, 105, 105), dtype=np.uint8) < 1 for _, count in alphabets]
        path = tmp_path / "zips/omniglot" / part.file.name
        with zipfile.ZipFile(path, "w") as archive:
            for (name, _), images in reversed(list(zip(alphabets, mine, strict=True))):
                for place in np.ndindex(images.shape[:2]):
                    inside = f"{path.stem}/{name}/character{place[0] + 1:02}/{7:04}_{place[1] + 1:02}.png"
                    archive.writestr(inside, png(images[place]))
            archive.writestr("__MACOSX/._0007_01.png", b"junk")
        images = np.concatenate([mine[place] for place in order])
        np.savez_compressed(tmp_path / "npzs/omniglot" / part.npz, images=~images, labels=np.zeros(3))
        pixels = digest(np.packbits(images.reshape(-1, 105 * 105), axis=1).tobytes())
        file = replace(part.file, checksum=Checksum(digest(path.read_bytes())))
        parts.append(part._replace(file=file, alphabets=alphabets, order=order, pixels=pixels))
        ink += [images.reshape(-1, 105, 105) for images in mine]
    monkeypatch.setattr(omniglot_files, "PARTS", tuple(parts))
    return np.concatenate(ink)


def original(tmp_path, folder, cache="cache", **changes):
    return module.omniglot_original(Paths(tmp_path / folder, tmp_path / cache), **{**SIZES, **changes})


def test_original_drawings_are_the_mean_ink_of_each_pixel_in_the_order_of_alphabets(drawn, tmp_path):
    data = original(tmp_path, "zips")
    edges = np.arange(28)[:, None] * 3.75, np.arange(105)
    share = np.clip(np.minimum(edges[0] + 3.75, edges[1] + 1) - np.maximum(edges[0], edges[1]), 0, 1) / 3.75
    assert np.abs(data.images[:, 0] - 255 * (share @ drawn @ share.T)).max() <= 0.5 + 1e-9
    assert np.bincount(data.factors[:, 0].astype(int)).tolist() == [40, 60, 20]
    for law in LAWS:
        if law.__name__ != "storage_range_and_shape":
            law("omniglot_original", loader(lambda **changes: original(tmp_path, "zips", **changes)))
    assert original(tmp_path, "zips", binarisation="static").storage == "bits"


def loader(load):
    def fresh(_name, **changes):
        return load(**changes)

    fresh.cached = fresh
    return fresh


@pytest.mark.usefixtures("drawn")
def test_arrays_of_the_same_pixels_give_the_same_data(tmp_path):
    assert original(tmp_path, "npzs").checksum == original(tmp_path, "zips", "other").checksum


@pytest.mark.usefixtures("drawn")
def test_other_drawings_are_refused(tmp_path):
    path = tmp_path / "npzs/omniglot/images_evaluation.npz"
    np.savez(path, images=np.zeros((1, 20, 105, 105), np.bool_))
    with pytest.raises(ValueError, match=r"has not the published drawings \(the sha256 of its pixels differs\); repl"):
        original(tmp_path, "npzs")
    np.savez(path, images=np.zeros((1, 20, 105, 104), np.bool_))
    with pytest.raises(ValueError, match=r"images have shape \(1, 20, 105, 104\), not"):
        original(tmp_path, "npzs")
    (tmp_path / "zips/omniglot/images_evaluation.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"is not the published images_evaluation.zip.*sha256 differs; replace it by"):
        original(tmp_path, "zips")


@pytest.mark.parametrize(
    ("content", "problem"),
    [(png(np.zeros((5, 105), bool)), "an image of"), (b"x" * 200_000, "200,000 bytes"), (b"x", "cannot identify")],
)
def test_pictures_of_another_form_are_refused_though_the_checksum_is_right(
    drawn, tmp_path, monkeypatch, content, problem
):
    first, second = omniglot_files.PARTS
    path = tmp_path / "zips/omniglot" / second.file.name
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20):
            archive.writestr(f"images_evaluation/C/character01/0007_{number:02}.png", content)
    file = replace(second.file, checksum=Checksum(digest(path.read_bytes())))
    monkeypatch.setattr(omniglot_files, "PARTS", (first, second._replace(file=file)))
    with pytest.raises(ValueError, match=problem) as caught:
        original(tmp_path, "zips")
    assert str(caught.value).startswith(f"{path} is not the published archive")
    assert "\n" not in str(caught.value)


def burda(tmp_path, monkeypatch, **changes):
    """A small chardata.mat, whose greys (n, 28, 28) are given back."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(module, "COUNTS", {"data": 1450, "testdata": 50})
    greys, arrays = {}, {}
    for name, count in module.COUNTS.items():
        greys[name] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[name] = (greys[name] / 255).transpose(0, 2, 1).reshape(count, 784).T
        arrays[module.LABELS[name]] = np.eye(50)[:, np.arange(count) % 50]
    path = tmp_path / "chardata.mat"
    savemat(path, {**arrays, **changes})
    content = path.read_bytes()
    known = Checksum(hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(), "git", unpacked=False)
    monkeypatch.setattr(module, "BURDA", replace(module.BURDA, checksum=known))
    return np.concatenate(list(greys.values()))


def test_chardata_is_read_column_by_column_and_split_as_burda_et_al_do(tmp_path, monkeypatch):
    greys = burda(tmp_path, monkeypatch)

    def load(**changes):
        return module.omniglot(Paths(tmp_path, tmp_path / "cache"), **{"probe_train": 100, **changes})

    data = load()
    assert np.array_equal(data.images[:, 0], greys)
    assert data.factors[:, 0].tolist() == [*(np.arange(1450) % 50), *(np.arange(50))]
    order = np.random.RandomState(123).permutation(1450)
    assert np.array_equal(data.splits["train"], order[:-1345])
    assert np.array_equal(data.splits["validation"], order[-1345:])
    assert np.array_equal(data.splits["test"], np.arange(1450, 1500))
    assert data.protocol == PROBE_SEEN
    for law in LAWS:
        law("omniglot", loader(load))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"data": np.zeros((784, 3))}, "have shapes"),
        ({"data": np.full((784, 1450), 2.0)}, "values from 2 to 2"),
        ({"target": np.eye(3)}, "have shapes"),
        ({"data": "text"}, "no array of real numbers"),
    ],
    ids=["shape", "range", "labels", "text"],
)
def test_another_chardata_is_refused(tmp_path, monkeypatch, changes, problem):
    burda(tmp_path, monkeypatch, **changes)
    with pytest.raises(ValueError, match=f"is not Burda's chardata.mat .*{problem}") as caught:
        module.omniglot(Paths(tmp_path, tmp_path / "cache"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4", "u1", "i2", "u2", "i4"])
def test_real_arrays_are_read_as_scipy_writes_them(dtype, compress):
    file, array = io.BytesIO(), np.random.default_rng(0).integers(0, 200, (5, 7)).astype(dtype)
    savemat(file, {"x": array}, do_compression=compress)
    assert np.array_equal(real_array(file.getvalue(), "x"), array)


def test_a_file_is_known_by_what_git_calls_it(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"hello\n")
    assert holds(path, Checksum("ce013625030ba8dba906f756967f9e9ca394464a", "git", unpacked=False), 100)
    assert not holds(path, Checksum("ce013625030ba8dba906f756967f9e9ca394464b", "git", unpacked=False), 100)


def test_alphabets_are_those_of_the_published_sets():
    counts = omniglot_files.sizes_of_alphabets()
    assert (len(counts), sum(counts), sum(counts[:30])) == (50, 32_460, 964 * 20)
    for part in omniglot_files.PARTS:
        assert sorted(part.order) == list(range(len(part.alphabets)))
        assert len(part.file.checksum.value) == len(part.pixels) == 64
        assert part.file.urls[0].startswith("https://")
        names = [name for name, _ in part.alphabets]
        assert names == sorted(names)


def test_the_real_drawings_give_the_data_that_the_list_says(tmp_path):
    places = [ROOT.parent / "shared/data", Path(os.environ.get("BETTERBOUND_TEST_DATA", "/nowhere"))]
    place = next((place for place in places if (place / "omniglot" / omniglot_files.BACKGROUND.npz).is_file()), None)
    if place is None:
        pytest.skip("the drawings are not here (BETTERBOUND_TEST_DATA names the folder of their folder)")
    part = omniglot_files.BACKGROUND
    found = omniglot_files._of_npz(part, place / "omniglot" / part.npz)
    assert [len(alphabet) for alphabet in found] == omniglot_files.sizes_of_alphabets()[:30]
