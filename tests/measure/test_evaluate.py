"""Representations brought along: good ones are told apart, hostile ones are refused in one line."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from benchmark import run
from benchmark.evaluate import main
from benchmark.measure.bring import read_npz
from benchmark.notebook import score
from benchmark.store.codes import save_codes
from tests.support.choices import TINY

METRICS = "metrics=[mig,dci,linear_probe,information]"


def factors_of(number=1200, seed=0):
    return np.random.default_rng(seed).integers(0, 5, (number, 3))


def codes_of(kind):
    rng, factors = np.random.default_rng(1), factors_of()
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    return {"perfect": factors, "rotated": factors @ rotation, "noise": rng.standard_normal((1200, 3))}[kind]


def value(table, metric):
    rows = table[(table["name"] == metric) & table["factor"].isna()]
    return rows["value"].iloc[-1]


def test_perfect_rotated_and_noise_codes_are_told_apart():
    tables = {kind: score({"codes": codes_of(kind), "factors": factors_of()}, [METRICS])
              for kind in ("perfect", "rotated", "noise")}  # fmt: skip
    for metric in ("mig_hist", "dci_lightgbm_disentanglement"):
        perfect, rotated, noise = (value(tables[kind], metric) for kind in ("perfect", "rotated", "noise"))
        assert perfect > 0.95 > 0.6 > rotated > noise - 0.05
    assert (
        value(tables["rotated"], "linear_probe_accuracy") > 0.6 > 0.3 > value(tables["noise"], "linear_probe_accuracy")
    )


def test_the_command_line_writes_scores_in_the_format_of_records(tmp_path, capsys):
    np.savez(tmp_path / "mine.npz", codes=codes_of("perfect"), factors=factors_of(), factor_names=["a", "b", "c"])
    assert main([str(tmp_path / "mine.npz"), METRICS]) == 0
    out = capsys.readouterr().out
    assert "mig_hist" in out
    content = json.loads((tmp_path / "mine.scores.json").read_text())
    names = {item["name"] for item in content["scores"]}
    assert names >= {"mig_hist", "dci_lightgbm_disentanglement", "linear_probe_accuracy", "active_units"}
    assert {"a", "b", "c"} <= {item["factor"] for item in content["scores"]}


def test_the_same_seed_gives_the_same_scores():
    arrays = {"codes": codes_of("rotated"), "factors": factors_of()}
    assert score(arrays, ["metrics=[dci]"], seed=3).equals(score(arrays, ["metrics=[dci]"], seed=3))


def test_a_run_folder_and_a_callable(tmp_path, cache_dir, monkeypatch):
    record = run(TINY, results_dir=tmp_path, cache_dir=cache_dir)
    folder = next((tmp_path / "single" / "runs").iterdir())
    units = record.score("active_units", "mean").value
    assert value(score(folder, ["metrics=[information]"]), "active_units") == units
    (tmp_path / "mine_encoder.py").write_text(
        "def rows(images):\n    return images.mean(-1).reshape(len(images), -1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    overrides = ["dataset=digits", f"cache_dir={cache_dir}", "metrics=[linear_probe]"]
    assert value(score("mine_encoder:rows", overrides), "linear_probe_accuracy") > 0.3


GOOD = {"codes": np.arange(24.0).reshape(12, 2), "factors": np.arange(12) % 3}
HOSTILE = {
    "holds Python objects": {**GOOD, "codes": np.array([{}] * 12, dtype=object)},
    "no 'factors'": {"codes": GOOD["codes"]},
    "unknown keys ['labels']": {**GOOD, "labels": np.arange(12)},
    "NaN or infinite": {**GOOD, "codes": np.full((12, 2), np.nan)},
    "has shape (0, 2)": {"codes": np.zeros((0, 2)), "factors": np.zeros((0, 1))},
    "has shape (12, 2, 2)": {**GOOD, "codes": np.zeros((12, 2, 2))},
    "factors has 11 rows, codes has 12": {**GOOD, "factors": np.arange(11)},
    "has one value only": {**GOOD, "factors": np.zeros(12)},
    "has dtype <U1": {**GOOD, "factors": np.array(list("abcabcabcabc"))},
    "stddev has shape (12, 3)": {**GOOD, "stddev": np.ones((12, 3))},
    "unknown factor types": {**GOOD, "factor_types": np.array(["ordinal"])},
    "symmetry has 3 rows": {**GOOD, "symmetry": np.ones(3)},
    "bad.npz: symmetry of factor 'factor_1' must be 1": {**GOOD, "symmetry": np.full(12, 2)},
    "the test part has": {**GOOD, "codes_test": np.zeros((4, 2))},
    "too few to split": {"codes": np.zeros((3, 1)), "factors": np.arange(3)},
    "codes: has dtype complex128": {**GOOD, "codes": GOOD["codes"] + 1j},
    "codes: has dtype [('x', '<f8')": {**GOOD, "codes": np.zeros(12, [("x", float)])},
    "factor_names: has shape () and dtype <U5": {**GOOD, "factor_names": np.array("shape")},
    "factor_names: has shape (1,) and dtype int64": {**GOOD, "factor_names": np.array([3])},
    "factor_names: 'a\\nb' cannot be printed": {**GOOD, "factor_names": np.array(["a\nb"])},
    "factor_names: '' cannot be printed": {**GOOD, "factor_names": np.array([""])},
    "two factors have one name: a, a": {
        "codes": GOOD["codes"],
        "factors": np.arange(24).reshape(12, 2) % 5,
        "factor_names": np.array(["a", "a"]),
    },
}
if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
    HOSTILE["codes: has NaN or infinite"] = {**GOOD, "codes": np.full((12, 2), np.longdouble("1e1000"))}


@pytest.mark.parametrize("message", HOSTILE, ids=str)
def test_hostile_files_are_refused_in_one_line(tmp_path, capsys, message):
    np.savez(tmp_path / "bad.npz", **HOSTILE[message])
    assert main([str(tmp_path / "bad.npz"), "metrics=[mig]"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "bad.scores.json").exists()


def of_a_run(**changes):
    parts = {f"{split}_{key}": GOOD["codes"] for split in ("train", "test") for key in ("mean", "stddev", "sample")}
    factors = {f"{split}_factors": GOOD["factors"][:, None] for split in ("train", "test")}
    names = {"factor_names": np.array(["a"]), "factor_types": np.array(["discrete"])}
    return {key: array for key, array in {**parts, **factors, **names, **changes}.items() if array is not None}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        *(
            ({key: None}, f"{key} is missing; repeat the run with force=true")
            for key in of_a_run()
            if "_factors" not in key
        ),
        ({"test_mean": GOOD["codes"] + 1j}, "test_mean: has dtype complex128"),
        ({"test_mean": GOOD["codes"][:, :1]}, "mean, sample, stddev must begin with a mean and share one shape"),
        ({"train_factors": None}, "are named but not given"),
        ({"factor_types": np.array("discrete")}, "factor_types: has shape ()"),
    ],
)
def test_codes_of_a_run_with_a_part_missing_or_strange_are_refused(tmp_path, capsys, change, problem):
    path = tmp_path / "codes.npz"
    np.savez(path, **of_a_run())
    assert len(read_npz(path, seed=0).test) == 12
    np.savez(path, **of_a_run(**change))
    assert main([str(tmp_path), "metrics=[mig]"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}: ")
    assert problem in error
    assert len(error.splitlines()) == 1


NONSENSE = """
import numpy as np
text = "no function"
calls = []
def none(images): return None
def ragged(images): return [[1], [1, 2]]
def scalar(images): return 3
def words(images): return ["a"] * len(images)
def complex_(images): return np.ones((len(images), 2)) * 1j
def nan(images): return np.full((len(images), 2), np.nan)
def short(images): return np.zeros((len(images) - 1, 2))
def wider(images): return np.random.default_rng(0).random((len(images), calls.append(1) or len(calls)))
def broken(images): raise ValueError("first\\nsecond")
def leaves(images): raise SystemExit(0)
"""


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("os:getcwd", "fails on images of shape (400, 1, 8, 8) (TypeError: "),
        ("os:sep", "is of type str, not a function"),
        ("sys:exit", "fails on images"),
        (":", "cannot be imported"),
        ("nonsense:", "cannot be imported"),
        ("nonsense:absent", "cannot be imported"),
        ("leaver:f", "cannot be imported (SystemExit: "),
        ("nonsense:none", "has dtype object"),
        ("nonsense:ragged", "fails on images"),
        ("nonsense:scalar", "has shape ()"),
        ("nonsense:words", "has dtype <U1"),
        ("nonsense:complex_", "has dtype complex128"),
        ("nonsense:nan", "has NaN"),
        ("nonsense:short", "gave 399 codes for 400 images"),
        ("nonsense:wider", "train has 1 code dimensions, test has 2"),
        ("nonsense:broken", "(ValueError: first second; "),
        ("nonsense:leaves", "nonsense.py:14)"),
    ],
)
def test_functions_that_give_no_codes_are_refused_in_one_line(tmp_path, monkeypatch, capsys, target, problem):
    (tmp_path / "nonsense.py").write_text(NONSENSE)
    (tmp_path / "leaver.py").write_text("import sys\nsys.exit(0)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "nonsense", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main([target, "dataset=digits", "metrics=[information]"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {target}: ")
    assert problem in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.glob("*.json"))


def test_scores_that_cannot_be_written_are_an_error_that_names_the_way_out(tmp_path, monkeypatch, capsys):
    np.savez(tmp_path / "mine.npz", **GOOD)
    call = [str(tmp_path / "mine.npz"), "metrics=[information]"]
    (tmp_path / "file").touch()
    assert main([*call, "--output", str(tmp_path / "file/scores.json")]) == 2
    monkeypatch.setattr("os.access", lambda *_: False)
    assert main(call) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert errors[0].startswith(f"error: cannot write {tmp_path / 'file/scores.json'} (")
    assert errors[1].startswith(f"error: cannot write {tmp_path / 'mine.scores.json'} (the folder is read-only)")
    assert all("--output" in line for line in errors)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine.npz"]
    monkeypatch.undo()
    assert main([*call, "--output", str(tmp_path / "new/scores.json")]) == 0
    assert json.loads((tmp_path / "new/scores.json").read_text())["scores"]


def test_what_is_no_npz_is_refused(tmp_path, capsys):
    (tmp_path / "bad.npz").write_text("not a zip")
    np.save(tmp_path / "array.npy", np.zeros(3))
    sources = [str(tmp_path / name) for name in ("bad.npz", "array.npy", "absent.npz", "x" * 300)]
    assert [main([source, "metrics=[mig]"]) for source in sources] == [2] * 4
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(source in line for source, line in zip(sources, lines, strict=True))
    assert all(line.startswith("error: ") for line in lines)
    assert all("is no npz file (File is not a zip file)" in line for line in lines[:2])


def test_symmetry_of_circles_is_brought_and_kept(tmp_path):
    fold, turn = np.tile([1, 2, 4], 200), np.random.default_rng(0).integers(0, 39, 600)
    angle = 2 * np.pi * turn * fold / 39
    brought = {"codes": np.column_stack([np.sin(angle), np.cos(angle)]), "factors": turn, "symmetry": fold}
    brought["factor_types"] = np.array(["circular"])
    np.savez(tmp_path / "mine.npz", **brought)
    data = read_npz(tmp_path / "mine.npz", seed=0)
    save_codes(tmp_path, data)
    again = read_npz(tmp_path / "codes.npz", seed=0)
    assert np.array_equal(again.test.symmetry, data.test.symmetry)
    assert np.array_equal(
        np.sort(np.concatenate([again.train.symmetry, again.test.symmetry]), axis=None), np.sort(fold)
    )
    assert value(score(tmp_path / "codes.npz", ["metrics=[linear_probe]"]), "linear_probe_r2") > 0.999


def test_what_a_metric_refuses_is_said_with_the_file(tmp_path, capsys):
    np.savez(tmp_path / "mine.npz", **GOOD, factor_types=np.array(["label"]))
    assert main([str(tmp_path / "mine.npz"), "metrics=[mig]"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / 'mine.npz'}: metrics=[mig]: ")
    assert len(error.splitlines()) == 1


def test_evidence_of_codes_does_not_exist(tmp_path, capsys):
    np.savez(tmp_path / "mine.npz", **GOOD)
    assert main([str(tmp_path / "mine.npz"), "metrics=[rate_distortion]"]) == 2
    assert "needs a model" in capsys.readouterr().err
