"""A report is made once: where nothing has changed it is said again, and whatever it depends on makes it anew."""

import json
import os
import shutil

import pytest

from benchmark.reporting import kept, leaderboard
from benchmark.reporting.leaderboard import Shown, report
from benchmark.store.record import read_record, write_record
from tests.support.records import demo, manifest, record

AGAIN = "Nothing has changed since this was written to"


def draw(folder, found, formats, failed):
    """One picture, for drawing takes the most of a report's time."""
    (folder / "leaderboard.png").write_bytes(b"a picture")
    return ["leaderboard"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a failed run and its report."""
    folder = tmp_path_factory.mktemp("results") / "demo"
    demo(folder, betas=(2.0,))
    error = {"type": "FloatingPointError", "message": "step 3: objective is nan", "traceback": "..."}
    write_record(folder / "runs" / "broken", record(objective="iwae", seed=7, status="failed", error=error))
    manifest(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaderboard, "draw_findings", draw)
        patch.setattr(kept, "STARTED", float("inf"))  # also where somebody edits code while tests run
        report(folder)
    return folder


@pytest.fixture
def made(monkeypatch):
    """How many reports were made."""
    found = []
    monkeypatch.setattr(kept, "STARTED", float("inf"))
    monkeypatch.setattr(leaderboard, "draw_findings", draw)
    monkeypatch.setattr(leaderboard, "analysed", lambda study: found.append(study) or ANALYSED(study))
    return found


ANALYSED = leaderboard.analysed


def test_a_report_is_said_again_where_nothing_changed(written, made, capsys):
    said = report(written)
    out = capsys.readouterr().out
    assert not made
    assert out == f"{said.text}\n\n{AGAIN} {written}\n"
    assert "broken: FloatingPointError: step 3" in said.text
    assert (said.failed, said.exit_code) == (("broken",), 0)
    leaderboard.write_report(written)  # made anew by whoever says so, and the same
    assert capsys.readouterr().out.startswith(f"{said.text}\n\nWritten to")
    assert len(made) == 1


def test_what_each_sweep_writes_anew_is_no_change(written, made):
    asked = written / "experiment.json"
    asked.write_bytes(asked.read_bytes())
    assert report(written).text
    assert not made


def another_seed(folder):
    run = sorted((folder / "runs").iterdir())[1]
    shutil.copytree(run, folder / "runs" / "more")


def another_value(folder):
    """Of the same size, and as old as before."""
    path = next(path for path in sorted((folder / "runs").glob("*/record.json")) if "broken" not in path.parts)
    one, times = read_record(path.parent), path.stat()
    write_record(path.parent, one)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def fewer_runs(folder):
    shutil.rmtree(next(folder.glob("runs/*elbo*")))


def more_codes(folder):
    (next(folder.glob("runs/*elbo*")) / "codes.npz").write_bytes(b"no codes")


def another_note(folder):
    path = folder / "experiment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "note": "Another one."}))


def page_gone(folder):
    (folder / "leaderboard.md").unlink()


def page_edited(folder):
    (folder / "leaderboard.md").write_text("The best!")


def picture_damaged(folder):
    (folder / "leaderboard.png").write_bytes(b"")


def said_otherwise(folder):
    path = folder / kept.FILE
    path.write_text(path.read_text().replace("ELBO", "BEST", 1))


def not_json(folder):
    (folder / kept.FILE).write_text("{")


def of_another_type(folder):
    (folder / kept.FILE).write_text('{"failed": 3, "text": [], "digest": 1}')


def linked_run(folder):
    elsewhere = folder.parent / "elsewhere"
    shutil.copytree(sorted((folder / "runs").iterdir())[1], elsewhere)
    (folder / "runs" / "linked").symlink_to(elsewhere)


def deeper(folder):
    (next(folder.glob("runs/*elbo*")) / "more").mkdir()


CHANGES = (linked_run, deeper, another_seed, another_value, fewer_runs, more_codes, another_note, page_gone,
           page_edited, picture_damaged, said_otherwise, not_json, of_another_type)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_changed_makes_it_anew(written, tmp_path, made, capsys, change):
    folder = tmp_path / "demo"
    shutil.copytree(written, folder)
    first = report(folder)  # another folder: made
    assert len(made) == 1
    change(folder)
    assert AGAIN not in capsys.readouterr().out
    second = report(folder)
    assert len(made) == 2
    assert report(folder) == second  # and that is kept in turn
    assert len(made) == 2
    if change in (page_gone, page_edited, picture_damaged, said_otherwise, not_json, of_another_type):
        assert second == first


@pytest.mark.parametrize(
    "other",
    [
        lambda patch: patch.setattr(kept, "_content", lambda path: f"of {path.name} as it was"),
        lambda patch: patch.setattr(kept, "package_state", lambda name: {"sha256": "of other code"}),
        lambda patch: patch.setattr(kept, "PACKAGES", ["metrics", "tests.support.records"]),
        lambda patch: patch.setattr(kept, "version", lambda name: "99"),
        lambda patch: patch.setattr(kept.published, "state", lambda: {"higgins2017": "other numbers"}),
    ],
)
def test_other_code_is_another_report(written, monkeypatch, other):
    before = kept.made_of(written, Shown())
    kept._code.cache_clear()
    other(monkeypatch)
    try:
        assert kept.made_of(written, Shown()) != before
        assert kept.kept(written, kept.made_of(written, Shown())) is None
    finally:
        monkeypatch.undo()
        kept._code.cache_clear()
    assert kept.made_of(written, Shown()) == before


def test_other_columns_and_another_name_of_the_folder_are_another_report(written, monkeypatch):
    monkeypatch.chdir(written.parent)
    different = {kept.made_of(written, Shown()), kept.made_of(written, Shown(columns=("elbo",))),
                 kept.made_of(written.relative_to(written.parent), Shown())}  # fmt: skip
    assert len(different) == 3


def test_what_changes_while_a_report_is_made_makes_the_next_one_anew(written, tmp_path, monkeypatch, made):
    folder = tmp_path / "demo"
    shutil.copytree(written, folder)
    monkeypatch.setattr(leaderboard, "wide_tables", lambda *given: another_seed(folder) or WIDE(*given))
    report(folder)
    monkeypatch.setattr(leaderboard, "wide_tables", WIDE)
    report(folder)
    assert len(made) == 2


WIDE = leaderboard.wide_tables


def test_a_report_with_a_failed_analysis_is_not_kept(written, tmp_path, monkeypatch, made):
    folder = tmp_path / "demo"
    shutil.copytree(written, folder)

    def fail(folder, found, formats, failed):
        failed["boards (figure board)"] = "MemoryError: no room"
        return []

    monkeypatch.setattr(leaderboard, "draw_findings", fail)
    assert report(folder).exit_code == 1
    monkeypatch.setattr(leaderboard, "draw_findings", draw)
    assert report(folder).exit_code == 0
    assert len(made) == 2


def test_a_run_that_is_a_link_is_looked_into(written, tmp_path, made):
    folder = tmp_path / "demo"
    shutil.copytree(written, folder)
    linked_run(folder)
    report(folder)
    (tmp_path / "elsewhere" / "codes.npz").write_bytes(b"no codes")
    report(folder)
    assert len(made) == 2


def test_links_to_themselves_and_odd_names_are_no_trouble(written, tmp_path, made):
    folder = tmp_path / "demo"
    shutil.copytree(written, folder)
    for place in (folder, folder / "runs", sorted((folder / "runs").iterdir())[1]):
        (place / "loop").symlink_to("loop")
        (place / "around").symlink_to(place)
    (folder / os.fsdecode(b"\xff.txt")).write_text("an odd name")
    assert report(folder) == report(folder)
    assert len(made) == 1


def test_what_was_asked_for_need_not_be_readable(written, tmp_path, made):
    folder = tmp_path / "demo"
    shutil.copytree(written, folder)
    (folder / "experiment.json").unlink()
    (folder / "experiment.json").mkdir()
    assert report(folder) == report(folder)
    assert len(made) == 1
    assert report(folder).exit_code == 1  # the manifest is damaged, which is said again


def test_a_file_that_goes_while_it_is_looked_at_is_no_trouble(written, monkeypatch):
    class Gone:
        name = "training.safetensors"

        def stat(self):
            raise FileNotFoundError(2, "gone")

    assert kept._state(Gone()) == ("training.safetensors",)
    monkeypatch.setattr(kept, "_pages", lambda folder: (folder / "gone.png").stat())
    assert kept.kept(written, kept.made_of(written, Shown())) is None


def test_code_that_changed_since_this_process_began_keeps_nothing(written, tmp_path, monkeypatch, made):
    folder = tmp_path / "demo"
    shutil.copytree(written, folder)
    monkeypatch.setattr(kept, "STARTED", kept._newest() - 1)
    report(folder)
    report(folder)
    assert len(made) == 2
