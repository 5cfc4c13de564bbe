"""What is known of a split without holding it as numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.training.pixels import Pixels, sum_of_bits
from benchmark.training.setup import build
from tests.support.choices import image_dataset
from tests.support.composing import compose

CPU = torch.device("cpu")


@pytest.mark.parametrize(("n", "width"), [(1, 1), (254, 8), (255, 13), (256, 16), (700, 98)])
def test_bits_are_counted_in_place(n, width):
    """Against all of them unpacked; all ones is the most that the bytes of a word must hold."""
    packed = np.random.default_rng(0).integers(0, 256, (n, width), dtype=np.uint8)
    for images in (packed, np.full_like(packed, 255)):
        expected = np.unpackbits(images, axis=1).sum(0, dtype=np.int64)
        assert np.array_equal(sum_of_bits(torch.from_numpy(images)).numpy(), expected)


@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 5, 7), (16,)])
def test_packed_bits_are_unpacked_as_numpy_does(shape):
    data = image_dataset(shape, "bits", "static")
    pixels = Pixels(data, "train", CPU)
    rows = torch.tensor([3, 0, 3])
    found = pixels.batch(rows, torch.Generator())
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    assert np.array_equal(found.numpy(), data.decoded(data.splits["train"][rows.numpy()]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("storage", "binarisation"), [("bits", "static"), ("uint8", "dynamic"), ("float", "none")])
def test_a_map_of_a_file_is_read_by_batches_and_never_as_a_whole(tmp_path, storage, binarisation):
    data = image_dataset((1, 6, 6), storage, binarisation)
    np.save(tmp_path / "images.npy", data.images)
    mapped = replace(data, images=np.asarray(np.load(tmp_path / "images.npy", mmap_mode="r")))
    found = []
    for one in (data, mapped):
        pixels = Pixels(one, "train", CPU)
        assert pixels.images is None
        batch = pixels.batch(torch.arange(7), torch.Generator().manual_seed(0))
        found.append([batch, pixels.mean(), pixels.drawn(0, "train")])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_examples_are_held_as_floats_only_as_long_as_somebody_looks_at_them():
    setup = build(compose(["model.latent_dim=2"]), image_dataset((1, 6, 6)))
    held = setup.drawn["test"]
    assert setup.drawn["test"] is held
    copy = held.clone()
    del held
    assert not setup.drawn.held
    assert torch.equal(setup.drawn["test"], copy)
    assert list(setup.drawn) == ["probe", "test"]
