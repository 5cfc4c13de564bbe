"""Composing once per distinct choice gives the plans that Hydra gives when it composes each run by itself."""

from __future__ import annotations

import pytest

from benchmark.config import source
from benchmark.config.components import ConfigurationError
from benchmark.config.compose import Composer, compose
from benchmark.config.grids import expand
from benchmark.config.plan import check_settings, plan
from benchmark.config.source import Source, composed_of
from tests.support.choices import names_in


def by_hydra(overrides, where=None):
    """The plan of one run that Hydra composed whole."""
    composed = composed_of(where or Source(), overrides)
    return plan(composed.plain, composed.choices, overrides, (where or Source()).flags)


@pytest.mark.parametrize("experiment", names_in("experiment"))
def test_plans_of_a_sweep_are_those_of_composing_each_by_itself(experiment):
    composer, chosen = Composer(), [f"experiment={experiment}", "trainer.learning_rate=3e-4", "results_dir=a b/c"]
    grids = check_settings({"sweep": composer.composed(chosen[:1]).plain["sweep"]}).sweep
    jobs = expand(composer.parsed, composer.choices, grids, chosen)
    job = max(jobs[len(jobs) // 3 :], key=len)
    assert composer.plan(job) == by_hydra(job)


def test_a_thousand_seeds_and_numbers_are_composed_once(monkeypatch):
    composed = []
    monkeypatch.setattr(
        "benchmark.config.compose.composed_of", lambda *given: composed.append(given) or composed_of(*given)
    )
    composer = Composer()
    chosen = ["metrics=[mig]", "objective=beta_vae"]
    plans = [composer.plan([*chosen, f"objective.beta={i / 7}", f"seed={i}"]) for i in range(1000)]
    assert len(composed) == 1
    assert len({plan.folder for plan in plans}) == 1000
    assert plans[3].objective.options["beta"] == 3 / 7


def test_seeds_are_checked_once_and_what_refers_to_them_is_not():
    composer = Composer()
    for chosen in (["metrics=[mig]", "objective.beta=2", "objective=beta_vae"], ["metrics=[mig]", "note='of ${seed}'"]):
        for seed in (3, 4, 0):
            overrides = [*chosen, f"seed={seed}"]
            assert composer.plan(overrides) == by_hydra(overrides)
    with pytest.raises(ConfigurationError, match="seed=-1"):
        composer.plan(["metrics=[mig]", "objective.beta=2", "objective=beta_vae", "seed=-1"])


def test_what_is_composed_leaves_no_trace_in_what_is_composed_after_it():
    """Files are parsed once; Hydra merges into copies of them."""
    first, second = ["metrics=[mig]"], ["experiment=quickstart", "metrics=[dci]", "objective=iwae", "trainer=burda2016"]
    where = Source()
    for overrides in (first, second, first, second):
        assert composed_of(where, overrides).plain == composed_of(Source(), overrides).plain


ODD = [
    ["seed=1", "seed=2", "seed=1"],
    ["seed=4", "++seed=3"],
    ["++seed=3", "seed=4"],
    ["~trainer.warmup_steps", "trainer.steps=7"],
    ["trainer.optimizer_options={fused:false}", "trainer.steps=7"],
    ["trainer.optimizer_options={fused:false}", "trainer.optimizer_options.fused=true"],
    ["model.encoder_hidden=[7,8]", "model.latent_dim=3"],
    ["seed=${evaluation_seed}", "evaluation_seed=5"],
    ["note='${oc.env:HOME}'", "seed=2"],
    ["note='a: b, [c] {d}'", "seed=2"],
    ["model.latent_dim=3", "objective=iwae", "objective.num_samples=7", "model=conv"],
    ["metrics=[mig,dci]", "metrics.mig.bins=7"],
    ["experiment=quickstart", "metrics=[rate_distortion]", "seed=2"],
    ["dataset={split_seed: 3}", "dataset.validation=99"],
    ["model.encoder_hidden.0=5", "seed=1"],
]


@pytest.mark.parametrize("overrides", ODD, ids=" ".join)
def test_odd_overrides_mean_what_hydra_says(overrides):
    overrides = [*overrides, "metrics=[dci]"] if "metrics=" not in " ".join(overrides) else overrides
    assert Composer().plan(overrides) == by_hydra(overrides)


def test_references_to_other_values_are_kept(tmp_path):
    """Where the YAML itself refers to a value, nothing is set without composing."""
    (tmp_path / "mine.yaml").write_text(
        "defaults: [config, _self_]\nevaluation_seed: ${seed}\nnote: ${hydra:job.name}\n"
    )
    where = Source("mine", str(tmp_path))
    made = Composer(where).plan(["seed=7"])
    assert made.settings.evaluation_seed == 7
    assert made == by_hydra(["seed=7"], where)
    assert made.command.startswith(f"python -m benchmark --config-dir {tmp_path} --config-name mine seed=7")


def test_a_configuration_of_hydras_own_application_is_left_alone():
    from hydra import initialize_config_module
    from hydra.core.global_hydra import GlobalHydra

    with initialize_config_module("conf", version_base="1.3"):
        before = GlobalHydra.instance().hydra
        compose(["seed=3"])
        assert GlobalHydra.instance().hydra is before


def test_options_of_metrics_that_were_not_chosen_are_dropped():
    found = compose(["experiment=quickstart", "metrics=[rate_distortion]"])
    assert [metric.name for metric in found.metrics] == ["rate_distortion"]
    chosen = compose(["experiment=quickstart", "metrics=[rate_distortion,evidence]"])
    assert {metric.name: metric.options for metric in chosen.metrics}["evidence"]["num_samples"] == 50


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ("evidense: {num_samples: 5}", "metrics.evidense: no such metric; did you mean evidence?"),
        ("evidence: {num_sample: 5}", "metrics.evidence.num_sample: no such option; did you mean num_samples?"),
        ("evidence: {num_samples: none}", "metrics.evidence.num_samples=none: Input should be a valid integer"),
    ],
)
def test_a_misspelt_option_of_a_metric_that_was_not_chosen_is_an_error(tmp_path, node, said):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(f"# @package _global_\nmetrics:\n  {node}\n")
    with pytest.raises(ConfigurationError) as caught:
        Composer(Source(config_dir=str(tmp_path))).plan(["experiment=mine", "metrics=[rate_distortion]"])
    assert said in str(caught.value)


def test_a_folder_with_a_difficult_name(tmp_path):
    folder = tmp_path / "it's, a [folder] \\ of=mine"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "small.yaml").write_text("defaults: [mlp, _self_]\nlatent_dim: 3\n")
    where = Source(config_dir=str(folder))
    assert Composer(where).plan(["model=small"]).model.options["latent_dim"] == 3
    assert "small" in Composer(where).choices("model")
    assert source.metric_names()
