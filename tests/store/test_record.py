"""Records that were damaged, edited or never ours: each is named, none stops what is done with the others."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest

from benchmark.reporting.leaderboard import write_report
from benchmark.store.documents import Damaged, digest, sealed, unsealed
from benchmark.store.manifest import FILE as MANIFEST
from benchmark.store.manifest import read_manifest, replace_manifest
from benchmark.store.record import FILE, known_record, make_way, read_folder, read_record, write_record
from metrics.core import Score
from tests.support.records import realistic, record

GOOD = record(scores=[Score("rate", 1.0, 0.1, "nats")])


def content(**changes):
    return {**json.loads(json.dumps(asdict(GOOD))), **changes}


def written(folder: Path, found) -> Path:
    """A record of any content with the right digest."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps({**found, "digest": digest(found)}))
    return folder


def scored(**changes):
    return content(scores=[{**asdict(GOOD.scores[0]), **changes}])


def config(**changes):
    return content(config={**GOOD.config, **changes})


WRONG = {
    "value": (scored(value="1.0"), "scores.0.value: Input should be a valid number"),
    "a truth": (scored(value=True), "scores.0.value: Input should be a valid number"),
    "huge": (scored(value=1e101), "scores: Value error, rate is greater than 1e+100"),
    "labels": (scored(num_labels=2**70), "rate has 1180591620717411303424 labels"),
    "better": (scored(better="up"), "scores.0.better: Input should be 'higher' or 'lower'"),
    "field": (scored(more=1), "scores.0.more: Unexpected keyword argument"),
    "scores": (content(scores={}), "scores: Input should be a valid array"),
    "choices": (content(choices=[]), "choices: Input should be an object"),
    "no model": (content(choices={"dataset": "a"}), "choices.model: Field required"),
    "config": (content(config={}), "config.dataset: Field required"),
    "objective": (config(objective="elbo"), "config.objective: Input should be"),
    "seed": (config(seed="0"), "config.seed: Input should be a valid integer"),
    "great seed": (config(seed=2**63), "config.seed: Input should be less than 9223372036854775808"),
    "metrics": (config(metrics=["mig"]), "config.metrics: Input should be"),
    "status": (content(status="done"), "status: Input should be 'finished' or 'failed'"),
    "error": (content(error="no"), "error: Input should be an object"),
    "versions": (content(provenance={"versions": 3}), "provenance.versions: Input should be"),
    "schema": (content(schema=2), "has schema 2, this version reads 1"),
    "no schema": ({key: of for key, of in content().items() if key != "schema"}, "has schema null, this version"),
    "unknown": (content(more=1), "more: Unexpected keyword argument"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_types_with_the_right_digest(tmp_path, name):
    found, why = WRONG[name]
    folder = written(tmp_path / "run", found)
    for text in ((folder / FILE).read_text(), sealed(found)):
        (folder / FILE).write_text(text)
        with pytest.raises(Damaged) as error:
            read_record(folder)
        assert why in str(error.value)
        assert "\n" not in str(error.value)


ODD = {"of": [1, '\n ,"digest":'] * 30}
LONG = record(scores=GOOD.scores * 30, options={"z": ODD, "b": ODD, "a": 1.0})


@pytest.mark.parametrize("of", [GOOD, LONG], ids=["short", "long"])
def test_no_byte_of_a_record_changes_unseen(tmp_path, of):
    path = write_record(tmp_path, of)
    text = path.read_bytes()
    assert text.count(b"\n") > 3
    assert max(map(len, text.splitlines())) < 300
    for place in range(0, len(text), 1 + len(text) // 1000):
        path.write_bytes(text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :])
        with pytest.raises(Damaged):
            read_record(tmp_path)


@pytest.mark.parametrize("of", [GOOD, LONG], ids=["short", "long"])
def test_a_record_laid_out_anew_is_the_same_to_the_order_of_its_keys(tmp_path, of):
    path = write_record(tmp_path, of)
    text = path.read_text()
    assert unsealed(path.read_bytes()) is not None
    found = read_record(tmp_path)
    assert found == of
    written = json.loads(text)
    scrambled = dict(reversed(written.items()))
    for other in (json.dumps(scrambled), json.dumps(written, indent=1), text.replace("\n", "\r\n"), text + "\n "):
        path.write_text(other, newline="")
        again = read_record(tmp_path)
        assert json.dumps(asdict(again)) == json.dumps(asdict(found))


BYTES = {
    "not a number": (b'{"digest": "a", "group": NaN}', "is no JSON (expected value"),
    "infinite": (b'{"digest": "a", "group": 1e400}', "holds what is no number"),
    "10,000 digits": (b'{"digest": "a", "group": ' + b"1" * 10_000 + b"}", "is no JSON (number out of range"),
    "deep": (b"[" * 100_000, "is no JSON (recursion limit exceeded"),
    "bytes": (b"\xff\xfe\x00", "is no JSON"),
    "half a character": (b'{"digest": "\\ud800"}', "is no JSON"),
    "empty": (b"", "is no JSON (EOF"),
    "no object": (b"[]", "is no JSON object"),
    "no digest": (b"{}", "was changed after it was written"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two runs, and one for everything that can be in the place of a record."""
    folder = tmp_path_factory.mktemp("results") / "odd"
    for seed in (0, 1):
        write_record(folder / "runs" / f"good-{seed}", realistic("mnist5k", "mlp", "elbo", seed))
    for name, (data, _) in BYTES.items():
        (folder / "runs" / name).mkdir()
        (folder / "runs" / name / FILE).write_bytes(data)
    for name, (found, _) in WRONG.items():
        written(folder / "runs" / name, found)
    (folder / "runs" / "folder" / FILE).mkdir(parents=True)
    (folder / "runs" / "pipe").mkdir()
    os.mkfifo(folder / "runs" / "pipe" / FILE)
    (folder / "runs" / "loop").mkdir()
    (folder / "runs" / "loop" / FILE).symlink_to(FILE)
    (folder / "runs" / "unfinished").mkdir()
    (folder / "runs" / "a file").touch()
    return folder


def test_each_unreadable_record_is_a_row_and_everything_else_goes_on(folder):
    reasons = {name: why for name, (_, why) in (BYTES | WRONG).items()}
    reasons |= {"folder": "is no file", "pipe": "is no file", "loop": "cannot be read (Too many levels"}
    report = write_report(folder)
    for name, why in reasons.items():
        [line] = [line for line in report.text.splitlines() if line.startswith(f"  damaged: {name}: record.json ")]
        assert why in line
    assert len(report.damaged) == len(reasons)
    assert report.exit_code == 1
    rows = pd.read_csv(folder / "scores.csv")
    assert set(rows.loc[rows["status"] == "damaged", "run"]) == set(reasons)
    assert set(rows.loc[rows["status"] == "finished", "run"]) == {"good-0", "good-1"}
    assert pd.read_csv(folder / "leaderboard.csv")["n"].max() == 2


def test_without_permission(tmp_path, monkeypatch):
    run = write_record(tmp_path / "runs" / "a", GOOD).parent
    write_record(tmp_path / "runs" / "b", GOOD)

    def refused(path, *_):
        if path.parent == run:
            raise PermissionError(13, "Permission denied")
        return path.open("rb").read()

    monkeypatch.setattr(Path, "read_bytes", refused)
    records, damaged = read_folder(tmp_path)
    assert damaged == {"a": "record.json cannot be read (Permission denied)"}
    assert [folder.name for folder, _ in records] == ["b"]


def test_a_folder_of_damaged_records_alone_names_one(tmp_path):
    written(tmp_path / "runs" / "a", content(schema=9))
    with pytest.raises(ValueError, match=r"has only damaged records \(1, the first: runs/a: record.json has schema 9"):
        read_folder(tmp_path)


def test_what_nobody_could_read_is_not_written(tmp_path):
    with pytest.raises(Damaged, match="value"):
        write_record(tmp_path, replace(GOOD, scores=(Score("rate", "1.0"),)))
    with pytest.raises(Damaged, match="no number"):
        write_record(tmp_path, replace(GOOD, scores=(Score("rate", float("nan")),)))
    assert not (tmp_path / FILE).exists()


def test_a_damaged_record_is_kept_under_another_name(tmp_path):
    assert make_way(tmp_path) == ""
    write_record(tmp_path, GOOD)
    assert make_way(tmp_path) == ""
    for name in ("record.damaged.json", "record.damaged-2.json", "record.damaged-3.json"):
        (tmp_path / FILE).write_text(name)
        assert make_way(tmp_path).endswith(f"it is kept as {name}")
        assert (tmp_path / name).read_text() == name
        assert known_record(tmp_path) is None


def test_a_record_is_read_back_as_it_was(tmp_path):
    one = realistic("sprites", "mlp", "beta_vae", 3)
    assert read_record(write_record(tmp_path, one).parent) == one


def test_a_damaged_manifest_is_kept_under_another_name(tmp_path, capsys):
    (tmp_path / MANIFEST).mkdir()
    replace_manifest(tmp_path, {"note": "a"})
    assert read_manifest(tmp_path) == {"note": "a"}
    assert "experiment.json is no file; it is kept as experiment.damaged.json" in capsys.readouterr().err
    replace_manifest(tmp_path, {"note": "b"})
    assert (read_manifest(tmp_path), capsys.readouterr().err) == ({"note": "b"}, "")
