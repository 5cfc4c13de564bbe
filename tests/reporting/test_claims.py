"""Claims against records whose answers are known: four verdicts, one configuration a side, and all planned seeds."""

import json
from pathlib import Path

import pytest

from benchmark.cli import check_claims
from benchmark.config.components import ConfigurationError
from benchmark.reporting.checking import check
from benchmark.reporting.claims import RELATIONS, check_planned, parse_claims, sides_of
from benchmark.reporting.verdicts import as_json, latex, section
from benchmark.store.asked import as_manifest
from benchmark.sweeping.sweep import of_plans
from metrics.core import Score
from tests.support.composing import compose
from tests.support.records import CLAIM, asked_of, record, runs


def rate(value, **more):
    return [Score("rate", value, 0.1, "nats", **more)]


def pairs(left, right, **more):
    sides = {"beta_vae": left, "elbo": right}
    return runs(
        *(record(objective=o, seed=s, scores=rate(v), **more) for o, vs in sides.items() for s, v in enumerate(vs))
    )


def verdict(records, manifest=None, **changes):
    return check(records, parse_claims([{**CLAIM, **changes}]), manifest)[0]


@pytest.mark.parametrize(
    ("left", "right", "expected", "note"),
    [
        ([1.0, 2.0, 3.0], [11.0, 12.1, 13.0], "held", ""),
        ([1.0, 2.0, 3.0], [3.0, 1.0, 3.5], "undecided", "the interval includes 0"),
        ([11.0, 12.1, 13.0], [1.0, 2.0, 3.0], "contradicted", "the whole interval is above 0"),
    ],
)
def test_less(left, right, expected, note):
    found = verdict(pairs(left, right))
    assert (found.verdict, found.note, found.n, found.bound) == (expected, note, 3, 0.0)


def test_a_verdict_is_two_lines_that_say_it_all():
    found = verdict(pairs([1.0, 2.0, 3.0], [11.0, 12.1, 13.0]))
    assert found.difference == pytest.approx(-10.0333, abs=1e-3)
    assert found.line(8) == (
        "held          mnist5k   A is below B\n"
        "    difference -10 nats, 95 % interval [-10.2, -9.89], n = 3 seeds, paired (r = 1.00)"
    )


def only_left(**changes):
    """The claim without its right side."""
    claim = {key: value for key, value in CLAIM.items() if key != "right"}
    return {**claim, **changes}


def test_a_side_against_a_number():
    records = pairs([1.0, 1.2, 1.1], [5.0, 6.0, 9.0])
    [below] = check(records, parse_claims([only_left(relation="less", against=2.0)]))
    assert (below.verdict, below.n) == ("held", 3)
    assert below.difference == pytest.approx(-0.9)
    [above] = check(records, parse_claims([only_left(relation="greater", against=2.0)]))
    assert above.verdict == "contradicted"


def test_within_a_margin_on_either_side():
    near, far = pairs([1.0, 1.2, 1.1], [1.1, 1.1, 1.2]), pairs([1.0, 1.2, 1.1], [5.0, 5.1, 5.0])
    found = verdict(near, relation="within", margin=1.0)
    assert (found.verdict, found.quantity) == ("held", "margin - |difference|")
    assert "the difference is" in found.note
    assert verdict(far, relation="within", margin=1.0).verdict == "contradicted"
    [alone] = check(near, parse_claims([only_left(relation="within", against=1.1, margin=0.5)]))
    assert alone.verdict == "held"


def test_gains_are_differences_of_differences():
    values = {("beta_vae", 4.0): [9.0, 9.1, 9.2], ("iwae", 4.0): [5.0, 5.2, 5.1], ("beta_vae", 1.0): [3.0, 3.1, 3.2],
              ("iwae", 1.0): [2.0, 2.2, 2.1]}  # fmt: skip
    records = runs(*(record(objective=name, seed=seed, scores=rate(value), options={"beta": beta})
                     for (name, beta), of in values.items() for seed, value in enumerate(of)))  # fmt: skip
    sides = {
        "left": ("beta_vae", 4.0),
        "right": ("iwae", 4.0),
        "than_left": ("beta_vae", 1.0),
        "than_right": ("iwae", 1.0),
    }
    claim = {"text": "gain", "metric": "rate", "relation": "greater_gain",
             **{side: {"objective": name, "objective.beta": beta} for side, (name, beta) in sides.items()}}  # fmt: skip
    [found] = check(records, parse_claims([{**claim, "margin": 2.0}]))
    assert (found.verdict, found.quantity) == ("held", "difference of gains")
    assert found.difference == pytest.approx(3.0)
    [found] = check(records, parse_claims([{**claim, "margin": 4.0}]))
    assert found.verdict == "contradicted"


def test_a_spread_over_seeds():
    records = pairs([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 1.0, 1.0, 1.0, 1.1])
    [wide] = check(records, parse_claims([only_left(relation="spread", margin=0.1)]))
    assert (wide.verdict, wide.difference) == ("held", pytest.approx(1.5811, abs=1e-3))
    [narrow] = check(records, parse_claims([only_left(relation="spread", margin=100.0)]))
    assert narrow.verdict == "contradicted"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"relation": "within"}, "no margin"),
        ({"relation": "spread", "margin": 1.0}, "'right', which does not go with"),
        ({"relation": "less", "against": 1.0}, "'right', which does not go with"),
        ({"relation": "greater_gain"}, "lacks the key 'than_left'"),
    ],
)
def test_claims_whose_sides_do_not_go_with_their_relation_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        parse_claims([{**CLAIM, **changes}])


def test_a_number_that_is_none_is_refused():
    with pytest.raises(ValueError, match="against='much'"):
        parse_claims([only_left(relation="less", against="much")])


@pytest.mark.parametrize(
    ("values", "own", "expected", "note"),
    [
        ([1.0, 2.0, 3.0], [3, 3, 4], "held", ""),
        ([1.0, 2.0, 3.0], [3, 2, 3], "unchecked", "the left side needs own_axes of at least 3 and has 2.667"),
        (
            [1.0, 2.0, 3.0],
            [4, 4, None],
            "unchecked",
            "the left side needs own_axes of at least 3 and does not say what it has",
        ),
        ([21.0, 22.0, 23.0], [0, 0, 0], "contradicted", "the whole interval is above 0"),  # which no doubt takes away
    ],
)  # fmt: skip
def test_what_the_left_side_needs_beside_its_metric(values, own, expected, note):
    left = [[*rate(value), Score("own_axes", axes)] for value, axes in zip(values, own, strict=True)]
    records = runs(
        *(record(objective="beta_vae", seed=seed, scores=scores) for seed, scores in enumerate(left)),
        *(record(objective="elbo", seed=seed, scores=rate(11.0 + seed)) for seed in range(3)),
    )
    found = verdict(records, needs={"own_axes": 3})
    assert (found.verdict, found.note) == (expected, note)
    within = verdict(records, needs={"own_axes": 3}, relation="within", margin=100.0)
    assert (within.verdict == "held") == (min(axes or 0 for axes in own) >= 3)


@pytest.mark.parametrize(
    ("of", "claimed"),
    [
        ({"num_labels": 1000}, {"num_labels": 1000}),
        ({"factor": "shape"}, {"factor": "shape"}),
        ({"representation": "sample"}, {"representation": "sample"}),
    ],
)
def test_what_is_needed_is_over_all_factors_and_of_whichever_codes_have_it(of, claimed):
    own = Score("own_axes", 5.0, representation="mean")
    sides = {"beta_vae": 1.0, "elbo": 11.0}
    records = runs(
        *(record(objective=objective, seed=seed, scores=[*rate(start + seed, **of), own])
          for objective, start in sides.items() for seed in range(3))
    )  # fmt: skip
    assert verdict(records, **claimed, needs={"own_axes": 5}).verdict == "held"
    found = verdict(records, **claimed, needs={"own_axes": 5.5})
    assert found.note == "the left side needs own_axes of at least 5.5 and has 5"


def test_a_needed_score_that_is_misspelt_ends_the_command():
    claim = {**CLAIM, "needs": {"own_axis": 3}}
    with pytest.raises(ValueError, match="needs 'own_axis', a score that no metric declares"):
        check_planned(parse_claims([claim]), [])


@pytest.mark.parametrize("needs", [["own_axes"], {"own_axes": "3"}, {"own_axes": True}, {"own_axes": float("nan")}])
def test_what_is_needed_is_a_number(needs):
    with pytest.raises(ValueError, match="it must be scores with numbers, such as"):
        parse_claims([{**CLAIM, "needs": needs}])


def test_a_trend_has_no_left_side_to_need_anything():
    with pytest.raises(ValueError, match="has 'needs', which does not go with relation 'inverted_u'"):
        parse_claims([{"text": "U", "metric": "rate", "relation": "inverted_u", "needs": {"own_axes": 3}}])


def test_greater_and_margins():
    records = pairs([11.0, 12.1, 13.0], [1.0, 2.0, 3.0])
    assert verdict(records, relation="greater").verdict == "held"
    beyond = verdict(records, relation="greater", margin=11.0)
    assert (beyond.verdict, beyond.note) == ("contradicted", "the whole interval is below 11")
    assert "[9.89, 10.2] against 11" in beyond.line()
    swapped = {"left": CLAIM["right"], "right": CLAIM["left"]}
    assert verdict(records, **swapped, margin=9.0).verdict == "held"


def test_not_less_is_non_inferiority():
    records = pairs([10.0, 11.1, 12.0], [10.1, 11.0, 12.1])
    assert verdict(records, relation="not_less").verdict == "undecided"
    assert verdict(records, relation="not_less", margin=1.0).verdict == "held"
    assert verdict(pairs([1.0, 1.1, 1.2], [9.0, 9.2, 9.1]), relation="not_less", margin=1.0).verdict == "contradicted"


@pytest.mark.parametrize(
    ("left", "right", "why"),
    [
        ([1.0], [2.0], "1 and 1 seeds are planned, and an interval needs two a side"),
        ([1.0, 2.0], [], "no run on the right side"),
        ([], [], "no run has either side"),
    ],
)
def test_what_cannot_be_checked_is_unchecked(left, right, why):
    found = verdict(pairs(left, right))
    assert found.verdict == "unchecked"
    assert found.evidence == why


FAILED = {"status": "failed", "group": "", "error": {"type": "E", "message": "m"}}


def test_all_planned_seeds_must_be_there_and_those_that_are_not_are_named():
    there = pairs([1.0, 2.0, 3.0], [11.0, 12.1, 13.0])
    null = [Score("rate", None, unit="nats", reason="the code has no density")]
    bad = [record(objective="elbo", seed=3, scores=null), record(objective="elbo", seed=4, **FAILED)]
    bad = [(Path(f"bad-{i}"), one) for i, one in enumerate(bad)]
    manifest = as_manifest(asked_of([*there, *bad, (Path("gone"), record(objective="elbo", seed=5))]))
    manifest = json.loads(json.dumps(manifest))  # as it is read back
    found = verdict([*there, *bad], manifest)
    assert found.verdict == "unchecked"
    assert found.note == (
        "of 6 planned runs, 1 without a value: the code has no density (bad-0); 1 failed (bad-1); 1 not there (gone)"
    )
    assert found.where == "mnist5k"
    assert verdict(there, as_manifest(asked_of(there))).verdict == "held"


def test_a_manifest_of_earlier_days_names_its_missing_runs():
    there = pairs([1.0, 2.0, 3.0], [11.0, 12.1, 13.0])
    manifest = {"runs": {"run-0": "...", "gone": "..."}}
    found = verdict(there, manifest)
    assert (found.verdict, found.note.split(";")[0]) == ("unchecked", "1 planned runs are not there (gone)")


def test_planned_runs_of_a_configuration_that_is_not_kept_are_named_too():
    there = pairs([1.0, 2.0, 3.0], [11.0, 12.1, 13.0])
    manifest = {"runs": {"gone": "..."}, "planned": {"gone": ["0123456789", 0]}}
    assert "1 planned runs are not there (gone)" in verdict(there, manifest).note


def test_what_no_run_of_a_data_set_has_finished_is_unchecked_too():
    one = record(objective="elbo", seed=0)
    manifest = as_manifest(asked_of([(Path("gone"), one)]))
    [found] = check(runs(record(dataset="sprites", objective="iwae")), parse_claims([CLAIM]), manifest)
    assert (found.verdict, found.where, found.note) == ("unchecked", "mnist5k", "no run on the left side")


def test_a_verdict_per_group_and_never_across():
    records = pairs([1.0, 2.0], [5.0, 6.001]) + pairs([9.0, 8.0], [1.0, 2.0], group="mnist5k/static/counting/ff")
    records = runs(*(one for _, one in records))
    found = check(records, parse_claims([CLAIM]))
    assert [(v.verdict, v.where) for v in found] == [
        ("held", "mnist5k/dynamic/counting/ab12cd34"),
        ("undecided", "mnist5k/static/counting/ff"),
    ]


def betas(*values):
    return runs(
        *(
            record(objective="beta_vae", options={"beta": b}, seed=s, scores=rate(10 - b + s / 10))
            for b in values
            for s in (0, 1)
        )
    )


def test_sides_select_by_options():
    sides = {"left": {"objective.beta": 4}, "right": {"objective": "beta_vae", "objective.beta": 1}}
    assert verdict(betas(1.0, 4.0), **sides).difference == pytest.approx(-3)


def test_a_side_that_is_several_configurations_is_refused_and_not_averaged():
    sides = {"left": {"objective.beta": 4}, "right": {"objective": "beta_vae"}}
    found = verdict(betas(1.0, 4.0), **sides)
    assert found.verdict == "unchecked"
    assert found.difference is None
    why = "the right side is 2 configurations, not one (objective.beta=1.0; objective.beta=4.0)"
    assert found.note == f"{why}; name the option that tells them apart"
    with pytest.raises(ValueError, match="claim 'A is below B': the right side is 2 configurations") as error:
        check_planned(parse_claims([{**CLAIM, **sides}]), asked_of(betas(1.0, 4.0)))
    assert "\n" not in str(error.value)


def test_two_runs_of_one_seed_are_refused():
    [one, *rest] = pairs([1.0, 2.0], [5.0, 6.0])
    found = verdict([one, *rest, (Path("copy"), one[1])])
    assert found.note == "the left side has several runs of one seed (run-0, copy)"


def test_planned_claims_that_a_part_of_an_experiment_cannot_decide_are_no_mistake():
    check_planned(parse_claims([CLAIM]), asked_of(pairs([1.0], [])))
    with pytest.raises(ValueError, match=r"selects runs by 'objective\.bta', which is an option of none"):
        check_planned(parse_claims([{**CLAIM, "left": {"objective.bta": 4}}]), asked_of(pairs([1.0], [1.0])))


def test_representation_and_number_of_labels():
    def probes(shift):
        return [
            Score("p", shift * n + (code == "sample"), None, "", "higher", code, None, n)
            for code in ("mean", "sample")
            for n in (1, 2)
        ]

    records = runs(
        *(
            record(objective=o, seed=s, scores=probes(k + s / 99))
            for o, k in [("beta_vae", 1), ("elbo", 3)]
            for s in (0, 1)
        )
    )
    assert "must name its representation (mean, sample)" in verdict(records, metric="p").note
    assert verdict(records, metric="p", representation="mean").difference == pytest.approx(-4)
    assert verdict(records, metric="p", representation="mean", num_labels=1).difference == pytest.approx(-2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrik": "rate"}, "unknown key 'metrik'"),
        ({"relation": "below"}, f"relation 'below'; choose from {', '.join(RELATIONS)}"),
        ({"left": {"objectiv": "elbo"}}, "selects runs by 'objectiv'"),
        ({"left": "elbo"}, "left='elbo'; it must be a mapping"),
        ({"left": {"objective": "beta_vae", "objective.bta": 4}}, "'objective.bta', which is an option of none"),
        ({"margin": -1.0}, "at least 0"),
        ({"margin": "1"}, "a number of at least 0"),
        ({"primary": "no"}, "primary='no'; it must be true or false"),
    ],
)
def test_misspelt_claims_are_errors_of_one_line(changes, message):
    with pytest.raises(ValueError, match="claim 'A is below B'") as error:
        verdict(pairs([1.0, 2.0], [5.0, 6.0]), **changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_claim_without_metric_is_an_error():
    with pytest.raises(ValueError, match="lacks the key 'metric'"):
        parse_claims([{key: value for key, value in CLAIM.items() if key != "metric"}])


def test_primary_claims_are_corrected_for_their_number_and_secondary_ones_are_not():
    records = pairs([1.0, 2.0, 3.0], [3.0, 4.2, 4.7])
    several = check(records, parse_claims([CLAIM] * 12))
    assert {(v.verdict, round(v.confidence, 4)) for v in several} == {("undecided", round(1 - 0.05 / 12, 4))}
    assert "99.6 % interval" in several[0].line()
    secondary = check(records, parse_claims([CLAIM, *[{**CLAIM, "primary": False}] * 11]))
    assert {(v.verdict, v.confidence) for v in secondary} == {("held", 0.95)}
    assert [v.claim for v in secondary[:2]] == ["A is below B", "A is below B (secondary)"]
    assert len({v.p for v in (*several, *secondary)}) == 1


def test_a_reference_repeats_the_metric_and_shares_nothing_with_seeds_of_others():
    made = {"pca": [0.80, 0.81, 0.82], "ica": [0.60, 0.61, 0.62]}
    records = runs(
        *(record(model=m, objective="none", seed=s, scores=rate(v)) for m, vs in made.items() for s, v in enumerate(vs))
    )
    both = verdict(records, left={"model": "ica"}, right={"model": "pca"})
    assert (both.verdict, both.sample) == ("held", "n = 3 and 3 seeds, not paired (r = 1.00)")
    assert both.note == "seeds repeat the metric and the fit, not the data: on other images it may differ"
    with_vae = verdict([*records, *pairs([], [5.0, 6.0, 7.0])], left={"model": "ica"})
    assert (with_vae.verdict, with_vae.note) == ("held", "")


def test_seeds_are_paired_where_the_other_configurations_say_so():
    def shifted(objective, by, **more):
        return [record(objective=objective, seed=s, scores=rate(v + by), **more) for s, v in enumerate([1.0, 5.0, 3.0])]

    sides = [*shifted("elbo", 4.0), *shifted("beta_vae", 0.0)]
    alike = [*shifted("iwae", 1.0), *shifted("iwae", 2.0, options={"num_samples": 2})]
    found = verdict(runs(*sides, *alike))
    assert (found.verdict, found.sample) == ("held", "n = 3 seeds, paired (r = 1.00, 1.00 elsewhere)")
    turned = [record(objective="iwae", seed=s, scores=rate(v)) for s, v in enumerate([5.0, 1.0, 3.0])]
    found = verdict(runs(*sides, *turned, *shifted("iwae", 2.0, options={"num_samples": 2})))
    assert (found.verdict, found.sample) == ("undecided", "n = 3 and 3 seeds, not paired (r = 1.00, -1.00 elsewhere)")


def histories(records, folder, gain):
    """The records in folders, whose objective rose by `gain` of its size in the last tenth of the steps."""
    for name, _ in records:
        rows = [(0, 0.0, -200.0), (90, 0.1, -100.0 * (1 + gain)), (100, 0.1, -100.0)]
        (folder / name).mkdir()
        text = "".join(f"{step},{rate},{value}\n" for step, rate, value in rows)
        (folder / name / "history.csv").write_text("step,learning_rate,validation_objective\n" + text)
    return [(folder / name, one) for name, one in records]


def test_training_that_had_not_converged_leaves_a_claim_unchecked(tmp_path):
    records = pairs([1.0, 2.0, 3.0], [11.0, 12.1, 13.0])
    (tmp_path / "short").mkdir()
    short = histories(records, tmp_path / "short", 0.02)
    found = verdict(short)
    assert found.verdict == "unchecked"
    assert "not converged: 6 of 6 runs still gained 1 % or more of their objective" in found.note
    assert "difference -10 nats" in found.line()  # the numbers are there all the same
    assert verdict(short, converged=False).verdict == "held"
    (tmp_path / "long").mkdir()
    assert verdict(histories(records, tmp_path / "long", 0.002)).verdict == "held"


def test_a_learning_rate_that_falls_to_the_end_is_said(tmp_path):
    records = histories(pairs([1.0, 2.0, 3.0], [11.0, 12.1, 13.0]), tmp_path, 0.02)
    for folder, _ in records[:2]:
        path = folder / "history.csv"
        path.write_text(path.read_text().replace("100,0.1", "100,0.05"))
    assert "not converged: 4 of 6 runs" in verdict(records).note
    why = "whether 2 of 6 runs had converged cannot be told: their learning rate changed in the last tenth of the steps"
    assert why in verdict(records).note
    assert "told" not in verdict(records, converged=False).note


def test_a_size_that_cannot_decide_leaves_claims_on_trained_models_unchecked():
    records = pairs([1.0, 2.0, 3.0], [11.0, 12.1, 13.0])
    why = "300 steps train nothing"
    for found in (verdict(records, {"unchecked": why}), verdict(records, unchecked=why)):
        assert (found.verdict, found.note) == ("unchecked", why)
        assert found.line().endswith(
            f"{why}; difference -10 nats, 95 % interval [-10.2, -9.89], n = 3 seeds, paired (r = 1.00)"
        )
    fixed = runs(*(record(model=m, objective="none", seed=s, scores=rate(s + 9 * (m == "ica")))
                   for m in ("pca", "ica") for s in range(3)))  # fmt: skip
    assert verdict(fixed, {"unchecked": why}, left={"model": "pca"}, right={"model": "ica"}).verdict == "held"


def test_the_same_verdicts_in_four_notations():
    claims = [CLAIM, {**CLAIM, "relation": "greater"}, {**CLAIM, "left": {"objective": "iwae"}, "primary": False}]
    found = check(pairs([1.0, 2.0, 3.0], [11.0, 12.1, 13.0]), parse_claims(claims))
    [(title, lines)] = section(found)
    assert title == "Claims (1 held, 1 contradicted, 0 undecided, 1 unchecked)"
    assert lines[0].startswith("How to read them. held: ")
    assert [line.split()[0] for line in lines[1:]] == ["held", "contradicted", "unchecked"]
    content = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert [content[name] for name in ("held", "contradicted", "undecided", "unchecked")] == [1, 1, 0, 1]
    assert [claim["verdict"] for claim in content["claims"]] == ["held", "contradicted", "unchecked"]
    tex = latex(found, "tab:demo-claims")
    assert r"mnist5k & A is below B & held & difference $-$10 nats, 97.5 \% interval [$-$10.2, $-$9.83]" in tex
    assert tex.count("{") == tex.count("}")
    assert (section([]), latex([], "")) == ([], "")


def test_a_claim_that_planned_runs_cannot_decide_ends_a_sweep_before_it_starts():
    claim = "{text: t,metric: rate,relation: less,left: {objective: elbo},right: {objective: iwae}}"
    plans = [compose(["objective=elbo", f"model.latent_dim={d}", f"claims=[{claim}]"]) for d in (2, 4)]
    check_claims(plans[0], plans[:1])
    why = "claim 't': the left side is 2 configurations, not one"
    with pytest.raises(ConfigurationError, match=why) as error:
        check_claims(plans[0], plans)
    assert "model.latent_dim=2; model.latent_dim=4" in str(error.value)


def test_the_paper_size_of_higgins_compares_one_latent_size():
    sizes = [f"model.latent_dim={size}" for size in (5, 10)]
    grid = [["objective=beta_vae", f"objective.beta={beta}"] for beta in (1, 4, 16)]
    plans = [compose(["experiment=higgins2017/paper", "seed=0", size, *one]) for size in sizes for one in grid]
    runs, claims = of_plans(plans), parse_claims(plans[0].settings.claims)
    check_planned(claims, runs)
    for claim in claims:
        assert {run.config["model"]["latent_dim"] for of in sides_of(claim, runs).values() for run in of} <= {10}
    assert len(sides_of(claims[0], runs)["right"]) == 1
