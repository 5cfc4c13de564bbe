"""Wide tables: which columns there are, what is noted, what is bold, and the same in three notations."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from benchmark.reporting.board import wide_tables
from benchmark.reporting.columns import columns, group_titles, headline_rows
from benchmark.reporting.latex import document, escape, latex
from benchmark.reporting.pages import markdown, terminal
from benchmark.reporting.tables import full_table
from benchmark.reporting.verdicts import Verdict
from benchmark.reporting.verdicts import latex as claims_latex
from metrics.core import Score
from tests.support.records import board_of, bound, record, runs, sweep


@pytest.fixture
def page():
    def scores(elbo, rate, mig):
        cap, why = {"reason": "at most log N"}, "" if mig else "one factor only"
        return [bound(elbo), bound(rate, "rate", None), bound(4.0, "mutual_information", None, **cap),
                Score("mig_hist", mig, None, "score", "higher", "mean", reason=why)]  # fmt: skip

    clear = [record(objective="iwae", seed=s, scores=scores(-80.0 + s / 10, 1.0 + s, 0.5 + s / 9)) for s in range(3)]
    other = [record(objective="elbo", seed=s, scores=scores(-90.0 + s / 8, 1.0 - s, 0.5 - s / 9)) for s in range(3)]
    blank = record(objective="none", model="pca", scores=scores(None, None, None))
    records = [*clear, *other, blank]
    return wide_tables(board_of(records), full_table(runs(*records)))[0]


def test_wide_table(page):
    assert [head[0] for head in page.headers] == [
        "rank",
        "configuration",
        "seeds",
        "rate",
        "ELBO ↑",
        "mutual information¹",
        "MIG ↑",
    ]
    assert page.headers[4][2] == "nats"
    assert page.headers[6][1] == "mean codes"
    assert [row[:3] for row in page.trained] == [["1", "iwae num_samples=8", "3"], ["2", "elbo", "3"]]
    assert page.references[0][:3] == ["", "pca", "1"]
    assert page.references[0][3].startswith("—")
    assert "one factor only" in page.notes
    assert page.notes.count("at most log N") == 1


def test_a_number_has_no_note_of_its_own(page):
    numbers = [cell for row in (*page.trained, *page.references) for cell in row[3:] if not cell.startswith("—")]
    assert not any(sign in cell for cell in numbers for sign in "⁰¹²³⁴⁵⁶⁷⁸⁹")


def test_reasons_that_differ_within_a_column_are_not_noted():
    strengths = [Score("mig_hist", 0.5, None, "score", "higher", "mean", reason=f"C = {c}") for c in (1, 2)]
    null = Score("mig_hist", None, None, "score", "higher", "mean", reason="one factor only")
    objectives = zip(("elbo", "iwae", "beta_vae"), (*strengths, null), strict=True)
    records = [record(objective=objective, scores=[score]) for objective, score in objectives]
    wide = wide_tables(board_of(records, "mig_hist"), full_table(runs(*records)))[0]
    assert [row[3] for row in wide.trained] == ["0.500", "0.500", "—¹"]
    assert (wide.headers[3][0], wide.notes) == ("MIG ↑", ["one factor only"])


def test_of_one_number_more_can_be_said_than_of_the_others():
    scores = [bound(-90.0, reason="100 samples"), bound(-91.0, reason="by Monte Carlo; 100 samples")]
    records = [record(objective=of, scores=[one]) for of, one in zip(("elbo", "iwae"), scores, strict=True)]
    wide = wide_tables(board_of(records, scores[0].name), full_table(runs(*records)))[0]
    assert [row[3] for row in wide.trained] == ["-90", "-91²"]
    assert wide.headers[3][0].endswith("¹")
    assert wide.notes == ["100 samples", "by Monte Carlo; 100 samples"]


def test_r2_is_shown_only_where_there_is_no_accuracy():
    accuracy, r2 = (
        Score(f"linear_probe_{name}", 0.5, None, name, "higher", "mean", num_labels=9) for name in ("accuracy", "r2")
    )
    shown = {
        what: [
            column.score.name
            for column in columns(headline_rows(board_of([record(scores=[*scores, bound(-90.0)])])))
            if column.score.topic == "representation"
        ]
        for what, scores in {
            "both": [accuracy, r2],
            "r2": [r2],
            "a factor's": [r2, replace(accuracy, factor="shape")],
            "null": [r2, replace(accuracy, value=None)],
        }.items()
    }
    assert shown["both"] == ["linear_probe_accuracy"]
    assert shown["r2"] == shown["a factor's"] == ["linear_probe_r2"]
    assert "linear_probe_r2" in shown["null"]


def test_groups_have_names_for_people():
    dynamic, grey = "mnist5k/dynamic/counting/3fd8bf5c", "mnist/none/pseudo-nats/ab"
    assert group_titles([dynamic, grey, "other"]) == {
        dynamic: "mnist5k, dynamic binarisation, counting measure",
        grey: "mnist, no binarisation, pseudo-nats: no likelihood of these data",
        "other": "other",
    }
    again = "mnist5k/dynamic/counting/772d0803"
    assert group_titles([dynamic, again])[again] == "mnist5k (772d0803), dynamic binarisation, counting measure"
    assert group_titles(["a/b/none/lebesgue/1"])["a/b/none/lebesgue/1"] == "a/b, no binarisation, Lebesgue measure"


def test_only_certain_differences_are_bold(page):
    elbo, mig = ([row[i] for row in page.trained] for i in (4, 6))
    assert elbo[0] == "**-79.90 ± 0.25**"
    assert "**" not in elbo[1]
    assert not any("**" in cell for cell in mig)
    assert not any("**" in row[3] for row in page.trained)  # a rate has no direction


def test_the_same_table_in_three_notations(page):
    assert "| 1 | iwae num_samples=8 | 3 |" in markdown(page)
    assert "*references*" in markdown(page)
    tex = latex(page, "tab:demo")
    assert r"\textbf{$-$79.90 $\pm$ 0.25}" in tex
    assert "IWAE K=8 & 3" in tex
    assert r"\label{tab:demo}" in tex
    caption = next(line for line in tex.split("\n") if line.startswith(r"\caption"))
    assert "one factor only" not in caption
    assert len(caption) < 200
    assert r"ELBO $\uparrow$" in tex
    assert r"\textsuperscript{1}" in tex
    assert tex.count("\\begin") == tex.count("\\end") == 3
    assert tex.count("{") == tex.count("}")
    rows = [line for line in tex.split("\n") if line.endswith(r"\\")]
    assert len({line.replace(r"\&", "").count("&") for line in rows}) == 1
    assert "-79.90 ± 0.25*" in terminal(page)


def test_terminal_fits(page):
    wide = [*page.topics, *["representation"] * 12]
    extra = [[*row, *["0.123 ± 0.045"] * 12] for row in page.trained]
    heads = [*page.headers, *[("linear probe accuracy ↑", "mean codes, 1000 labels", "")] * 12]
    text = terminal(type(page)(page.title, heads, wide, extra, [], [], []))
    assert max(map(len, text.split("\n"))) <= 138
    assert text.count("configuration") > 1


def test_escape():
    assert escape("a_b & 5% of $x^2 #{y} ~ \\") == (
        r"a\_b \& 5\% of \$x\textasciicircum{}2 \#\{y\} \textasciitilde{} \textbackslash{}"
    )
    assert escape("1 ± 2 ↓ — ¹²") == r"1 $\pm$ 2 $\downarrow$ \textemdash{} \textsuperscript{12}"


def test_tables_of_a_report_have_labels_of_their_own(page):
    text = document([page, page], "demo/smoke")
    assert r"\label{tab:demo-smoke}" in text
    assert r"\label{tab:demo-smoke-2}" in text


def test_chosen_columns_come_in_their_order():
    scores = [bound(-80.0), bound(1.0, "rate", None), Score("own_score", 0.5, None, "score", "higher", "mean")]
    records = [record(scores=scores)]
    board, table = board_of(records), full_table(runs(*records))
    [wide] = wide_tables(board, table, chosen=("own_score[mean]", "elbo"))
    assert [head[0] for head in wide.headers[3:]] == ["own score ↑", "ELBO ↑"]
    with pytest.raises(ValueError, match=r"^columns=eblo: no run has this score; there are elbo, own_score, rate$"):
        wide_tables(board, table, chosen=("eblo",))


def test_pseudo_nats_are_never_called_nats():
    records = sweep({"elbo": [-90.0, -91.0]}, group="mnist5k/none/pseudo-nats/ab")
    assert wide_tables(board_of(records), full_table(runs(*records)))[0].headers[3][2] == "pseudo-nats"


def test_pseudo_nats_are_said_to_be_no_likelihood():
    records = sweep({"elbo": [-90.0, -91.0]}, group="mnist5k/none/pseudo-nats/ab")
    wide = wide_tables(board_of(records), full_table(runs(*records)))[0]
    assert wide.title == "mnist5k, no binarisation, pseudo-nats: no likelihood of these data"
    assert wide.legend == ["`elbo`: -(rate + distortion) (pseudo-nats: no likelihood of these data, higher is better)"]


SIGNS = "".join(map(chr, [*range(32, 127), *range(0xA0, 0x180), *range(0x370, 0x400), *range(0x2000, 0x2270), 0x65E5]))


def hostile(page):
    """A table and a claim with every sign in every place, and one column only."""
    few = replace(page, title=SIGNS, about=SIGNS, headers=page.headers[:4], notes=[SIGNS])
    few = replace(few, trained=[["1", SIGNS, "**3**", "-1.0 ± 2"]], references=[["", "--a", "", "—¹"]])
    verdict = Verdict(SIGNS, "mnist5k", "held", True, "difference", -1.5, -2.0, -1.0, note=SIGNS)
    return document([page, few], "results/a_b/c"), claims_latex([verdict, verdict], "tab:a-b-c-claims")


def bare(line):
    """A line of TeX without the commands that print a sign."""
    return re.sub(r"\\[&%$#_{}]", "", line)


@pytest.mark.parametrize("seed", range(20))
def test_any_words_are_balanced_tex_without_a_sign_that_acts(seed):
    words = "".join(np.random.default_rng(seed).choice(list(SIGNS + "\\{}$&%#_^~-" * 9), 80))
    tex, depth = bare(escape(words)), 0
    assert tex.isascii()
    assert not set(tex) & set("&%#_~^")
    assert tex.count("$") % 2 == 0
    for sign in tex:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0


def test_every_row_of_tex_has_a_cell_for_each_column(page):
    tables, claims = hostile(page)
    for tex in (tables, claims):
        for layout, body in re.findall(
            r"\\begin\{tabularx?\}(?:\{\\linewidth\})?(\{[^\n]+\})\n(.+?)\\end\{tabular", tex, re.DOTALL
        ):
            number = len(re.sub(r">\{.*?\}(?=[X>])", "", layout).strip("{}"))
            rows = [line for line in body.split("\n") if line.endswith(r"\\")]
            assert [bare(row).count("&") + 1 for row in rows] == [number] * len(rows)
            assert len(rows) >= 3
    labels = re.findall(r"\\label\{(.+?)\}", tables + claims)
    assert labels == ["tab:a-b-c", "tab:a-b-c-2", "tab:a-b-c-claims"]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_tables_compile(page, tmp_path):
    (tmp_path / "tables.tex").write_text("\n".join(hostile(page)))
    packages = r"\documentclass{article}\usepackage{booktabs,graphicx,tabularx}"
    (tmp_path / "page.tex").write_text(packages + r"\begin{document}\input{tables}\end{document}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
    for trouble in ("Missing character", "Extra alignment", "undefined"):
        assert trouble not in done.stdout
