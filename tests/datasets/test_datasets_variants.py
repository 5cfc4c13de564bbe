"""Data sets made from others: painted sprites, correlated factors, the full grid; lazy images in training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.datasets import Lazy, Paths, more_sprites, variants
from benchmark.datasets.sprites import sprites
from benchmark.reporting.columns import group_titles
from benchmark.training.loading import comparison_group
from benchmark.training.pixels import LAZY_MEAN, Pixels
from tests.support.choices import image_dataset
from tests.support.composing import compose


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return Paths(None, tmp_path_factory.mktemp("sprites"))


@pytest.fixture(scope="module")
def plain(paths):
    return sprites(paths)


def test_random_bytes_depend_on_row_and_stream_alone():
    rows = np.array([5, 700_000, 3])
    drawn = variants.random_bytes(rows, 30, "noise")
    assert np.array_equal(drawn[[2, 0]], variants.random_bytes(rows[[2, 0]], 30, "noise"))
    assert not np.array_equal(drawn, variants.random_bytes(rows, 30, "colour"))
    known = variants.random_bytes(np.array([0]), 8, "colour").tobytes()
    assert known == KNOWN.to_bytes(8, "little")
    many = variants.random_bytes(np.arange(2000), 1000, "noise")
    counts = np.bincount(many.ravel(), minlength=256)
    assert ((counts - 7812.5) ** 2 / 7812.5).sum() == pytest.approx(255, abs=5 * np.sqrt(2 * 255))
    for other in (many[1:, :], many[:-1, 8:]):  # neither rows nor positions are correlated
        assert abs(np.corrcoef(many[:-1, : other.shape[1]].ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(other.size)


def splitmix64(counter):
    """The published generator on Python's integers."""
    state = counter * 0x9E3779B97F4A7C15 % 2**64
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


KNOWN = splitmix64(1 + (1 << 56))


@pytest.mark.parametrize("paint", [variants.in_colour, variants.in_noise])
def test_painted_images_are_the_same_in_whatever_batch(plain, paint):
    data = variants.painted(plain, "painted", paint)
    rows = np.random.default_rng(0).permutation(len(plain.images))[:500]
    images, lit = data.images[rows], plain.decoded(rows) > 0
    assert images.dtype == np.uint8
    assert images.shape == (500, *data.shape) == (500, 3, 32, 32)
    assert np.array_equal(data.images[rows[200:201]], images[200:201])
    assert np.array_equal(data.decoded(rows), images.astype(np.float32) / np.float32(255))
    on, off = np.broadcast_to(lit, images.shape), np.broadcast_to(~lit, images.shape)
    if paint is variants.in_colour:
        assert not images[off].any()
        assert (images[on].min(), images[on].max()) == (128, 255)
        assert images.max(axis=(2, 3))[:, 0].std() == pytest.approx(128 / np.sqrt(12), rel=0.1)
        assert all(len(np.unique(image[0][spot[0]])) == 1 for image, spot in zip(images, lit, strict=True))
    else:
        assert (images[on] == 255).all()
        assert images[off].mean() == pytest.approx(127.5, abs=0.5)
    assert data.checksum != variants.painted(plain, "other", paint).checksum
    assert all(np.array_equal(data.splits[split], rows) for split, rows in plain.splits.items())


@pytest.mark.parametrize("storage", ["uint8", "float"])
def test_lazy_images_train_as_others_do(storage):
    eager = image_dataset((3, 5, 4), storage, "none")
    lazy = replace(eager, images=Lazy(eager.images.shape, eager.images.__getitem__, "these"))
    one, two = (Pixels(data, "train", torch.device("cpu")) for data in (eager, lazy))
    assert two.images is None
    assert len(one) == len(two) < LAZY_MEAN
    rows, generator = torch.tensor([3, 0, 3]), torch.Generator()
    assert torch.equal(one.batch(rows, generator), two.batch(rows, generator))
    assert torch.equal(one.mean(), two.mean())
    assert torch.equal(one.drawn(0, "train"), two.drawn(0, "train"))
    assert lazy.checksum != eager.checksum == replace(eager).checksum
    assert lazy.checksum != replace(lazy, images=replace(lazy.images, content="those")).checksum


def test_correlated_training_images_follow_the_law(paths, plain):
    data = more_sprites.sprites_correlated(paths, sigma=0.3)
    for split in ("probe", "test"):
        assert np.array_equal(np.sort(data.splits[split]), np.sort(held_out(paths).splits[split]))
    grid = data.factors[:, [1, 3]]
    weight = np.exp(-((grid[:, 0] / 3 - grid[:, 1] / 13) ** 2) / (2 * 0.3**2))
    pool = np.concatenate([held_out(paths).splits["train"], held_out(paths).splits["validation"]])
    used = np.concatenate([data.splits["train"], data.splits["validation"]])
    assert len(np.unique(used)) == len(used) == pytest.approx(weight[pool].sum(), abs=5 * np.sqrt(len(pool)) / 2)
    cell = (grid[:, 0] * 14 + grid[:, 1]).astype(int)
    expected, found = np.bincount(cell[pool], weight[pool], 56), np.bincount(cell[used], minlength=56)
    assert (np.abs(found - expected) < 5 * np.sqrt(np.maximum(expected, 1))).all()
    assert np.corrcoef(data.factors[used][:, [1, 3]].T)[0, 1] > 0.6
    assert abs(np.corrcoef(data.factors[data.splits["test"]][:, [1, 3]].T)[0, 1]) < 0.08
    assert abs(np.corrcoef(data.factors[used][:, [0, 3]].T)[0, 1]) < 0.08
    assert "scale and pos_x correlated" in data.source


def held_out(paths):
    return sprites(paths, probe_train=3000, test=3000)


def test_correlated_factors_are_checked(paths):
    with pytest.raises(ValueError, match=r"no factor 'colour'; choose of \['shape'"):
        more_sprites.sprites_correlated(paths, factors=("colour", "scale"))
    with pytest.raises(ValueError, match="name two"):
        more_sprites.sprites_correlated(paths, factors=("scale", "scale"))
    with pytest.raises(ValueError, match=r"'sprites_correlated' has \d+ examples to split, too few"):
        more_sprites.sprites_correlated(paths, train=30_000)
    assert len(more_sprites.sprites_correlated(paths, train=500).splits["train"]) == 500


def test_the_full_grid_is_labelled_in_groups_and_titles(paths, plain):
    full = more_sprites.sprites_full(paths)
    assert np.array_equal(np.sort(full.splits["train"]), np.arange(35_280))
    for split in ("validation", "probe", "test"):
        assert np.array_equal(full.splits[split], plain.splits[split])
    groups = [
        comparison_group(compose([f"dataset={name}"]), data)
        for name, data in (("sprites", plain), ("sprites_full", full))
    ]
    assert groups[0] == f"sprites/static/counting/{plain.checksum[:8]}"
    titles = group_titles(groups)
    assert titles[groups[0]] == "sprites, static binarisation, counting measure"
    assert titles[groups[1]].startswith("sprites_full (trained on the full grid), static binarisation")


def test_a_run_on_lazy_images_says_its_protocol(plan_of_run, monkeypatch):
    from benchmark.experiment import execute

    tiny = replace(image_dataset((3, 8, 8), "uint8", "none"), protocol="trained on the full grid")
    lazy = replace(tiny, images=Lazy(tiny.images.shape, tiny.images.__getitem__, "these"))
    monkeypatch.setattr("benchmark.training.setup.load_dataset", lambda *_: lazy)
    record = execute(plan_of_run("model=mlp", "metrics=[information]"))
    assert record.provenance["protocol"] == "trained on the full grid"
    assert "/pseudo-nats/" in record.group
