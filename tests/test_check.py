"""`betterbound check`: our laws over a user's package, which say what does not hold."""

from __future__ import annotations

import pytest

from benchmark.__main__ import main
from benchmark.checks.laws import Broken
from benchmark.checks.metrics import declared_invariances, plain_numbers
from metrics.core import Score
from tests.support.own_package import CODE, write_package

DATA = """
import numpy as np
from benchmark.datasets import Dataset, Paths


def squares(paths: Paths, *, size: int = 40) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (size, 1, 4, 4)).astype(np.uint8)
    rows = {name: np.arange(i, size, 4) for i, name in enumerate(("train", "validation", "probe", "test"))}
    return Dataset("squares", images, (1, 4, 4), "uint8", "dynamic", rows, source="drawn")
"""
YAML = {"dataset/squares": "# Noise.\n_target_: mypkg.squares\nsize: 40\n"}


def test_a_sound_package_has_a_line_for_every_law(place, capsys):
    write_package(place)
    assert main(["check", "mypkg"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == "mypkg: every law holds"
    assert all(line.startswith("ok      ") for line in told[:-1])
    for line in (
        "objective/tempered: finite with gradients to every parameter",
        "objective/tempered: same noise same value",
        "metrics/spread: plain numbers on truth and noise",
        "metrics/log_prior: plain numbers on an untrained model",
        "experiment/mine/smoke: composes and builds",
    ):
        assert f"ok      {line}" in told


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            ("inference.log_px_z[0] / temperature", "0"),
            "objective/tempered: finite with gradients to every",
        ),
        (("- inference.kl", "+ float('nan')"), "objective/tempered: finite with gradients to every parameter: gives v"),
        (
            ("- inference.kl", "- inference.kl * inference.kl.detach().clone().uniform_()"),
            "objective/tempered: same noise same value: gives two values",
        ),
        (("batch.x, 1, batch.noise", "batch.x, 1"), "missing 1 required positional argument: 'noise'"),
        ((', unit="units"', ""), "metrics/spread: plain numbers on truth and noise: spread has no unit"),
        (
            ("power).mean())", "power).mean()) / 0 * 0"),
            "metrics/spread: plain numbers on truth and noise: Z",
        ),
    ],
)
def test_what_does_not_hold_is_said(place, capsys, code, said):
    yaml = {"objective/tempered": "# A.\n_target_: mypkg.tempered\n", "metrics/spread": "# A.\nspread:\n"
            "  _target_: mypkg.spread\n"}  # fmt: skip
    kept = {
        name: text for name, text in yaml.items() if name in said or ("objective" in name and "metrics" not in said)
    }
    write_package(place, code=CODE.replace(*code), **kept)
    assert main(["check", "mypkg"]) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, ""),
        (("arange(i, size, 4)", "arange(0, size, 2)"), "splits are disjoint rows: a row is in two splits"),
        (("default_rng(0)", "default_rng()"), "same call same bytes: two loads differ"),
        (("0, 256", "0, 2"), "storage range and shape: the brightest pixel is 0.00392 once decoded"),
        (("np.uint8)", "np.uint8) * 0 + 255"), "no example is in two splits: 40 images are in two splits"),
        (("-> Dataset", "-> 'Nothing'"), "composes and builds: _target_: 'mypkg.squares' has a type that is not"),
    ],
)
def test_a_data_set_is_held_to_the_laws(place, capsys, wrong, said):
    write_package(place, code=DATA.replace(*wrong) if wrong else DATA, **YAML)
    assert main(["check", "mypkg"]) == (1 if wrong else 0)
    told = capsys.readouterr().out
    assert f"FAILED  dataset/squares: {said}" in told if wrong else "FAILED" not in told


def test_no_package_is_a_mistake(capsys):
    assert main(["check", "nosuchpkg"]) == 2
    assert "'nosuchpkg' cannot be imported" in capsys.readouterr().err


def test_an_invariance_that_is_declared_must_hold():
    class Declared:
        name, changed_by = "spread", ()

    class Honest(Declared):
        changed_by = ("small", "large", "one_axis", "outlier", "noise_far", "constant")

    def spread(representation, rng):
        return [Score("spread", float(representation.test.mean.std()), unit="units")]

    declared_invariances(spread, [Honest])
    with pytest.raises(Broken, match=r"^spread is 0\.99.* of the same code small; declare changed_by$"):
        declared_invariances(spread, [Declared])


def test_scores_describe_themselves():
    for bad in (("", 1.0), ("a", None), ("a", float("inf")), ("a", 1), ("a", 1.0, -1.0, "u"), ("a", 1.0)):
        with pytest.raises(Broken):
            plain_numbers([Score(*bad)])
    plain_numbers([Score("a", 1.0, 0.1, "nats"), Score("b", None, reason="why")])
