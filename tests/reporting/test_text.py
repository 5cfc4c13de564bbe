"""Words of users in a report: shown as they are, on every page, and nothing in them acts."""

from __future__ import annotations

import pytest

from benchmark.reporting.leaderboard import write_report
from benchmark.reporting.text import cell, code, markdown, plain, shortened
from benchmark.store.record import write_record
from metrics.core import Score
from tests.support.records import manifest, record

HOSTILE = "<script>x</script> [a](http://b) | **c** `d` \x1b[31m\u202e www.e.org _f_ $g$ &amp;"


def rate(value):
    return [Score("rate", value, 0.1, "nats")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("beta_vae beta=4, latent_dim=10", "beta_vae beta=4, latent_dim=10"),
        ("<b>", "&lt;b&gt;"),
        ("&lt;", "&amp;lt;"),
        ("[a](b)", "\\[a\\](b)"),
        ("https://a.b", "https&#58;//a.b"),
        ("www.a.b", "www&#46;a.b"),
        ("_a_ a_b **c**", "\\_a\\_ a_b \\*\\*c\\*\\*"),
        ("a\nb\tc\x1b[0m\x00", "a b c?\\[0m?"),
        ("`x` $y$ ~~z~~", "\\`x\\` \\$y\\$ \\~\\~z\\~\\~"),
    ],
)
def test_markdown_shows_what_was_written(text, shown):
    assert markdown(text) == shown


def test_cells_code_and_long_words():
    assert cell("a|b") == "a\\|b"
    assert code("a") == "`a`"
    assert code("a`b``c") == "```a`b``c```"
    assert code("`a") == "`` `a ``"
    assert plain("plain – 中 é ±") == "plain – 中 é ±"
    assert plain("\ud800\u2028") == "? "
    assert shortened("a" * 60) == "a" * 60
    assert len(shortened("a" * 1000)) == 60


def test_a_report_on_hostile_words(tmp_path):
    folder = tmp_path / "a b's `c`"
    for beta, name in ((1.0, "a|b"), (2.0, HOSTILE)):
        found = record(objective="beta_vae", options={"beta": beta, "kind": name}, scores=rate(beta))
        write_record(folder / "runs" / f"beta={beta}", found)
    failed = record(objective="elbo", status="failed", error={"type": "E", "message": HOSTILE})
    write_record(folder / "runs" / "x\n<b>", failed)
    manifest(folder, claims=[], note=HOSTILE, experiment=f"{HOSTILE}\n# Title", missing={"<i>gone</i>": "a\n\n# b"})
    report = write_report(folder)
    page, tex = (folder / "leaderboard.md").read_text(), (folder / "leaderboard.tex").read_text()
    for text in (report.text, page, tex):
        assert all(sign.isprintable() or sign == "\n" for sign in text)
    [rebuild] = [line for line in page.splitlines() if line.startswith("Rebuild")]
    for acting in ("<script", "[a](", "http://", "www.e", "**c**", " _f_ ", "<i>", "<b>", "`d`"):
        assert acting not in page.replace(rebuild, "")
    assert rebuild.endswith("'``")  # one span of code, which no backtick inside ends
    assert page.count("\n# ") == 0
    assert "a\\|b" in page


def test_the_rebuild_command_is_quoted(tmp_path):
    write_record(tmp_path / "runs" / "a", record(scores=rate(1.0)))
    manifest(tmp_path, claims=[], experiment="my study")
    write_report(tmp_path)
    assert "`python -m benchmark.report 'results/my study'`" in (tmp_path / "leaderboard.md").read_text()
