"""The official dSprites .npz in the user's folder: read without opening a pickle, refused when it is something else."""

import os
import zipfile

import numpy as np
import pytest

from benchmark.datasets import Paths, official
from benchmark.datasets.sprites import dsprites
from tests.support.hostile import encrypted, npy, npz, of_method, scratched
from tests.support.published_files import SMALL, write_npz


def test_npz_is_streamed_into_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(official, "BLOCK", 64)
    path = tmp_path / official.FILE
    blocks = write_npz(path, SMALL)
    official.check_order(path, SMALL.sizes)
    assert np.array_equal(np.concatenate(list(official.packed(path, SMALL.total, SMALL.canvas))), blocks)
    assert official.source_of(path).startswith("npz unlike the official one")


def test_npz_in_data_dir_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.datasets.sprites.DSPRITES", SMALL)
    (tmp_path / "data/dsprites").mkdir(parents=True)
    write_npz(tmp_path / "data/dsprites" / official.FILE, SMALL)
    options = {"validation": 20, "probe_train": 20, "test": 20}
    given = dsprites(Paths(tmp_path / "data", tmp_path / "cache"), **options)
    rendered = dsprites(Paths(None, tmp_path / "cache"), **options)
    assert given.source.startswith("npz")
    assert rendered.source == "regenerated"
    assert given.checksum == rendered.checksum


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"latents_classes": np.zeros((SMALL.total, 6), np.int64)}, "order"),
        ({"latents_classes": np.zeros((3, 6), np.int64)}, "shape"),
        ({"imgs": np.zeros((7, 32, 32), np.uint8)}, "shape"),
        ({"imgs": np.full((SMALL.total, 32, 32), 255, np.uint8)}, "other than 0 and 1"),
        ({"imgs": np.full((SMALL.total, 32, 32), None)}, "holds Python objects"),
    ],
)
def test_a_wrong_npz_is_refused(tmp_path, monkeypatch, changes, problem):
    monkeypatch.setattr("benchmark.datasets.sprites.DSPRITES", SMALL)
    write_npz(tmp_path / official.FILE, SMALL, **changes)
    with pytest.raises(ValueError, match=rf"{official.FILE} is not the dSprites file \(.*{problem}.*remove it"):
        dsprites(Paths(tmp_path, tmp_path / "cache"), validation=20, probe_train=20, test=20)


NOISE = npy(np.random.default_rng(0).integers(0, 9, (600, 6)))
FORGED = {
    "password": encrypted,
    "unknown method 97": lambda content: of_method(content, 97),
    "Bad CRC-32": lambda content: scratched(npz({"latents_classes": NOISE})),
    "latents_classes have shape (1000000000000, 6)": lambda content: npz(
        {"imgs": np.zeros(3), "latents_classes": npy(np.zeros((3, 6)), shape=(10**12, 6))}
    ),
    "There is no item named 'latents_classes.npy'": lambda content: npz({"imgs": np.zeros(3)}),
    "Corrupt input data": lambda content: scratched(npz({"latents_classes": NOISE}, zipfile.ZIP_LZMA)),
    "not a zip file": lambda content: content[:100],
    "magic string": lambda content: npz({"latents_classes": b"no array"}),
    "no regular file": None,
}


@pytest.mark.parametrize("why", FORGED, ids=str)
def test_a_forged_npz_is_refused_in_one_line(tmp_path, why):
    path = tmp_path / "dsprites" / official.FILE
    path.parent.mkdir()
    write_npz(path, SMALL)
    if forge := FORGED[why]:
        path.write_bytes(forge(path.read_bytes()))
    else:
        path.unlink()
        os.mkfifo(path)
    with pytest.raises(ValueError, match=r"is not the dSprites file") as caught:
        official.check_order(path, SMALL.sizes)
    message = str(caught.value)
    assert message.startswith(f"{path} is not")
    assert why in message
    assert message.endswith("or remove it to use regenerated images")
    assert "\n" not in message


def test_a_truncated_npz_is_refused(tmp_path):
    path = tmp_path / official.FILE
    write_npz(path, SMALL)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"is not the dSprites file .*remove it"):
        dsprites(Paths(tmp_path, tmp_path / "cache"))
