"""`betterbound check`: our laws over a user's package, which say what does not hold."""

from __future__ import annotations

import pytest

from benchmark.__main__ import main
from benchmark.checks import declared as of_declared
from benchmark.checks.laws import Broken
from benchmark.checks.metrics import plain_numbers
from metrics.core import Score
from metrics.declared import Declared
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
        "metrics/spread: declared names, units and directions",
        "metrics/spread: declared ranges",
        "metrics/spread: declared chance",
        "metrics/spread: declared changes",
        "metrics/log_prior: plain numbers on an untrained model",
        "metrics/log_prior: declared names, units and directions",
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


CHANGES = ("small", "large", "one_axis", "outlier", "noise_far", "constant")


def of_spread(**more):
    """What a spread declares, without what is wrong with it."""
    given = {"reading": "from 0; no usable zero, noise is about 1.0", "unit": "units", "range": (0, 9), **more}
    return (Declared("spread", "spread", "spread", changed_by=given.pop("changed_by", CHANGES), **given),)


def spread(representation, rng):
    return [Score("spread", float(representation.test.mean.std()), unit="units", better="higher")]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, None),
        ({"unit": "nats"}, "spread has the unit 'units' and declares 'nats'"),
        ({"better": "lower"}, "spread has better='higher' and declares 'lower'"),
        ({"range": (0, 0.5)}, r"spread is 0\.99\d+ and declares the range 0 to 0\.5"),
        (
            {"reading": "0: chance"},
            r"is 0\.99\d* of codes that are noise, and -0\.25 to 0\.02 is what its reading says",
        ),
        ({"reading": "from 0"}, "of codes that are noise; say in its reading what noise scores, and 'no usable zero'"),
        ({"changed_by": CHANGES[1:]}, r"spread is 0\.99.* of the same code small; declare changed_by"),
        ({"changed_by": (*CHANGES, "permuted")}, r"spread declares changed_by 'permuted', which leaves it at 0\.99"),
    ],
)
def test_what_is_declared_must_hold(wrong, said):
    entries = of_spread(**wrong)

    def laws():
        found = of_declared.measured(spread, ["truth", "noise"])
        of_declared.names_units_and_directions(found, entries)
        of_declared.ranges(found, entries)
        of_declared.chance(of_declared.measured(spread, ["noise"]), entries)
        of_declared.changes(spread, entries)

    if said is None:
        laws()
        return
    with pytest.raises(Broken, match=said):
        laws()


def test_a_misspelt_declaration_is_found_and_a_number_in_a_name_is_none():
    with pytest.raises(Broken, match=r"^spred is not declared in SCORES beside its metric; did you mean spread\?"):
        of_declared.names_units_and_directions([Score("spred", 1.0, unit="units")], of_spread())
    entries = (Declared("top_<K>", "top <K>", "best of K", "chance is 0.5"),)
    right = [Score("top_5", 0.5, unit="score", better="higher")]
    of_declared.names_units_and_directions(right, entries)
    with pytest.raises(Broken, match="top_5 is 7 and declares the range 0 to 1"):
        of_declared.ranges([Score("top_5", 7.0)], entries)


BAD = """
import numpy as np
from metrics.core import Representation, Score
from metrics.declared import Declared
from models.posteriors import PosteriorHead

SCORES = (Declared("b_never", "never", "never", "0: chance"), Declared("b_range", "range", "range", "0: chance"))


def raises(representation: Representation, rng: np.random.Generator) -> list[Score]:
    raise RuntimeError("cannot do this")


def leaves(representation: Representation, rng: np.random.Generator) -> list[Score]:
    raise SystemExit(3)


def bare(representation: Representation, rng: np.random.Generator) -> Score:
    return Score("b_range", 0.0, unit="score", better="higher")


def misspelt(representation: Representation, rng: np.random.Generator) -> list[Score]:
    return [Score("b_nevr", 0.0, unit="score", better="higher")]


def beyond(representation: Representation, rng: np.random.Generator) -> list[Score]:
    return [Score("b_range", 7.0, unit="score", better="higher")]


def not_a_number(representation: Representation, rng: np.random.Generator) -> list[Score]:
    return [Score("b_range", float("nan"), unit="score", better="higher")]


class Builds(PosteriorHead):
    def __init__(self, features: int, latents: int) -> None:
        raise RuntimeError("no model of mine")
"""
BAD_YAML = {
    f"metrics/{name}": f"# One.\n{name}:\n  _target_: mypkg.{name}\n"
    for name in ("bare", "beyond", "leaves", "misspelt", "not_a_number", "raises")
} | {"posterior/broken": "# One.\n_target_: mypkg.Builds\n"}


def test_what_raises_is_named_and_costs_nothing_else(place, capsys):
    write_package(place, code=BAD, **BAD_YAML)
    assert main(["check", "mypkg"]) == 1
    told = capsys.readouterr().out.splitlines()
    failed = [line.removeprefix("FAILED  ") for line in told if line.startswith("FAILED")]
    for line in (
        "metrics/raises: plain numbers on truth and noise: RuntimeError: cannot do this",
        "metrics/leaves: plain numbers on truth and noise: SystemExit: 3",
        "metrics/bare: plain numbers on truth and noise: gives Score, expected a list of metrics.core.Score",
        "metrics/beyond: declared ranges: b_range is 7 and declares the range 0 to 1",
        "metrics/not_a_number: plain numbers on truth and noise: b_range is nan",
    ):
        assert line in failed
    assert any(line.startswith("metrics/misspelt: declared names, units and directions: b_nevr") for line in failed)
    assert "posterior/broken: posterior laws: RuntimeError: no model of mine" in failed
    assert len([line for line in failed if line.startswith("metrics/not_a_number")]) == 1  # and no false advice
    assert "ok      metrics/beyond: same twice" in told
    assert told[-1] == f"mypkg: {len(failed)} laws do not hold"


def test_what_is_not_a_number_is_the_same_twice_and_in_a_stack(place, capsys):
    """False advice is worse than none: NaN is said to be NaN, not to be drawn from elsewhere."""
    yaml = {"objective/tempered": "# A.\n_target_: mypkg.tempered\n"}
    write_package(place, code=CODE.replace("- inference.kl", "+ float('nan')"), **yaml)
    assert main(["check", "mypkg"]) == 1
    told = capsys.readouterr().out.splitlines()
    failed = [line for line in told if line.startswith("FAILED")]
    assert len(failed) == 1
    assert failed[0].endswith("finite with gradients to every parameter: gives values that are NaN or infinite")
    assert told[-1] == "mypkg: 1 law does not hold"


def test_scores_describe_themselves():
    for bad in (("", 1.0), ("a", None), ("a", float("inf")), ("a", 1), ("a", 1.0, -1.0, "u"), ("a", 1.0)):
        with pytest.raises(Broken):
            plain_numbers([Score(*bad)])
    plain_numbers([Score("a", 1.0, 0.1, "nats"), Score("b", None, reason="why")])
