"""The contract of every data set in conf/dataset: range, types, shapes, disjoint splits, the same bytes each time."""

import importlib
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
from omegaconf import OmegaConf

from benchmark.datasets import SPLITS, Dataset, Lazy, Paths
from benchmark.datasets import mnist as mnist_file
from benchmark.datasets.core import FULL_GRID, HELD_OUT, PROBE_SEEN
from benchmark.datasets.splits import first_identical

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "conf/dataset").glob("*.yaml"))
README = (ROOT / "benchmark/datasets/README.md").read_text(encoding="utf-8")


def target_and_options(name):
    """The function that a YAML names, and its options."""
    options = OmegaConf.to_container(OmegaConf.load(ROOT / f"conf/dataset/{name}.yaml"))
    module, _, function = options.pop("_target_").rpartition(".")
    return getattr(importlib.import_module(module), function), options


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


@pytest.mark.parametrize("name", NAMES)
def test_storage_range_and_shape(name, load):
    data = load.cached(name)
    total, size = len(data.images), int(np.prod(data.shape))
    expected = {
        "uint8": (np.uint8, data.shape),
        "bits": (np.uint8, (-(-size // 8),)),
        "float": (np.float32, data.shape),
    }
    dtype, shape = expected[data.storage]
    assert data.images.dtype == dtype
    assert data.images.shape == (total, *shape)
    assert data.name == name
    assert data.source
    rows = data.splits["test"][:100]
    decoded = data.decoded(rows)
    assert decoded.shape == (len(rows), *data.shape)
    assert decoded.dtype == np.float32
    assert np.isfinite(decoded).all()
    if data.storage != "float":
        assert decoded.min() == 0
        assert 0.5 < decoded.max() <= 1
    assert (data.storage == "bits") == (data.binarisation == "static")
    assert data.storage != "bits" or set(np.unique(decoded)) == {0, 1}


def disjoint(data: Dataset) -> list[str]:
    """The splits that have no image in common."""
    shared = {HELD_OUT: (), FULL_GRID: ("train",), PROBE_SEEN: ("probe",)}[data.protocol]
    return [split for split in SPLITS if split not in shared]


@pytest.mark.parametrize("name", NAMES)
def test_splits_are_disjoint_rows(name, load):
    data = load.cached(name)
    assert set(data.splits) == set(SPLITS)
    if data.protocol == FULL_GRID:
        assert np.array_equal(np.sort(data.splits["train"]), np.arange(len(data.images)))
    if data.protocol == PROBE_SEEN:
        assert set(data.splits["probe"]) <= set(data.splits["train"])
    rows = np.concatenate([data.splits[split] for split in disjoint(data)])
    assert rows.dtype == np.int64
    assert min(len(data.splits[split]) for split in SPLITS) > 0
    assert len(np.unique(rows)) == len(rows)
    assert 0 <= rows.min() <= rows.max() < len(data.images)


@pytest.mark.parametrize("name", NAMES)
def test_no_example_is_in_two_splits(name, load):
    data = load.cached(name)
    if isinstance(data.images, Lazy) and len(data.images) > 100_000:
        data = load.cached("dsprites")  # what is painted must be the other sprite already
        assert all(np.array_equal(data.splits[split], load.cached(name).splits[split]) for split in SPLITS)
    images = data.images[np.arange(len(data.images))]
    rows = np.ascontiguousarray(images).view(np.uint8).reshape(len(images), -1)
    first = first_identical(np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8))) if rows.shape[1] % 8 else rows)
    owner = np.full(len(rows), -1)
    for index, split in enumerate(disjoint(data)):
        owner[data.splits[split]] = index
    used = owner >= 0
    lowest, highest = np.full(len(rows), 9), np.full(len(rows), -1)
    np.minimum.at(lowest, first[used], owner[used])
    np.maximum.at(highest, first[used], owner[used])
    assert np.all((lowest == highest) | (highest < 0))


@pytest.mark.parametrize("name", NAMES)
def test_factors_are_described(name, load):
    data = load.cached(name)
    if data.factors is None:
        assert data.factor_names == data.factor_types == ()
        return
    assert data.factors.dtype == np.float64
    assert data.factors.shape == (len(data.images), len(data.factor_names))
    assert len(data.factor_types) == len(data.factor_names)
    assert data.symmetry is None or data.symmetry.shape == data.factors.shape
    assert set(data.factor_types) <= {"discrete", "continuous", "circular", "label"}
    assert np.isfinite(data.factors).all()
    for values, kind in zip(data.factors.T, data.factor_types, strict=True):
        if kind in ("discrete", "label"):
            assert np.array_equal(np.unique(values), np.arange(values.max() + 1))


@pytest.mark.parametrize("name", NAMES)
def test_same_call_same_bytes_and_the_seed_matters(name, load):
    assert load(name).checksum == load.cached(name).checksum
    if "split_seed" in inspect.signature(target_and_options(name)[0]).parameters:
        assert load(name, split_seed=1).checksum != load.cached(name).checksum


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
