"""What runs on a GPU: laws of stacks there, whole runs and sweeps; nothing of it is tested where there is none."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli

from benchmark.__main__ import main
from benchmark.datasets import Dataset
from benchmark.experiment import run
from benchmark.store.record import read_record
from benchmark.training.pixels import Pixels
from models.distributions import Bits
from models.sampling import borrowed
from tests.models import test_noise as noise_laws
from tests.support.choices import image_dataset, names_in, on_a_gpu
from tests.training import test_stacked as laws
from tests.training.test_stacked import replays  # noqa: F401

pytestmark = on_a_gpu
ON_A_GPU = True
CHEAP = ("dataset=digits", "model=mlp", "model.encoder_hidden=[16]", "model.decoder_hidden=[16]", "trainer.steps=60")


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(laws.place, "device", torch.device("cuda"))


@pytest.mark.parametrize("name", [name for name in names_in("objective") if name != "untrained"])
def test_members_of_a_stack_train_as_they_would_alone(name, gpu, replays):  # noqa: F811
    more = ["objective.hidden=[5]"] if name == "factor_vae" else []
    laws.held(laws.differing(laws.plan_of(f"objective={name}", *more)), 3, [(0, 1, 2), (1,)])
    laws.all_are(replays)


@pytest.mark.parametrize("heads", laws.HEADS, ids=lambda heads: "-".join(text.partition("=")[2] for text in heads))
def test_so_they_do_with_any_heads(heads, gpu, replays):  # noqa: F811
    laws.held(laws.differing(laws.plan_of(*heads), steps=6), 2, [(0, 1), (1,)])
    laws.all_are(replays)


def test_so_do_convolutions(gpu, replays):  # noqa: F811
    plan = laws.COMPOSER.plan(["model=conv", "model.latent_dim=2", "model.channels=[3,4]", "model.hidden=[5]"])
    laws.held(laws.differing(plan, steps=6, precision="fp32"), 2, [(0, 1), (1,)])
    laws.all_are(replays)


@pytest.mark.parametrize("case", laws.PHASED)
def test_so_do_phases(case, gpu, replays):  # noqa: F811
    overrides, options = laws.PHASED[case]
    laws.held(laws.differing(laws.plan_of(*overrides), **options), 2, [(0, 1), (1,)])
    laws.all_are(replays)


@pytest.mark.parametrize("rates", ["one rate", "a rate each"])
@pytest.mark.parametrize("optimizer", laws.OPTIMISERS)
def test_so_do_all_optimisers(optimizer, rates, gpu, replays):  # noqa: F811
    laws.test_so_do_all_optimisers(optimizer, rates)
    laws.all_are(replays)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", [name for name in names_in("objective") if name != "untrained"])
def test_all_objectives_can_be_recorded_in_the_precision_that_they_train_in(name, precision, gpu, replays):  # noqa: F811
    laws.test_all_objectives_can_be_recorded_in_the_precision_that_they_train_in(name, precision, replays)


def test_patience_runs_out_for_each_by_itself(gpu, replays):  # noqa: F811
    laws.test_patience_runs_out_for_each_by_itself()
    assert any(one.record for one in replays)


def test_stacked_models_draw_from_streams_of_their_own():
    noise_laws.draws_are_those_of_each_stream("cuda")


def test_what_asks_for_the_number_of_a_step_is_computed_at_every_step(gpu, replays):  # noqa: F811
    laws.test_what_asks_for_the_number_of_a_step_is_computed_at_every_step(replays)


def test_so_is_what_remembers_on_the_way(gpu):
    laws.test_so_is_what_remembers_on_the_way(None)


def test_a_member_that_diverges_is_left_and_the_others_go_on(gpu):
    laws.test_a_member_that_diverges_is_left_and_named_and_the_others_go_on()


def test_a_run_that_is_repeated_has_the_same_scores(tmp_path):
    """On the same machine, to the bit."""
    one, other = (run(CHEAP, device="cuda", results_dir=tmp_path / name) for name in "ab")
    assert one.provenance["device"] == "cuda"
    assert one.scores
    assert one.scores == other.scores


def test_a_sweep_trains_its_runs_as_one_and_measures_them_on_all_cores(tmp_path, capsys):
    small = ["model.encoder_hidden=[16]", "model.decoder_hidden=[16]", "metrics=[rate_distortion]"]
    asked = ["-m", "dataset=digits", "model=mlp", *small, "objective=beta_vae", "objective.beta=1,4", "seed=0,1"]
    where = ["device=cuda", f"results_dir={tmp_path}", "trainer.steps=60"]
    assert main([*asked, *where]) == 0
    assert re.search(r"4 to do on \d+ processes, 4 of them in 1 stacks of up to 4", capsys.readouterr().out)
    found = [read_record(path.parent) for path in sorted(tmp_path.glob("*/runs/*/record.json"))]
    assert [(record.status, record.provenance["stacked"]) for record in found] == [("finished", 4)] * 4
    assert [record.provenance["device"] for record in found] == ["cuda:0"] * 4


def test_test_images_are_the_same_on_every_device(tmp_path):
    data = image_dataset((1, 6, 6))
    one, other = (Pixels(data, "test", torch.device(device)).drawn(3, "test").cpu() for device in ("cpu", "cuda"))
    assert torch.equal(one, other)


def test_bits_are_unpacked_alike():
    packed = np.random.default_rng(0).integers(0, 256, (20, 5)).astype(np.uint8)
    data = Dataset("bits", packed, (1, 6, 6), "bits", "none", {"test": np.arange(20)})
    here, there = (Pixels(data, "test", torch.device(device)) for device in ("cpu", "cuda"))
    rows = torch.tensor([3, 1, 19])
    assert torch.equal(here.batch(rows, None), there.batch(rows.cuda(), None).cpu())
    assert torch.equal(
        here.batch(rows, None).flatten(1), torch.from_numpy(np.unpackbits(packed[rows], 1)[:, :36]).float()
    )


def test_the_density_of_bits_is_torchs_own():
    logits, x = torch.randn(3, 4, 5, device="cuda", dtype=torch.double), torch.rand(4, 5, device="cuda").double()
    logits[0, 0] = torch.tensor([800.0, -800.0, 41.0, 22.0, 0.0])
    found = []
    for kind in (Bernoulli, Bits):
        given = [part.clone().requires_grad_() for part in (logits, x)]
        density = kind(logits=given[0], validate_args=False).log_prob(given[1])
        found.append([density, *torch.autograd.grad(density.square().sum(), given)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_convolutions_are_of_float32_and_no_less():
    x, weight = torch.randn(8, 64, 16, 16, device="cuda"), torch.randn(64, 64, 3, 3, device="cuda")
    run([*CHEAP, "metrics=[rate_distortion]"], device="cuda")
    found, exact = (torch.nn.functional.conv2d(x.to(kind), weight.to(kind)) for kind in (torch.float32, torch.float64))
    assert (found - exact).abs().max() / exact.abs().max() < 1e-5  # the shorter floats of matrix units: 1e-3


def test_a_stream_is_lent_and_the_global_one_is_left_as_it_was():
    generator = torch.Generator("cuda").manual_seed(0)
    before = torch.cuda.get_rng_state()
    with borrowed(generator):
        drawn = torch.randn(4, device="cuda")
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert torch.equal(drawn, torch.randn(4, device="cuda", generator=torch.Generator("cuda").manual_seed(0)))
