"""The contract of every data set in conf/dataset: range, types, shapes, disjoint splits, the same bytes each time."""

import inspect
import re
import shutil
import struct
import tempfile
import urllib.error
import urllib.request
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets import SPLITS, Dataset, Paths
from benchmark.datasets import mnist as mnist_file
from tests.support.choices import ROOT
from tests.support.dataset_laws import LAWS, README, target_and_options

NAMES = sorted(path.stem for path in (ROOT / "conf/dataset").glob("*.yaml"))


def fake_source(folder, source, seed):
    """Random idx files of the official sizes, not compressed, and a source that takes them for the real ones."""
    rng = np.random.default_rng(seed)
    hashes = {}
    for name, count in zip(source.sha256, (60_000, 60_000, 10_000, 10_000), strict=True):
        images = "images" in name
        header = struct.pack(">4I", 0x803, count, 28, 28) if images else struct.pack(">2I", 0x801, count)
        body = rng.integers(0, 256, count * 784, dtype=np.uint8) if images else np.arange(count, dtype=np.uint8) % 10
        content = header + body.tobytes()
        (folder / name).write_bytes(content)
        hashes[name] = sha256(content).hexdigest()
    return replace(source, sha256=hashes)


@pytest.fixture(scope="module")
def load():
    """Loads a data set by name, offline, with fake files for those that are downloads."""
    folder = Path(tempfile.mkdtemp())
    patch = pytest.MonkeyPatch()

    def refuse(*_args, **_kwargs):
        raise urllib.error.URLError("no network in tests")

    patch.setattr(urllib.request.OpenerDirector, "open", refuse)
    for seed, (attribute, subfolder) in enumerate((("MNIST", "mnist"), ("FASHION_MNIST", "fashion-mnist"))):
        (folder / "data" / subfolder).mkdir(parents=True)
        source = fake_source(folder / "data" / subfolder, getattr(mnist_file, attribute), seed)
        patch.setattr(mnist_file, attribute, source)

    def fresh(name, **changes) -> Dataset:
        function, options = target_and_options(name)
        try:
            return function(Paths(folder / "data", folder / "cache"), **{**options, **changes})
        except ValueError as error:
            if "no network in tests" in str(error) or "needs h5py" in str(error):
                pytest.skip(f"{name} needs a download: see test_datasets_published.py")
            raise

    fresh.cached = cache(fresh)
    yield fresh
    patch.undo()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", NAMES)
def test_yaml_writes_out_the_defaults_of_the_signature(name):
    function, options = target_and_options(name)
    first, *parameters = inspect.signature(function).parameters.values()
    assert first.name == "paths"
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)
    defaults = {parameter.name: parameter.default for parameter in parameters}
    assert options == {key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()}
    assert (ROOT / f"conf/dataset/{name}.yaml").read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_laws(law, name, load):
    law(name, load)


@pytest.mark.parametrize("name", ["digits", "mnist5k", "mnist"])
def test_splits_are_stratified(name, load):
    data = load.cached(name)
    shares = {split: np.bincount(data.factors[rows, 0].astype(int)) / len(rows) for split, rows in data.splits.items()}
    for split, share in shares.items():
        assert np.abs(share - shares["train"]).max() <= 1.5 / len(data.splits[split]) + 1.5 / len(data.splits["train"])


@pytest.mark.parametrize("name", ["digits", "mnist", "sprites"])
def test_sizes_are_options_and_held_out_parts_stay(name, load):
    small = load(name, train=100)
    assert len(small.splits["train"]) == 100
    for split in SPLITS[1:]:
        assert set(small.splits[split]) == set(load.cached(name).splits[split])
    with pytest.raises(ValueError, match=r"too few for .*validation=1000000"):
        load(name, validation=1_000_000)


def test_official_test_images_are_the_test_split(load):
    for name in ("mnist", "mnist_burda", "fashion_mnist"):
        assert np.array_equal(load.cached(name).splits["test"], np.arange(60_000, 70_000))


def test_the_released_split_of_burda_et_al_is_that_of_the_files(load):
    data = load.cached("mnist_burda")
    assert np.array_equal(data.splits["train"], np.arange(59_600))
    assert np.array_equal(data.splits["validation"], np.arange(59_600, 60_000))


def test_static_binarisation_is_one_draw_with_the_grey_values_as_probabilities(load):
    static, grey = load("mnist", binarisation="static"), load.cached("mnist")
    rows = np.arange(20_000)
    bits, probability = static.decoded(rows), grey.decoded(rows)
    assert static.storage == "bits"
    assert abs((bits - probability).mean()) < 4 * 0.5 / np.sqrt(bits.size)
    assert not bits[probability == 0].any()
    assert bits[probability == 1].all()
    assert abs(bits[(probability > 0.2) & (probability < 0.3)].mean() - 0.25) < 0.005
    assert load("mnist", binarisation="static").checksum == static.checksum
    assert np.array_equal(load("digits", binarisation="none").images, load.cached("digits").images)


@pytest.mark.parametrize("name", NAMES)
def test_readme_tells_sizes_and_checksum(name, load):
    row = re.search(rf"^\| `{name}` \|.*$", README, re.MULTILINE)
    assert row, f"benchmark/datasets/README.md has no row for {name}"
    data = load.cached(name)
    assert " / ".join(f"{len(data.splits[split]):,}" for split in SPLITS) in row[0]
    if data.source != "official idx files":
        assert f"`{data.checksum[:12]}`" in row[0]


def test_digits_are_what_scikit_learn_loads(load, monkeypatch):
    from sklearn.datasets import load_digits

    theirs = load_digits()
    ours = load("digits", binarisation="none")
    assert np.array_equal(ours.images[:, 0], np.rint(theirs.images * (255 / 16)))
    assert np.array_equal(ours.factors[:, 0], theirs.target)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # as if the file had moved
    assert load("digits", binarisation="none").checksum == ours.checksum
