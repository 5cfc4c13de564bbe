"""Pictures beside metrics: the same files, whichever is drawn when; errors of either come out."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from benchmark.measure.encode import encode
from benchmark.measure.pictures import drawn_beside, pictures_of
from metrics.core import Codes, Representation
from models.networks import mlp


def test_pictures_are_the_same_whether_drawn_beside_or_after(tmp_path):
    torch.manual_seed(0)
    model, x = mlp((1, 8, 8), torch.full((1, 8, 8), 0.3), latent_dim=2), torch.rand((30, 1, 8, 8)).round()
    one = np.zeros((30, 2))
    codes = Codes.gaussians(one, one + 1, one)
    found = []
    for at_once in (True, False):
        folder = tmp_path / str(at_once)
        folder.mkdir()
        with drawn_beside(pictures_of(folder, model, x, encode(model, x), 0, Representation(codes, codes)), at_once):
            pass
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert sorted(found[0]) == ["prior_samples.png", "reconstructions.png", "traversals.png"]
    assert found[0] == found[1]


def test_pictures_are_drawn_while_metrics_run_only_where_there_is_a_second_thread():
    drawn = threading.Event()
    with drawn_beside([drawn.set], at_once=True):
        assert drawn.wait(60)
    drawn.clear()
    with drawn_beside([drawn.set], at_once=False):
        assert not drawn.is_set()
    assert drawn.is_set()


@pytest.mark.parametrize("at_once", [True, False])
def test_errors_of_pictures_and_of_metrics_come_out(at_once):
    def fail():
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"), drawn_beside([fail], at_once):
        pass
    with pytest.raises(ValueError, match="metrics"), drawn_beside([fail], at_once):
        raise ValueError("metrics=[mig]: no")
