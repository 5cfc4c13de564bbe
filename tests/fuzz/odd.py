"""Malformed command lines, the same each time: each with what its error must name."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmark.store.groups import EVERY

CONF = Path(__file__).parent.parent.parent / "conf"
GROUPS = EVERY
SMALL = ("alemi_toy", "digits", "digits_with_labels", "linear_gaussian")  # made in a moment, from nothing
FITTING = {  # what a choice needs, so that nothing but the value in question is wrong
    "likelihood=logistic": ("dataset=digits", "dataset.binarisation=none"),
    "model=enumerable": ("dataset=alemi_toy",),
    "model=vib": ("dataset=digits_with_labels",),
    "objective=vib": ("dataset=digits_with_labels", "model=vib"),
}
SETTINGS = (
    "seed", "evaluation_seed", "device", "threads", "results_dir", "data_dir", "cache_dir", "force", "dry_run",
    "workers", "rank_by", "optimise", "note", "published", "sweep", "claims",
)  # fmt: skip
HUGE = "9" * 400
VALUES = (
    "null", "true", "nan", "inf", "-inf", "-1", "0", "0.5", "1e999", "-1e308", "99999999999999999999", HUGE, "''",
    "two", "élève", "'a b'", "'\"'", "[]", "{}", "[[]]", "[null]", "[{a:1}]", "{a:{b:[1]}}", "[-1]", "[nan]",
    "[1e999]", "[two]", "[0]", "${nope}", "${oc.env:NO_SUCH_VARIABLE}", "${oc.env}", "${nope:1}", "${seed", "???",
    "0x10", "1_0", "1 2", "'\\n'", "'\x1b[31m'", "😀",
)  # fmt: skip
GARBAGE = (
    "", "=", "==", "=1", "a", "a b", "a.", ".a=1", "a..b=1", "~", "+", "++", "~~a", "+=1", "seed=1=2", "seed=[",
    "seed=]", "seed={", "seed=}", "seed=(", "seed='", 'seed="', "seed=\\", "seed=[1,2", "seed={a:1", "seed=1,,2",
    "seed=,", "seed=,1", "seed=choice(", "seed=choice()", "seed=range()", "seed=range(1", "seed=range(a,b)",
    "seed=sort()", "seed=shuffle()", "seed=int(a)", "seed=float(x)", "seed=cast(1)", "seed=nope(1)", "seed=glob()",
    "seed=glob(1)", "seed=tag(1)", "seed=extend_list(1)", "é=1", "😀=1", "se ed=1", "seed =1", "seed= 1 1",
    "se\ned=1", "se\x00ed=1", "\x1b[31mseed=1", "seed@=1", "seed@a@b=1", "objective@=elbo", "objective@nope=elbo",
    "model@objective=mlp", "objective:nope=elbo", "/objective=elbo", "objective/=elbo", "objective//x=1",
    "conf/objective=elbo", "../objective=elbo", "--", "-", "seed=" + "[" * 60, "seed=" + "[" * 60 + "]" * 60,
    "a" * 5000 + "=1", "seed=" + "a" * 5000, "a." * 500 + "b=1",
)  # fmt: skip
FLAGS = (
    "--nope", "-z", "-m --nope", "--config-name", "--config-name=", "--config-name=nope",
    "--config-name=../conf/config", "--config-name=objective/elbo", "--config-name=/etc/passwd", "--config-dir",
    "--config-dir=", "--config-dir=/nope", "--config-dir=/etc/passwd", "--config-path=conf",
    "--experimental-rerun=x", "--experimental-rerun", "--resolve", "--cfg", "--cfg nope", "--info nope",
    "--package seed", "-m --cfg job", "--run -m nope=1", "--shell-completion", "--shell-completion install=nope",
    "--hydra-help nope=1", "--cfg job nope=1", "--cfg job --package nope", "--cfg job objective=nope",
    "--info config model=nope", "-m --multirun nope=1", "--version=1", "-mm nope=1",
)  # fmt: skip
HYDRA = (
    "hydra.mode=NOPE", "hydra.mode=[1]", "hydra.nope=1", "hydra/launcher=nope", "hydra/sweeper=nope",
    "hydra/nope=1", "hydra/launcher=null", "hydra/sweeper=null", "hydra.searchpath=nope", "hydra.searchpath=[nope]",
    "hydra.searchpath=1", "hydra.searchpath=[file:///nope/nope]", "hydra.searchpath=[pkg://nope]",
    "hydra.searchpath=null", "~hydra.job", "hydra/job_logging=nope", "hydra.job.config=3",
    "hydra.sweeper.max_batch_size=x", "hydra.launcher._target_=nope", "hydra.sweeper._target_=nope",
    "hydra.launcher._target_=os.system", "hydra.sweeper._target_=benchmark.experiment.run", "+hydra.sweeper.nope=1",
    "hydra.sweep.dir=[1]", "hydra=null", "hydra={}", "~hydra", "hydra.verbose=[",
)  # fmt: skip
SWEEPS = (
    "seed=range(0,0)", "seed=range(5,1)", "seed=range(0,1,0)", "seed=range(0,1000000000000)",
    "seed=range(0,1,1e-12)", "seed=glob(*)", "seed=glob([a,b])", "seed=interval(0,1)", "seed=choice(a,b)",
    "seed=0,-1", "seed=0,null", "seed=[0,1],[2]", "seed=0,1.5", "seed=0,two", "objective=glob(nope*)",
    "objective=glob(nope,exclude=*)", "objective=elbo,nope", "objective=elbo,null", "objective=elbo,[iwae]",
    "objective=elbo,3", "experiment=nope,quickstart", "experiment=glob(nope*)", "experiment=quickstart,null",
    "experiment=[quickstart],[higgins2017/smoke]", "threads=1,2", "device=cpu,auto", "workers=1,2", "note=a,b",
    "rank_by=elbo,rate", "dry_run=true,false", "force=true,false", "evaluation_seed=0,1", "results_dir=a,b",
    "metrics=[rate_distortion],[information]", "metrics=rate_distortion,mig",
    "metrics.rate_distortion.num_samples=1,2", "published=higgins2017,nope", "claims=[],[1]", "sweep=[],[1]",
    "seed=shuffle(range(0,1000000000000))", "seed=sort(b,a)", "trainer.steps=0,1", "model.latent_dim=3,0",
    "objective.beta=1,2", "nope=1,2", "+nope=1,2", "~seed=1,2", "hydra.mode=RUN,MULTIRUN",
    "hydra/launcher=basic,nope", "seed=range(0,999999),1", "seed=range(1,2,3,4)", "seed=range(start=0)",
    f"seed=range(0,{HUGE})", "seed=range(0,3,-1)",
)  # fmt: skip
GRIDS = (
    "1", "a", "null", "[1]", "[null]", "[[]]", "[a]", "[{seed:[]}]", "[{seed:null}]", "[{seed:[null]}]",
    "[{seed:{a:1}}]", "[{1:2}]", "[{null:1}]", "[{nope:1}]", "[{objective:nope}]", "[{objective:[elbo,nope]}]",
    "[{objective:null}]", "[{objective:[[elbo]]}]", "[{seed:'range(0,0)'}]", "[{seed:'range(0'}]",
    "[{seed:'glob(*)'}]", "[{seed:'[0,1'}]", "[{seed:-1}]", "[{seed:[0,-1]}]", "[{seed:[0,two]}]", "[{'':1}]",
    "[{'a b':1}]", "[{'=':1}]", "[{'~objective':elbo}]", "[{experiment:quickstart}]", "[{metrics:[mig,nope]}]",
    "[{trainer.steps:0}]", "[{trainer:{steps:1,nope:2}}]", "[{seed:0},{seed:[1,x]}]", "{seed:[0,1]}", "{}",
    "[{seed:'interval(0,1)'}]", "[{model.latent_dim:'1,0'}]", "[{x:😀}]", "[{dry_run:[true,false]}]",
    "[{workers:[1,2]}]", "[{seed:'${nope}'}]", "[{seed:'???'}]", "[{hydra.mode:RUN}]",
)  # fmt: skip
CLAIMS = (
    "1", "a", "null", "[1]", "[null]", "[[]]", "[a]", "[{}]", "[{text:a}]", "[{text:a,metric:rate}]", "{text:a}",
    "[{text:a,metric:rate,relation:nope,left:{},right:{}}]",
    "[{text:a,metric:rate,relation:less,left:{},right:{},x:1}]",
    "[{text:a,metric:rate,relation:less,left:1,right:2}]",
    "[{text:a,metric:rate,relation:less,left:null,right:null}]",
    "[{text:a,metric:rate,relation:less,left:[1],right:[2]}]",
    "[{text:a,metric:rate,relation:[less],left:{},right:{}}]",
    "[{text:a,metric:rate,relation:less,left:{nope:1},right:{}}]",
    "[{text:a,metric:rate,relation:null,left:{},right:{}}]",
    "[{text:a,metric:rate,relation:less,left:{},right:{},margin:-1}]",
    "[{text:a,metric:rate,relation:{},left:{},right:{}}]",
    "[{text:a,metric:rate,relation:less,left:{},right:{},margin:x}]",
    "[{text:[],metric:1,relation:less,left:a,right:b}]",
    "[{text:a,metric:rate,relation:less,left:{},right:{},margin:null}]", "[{1:2}]",
)  # fmt: skip
TARGETS = (
    "nope", "''", "os.system", "builtins.eval", "models", "models.", "models.nope", "models..objectives",
    "models.objectives", "models.objectives.nope", "models.objectives.math", "models.objectives.Tensor",
    "models.networks.mlp", "metrics.mig.mig", "models.objectives.elbo", "benchmark.experiment.run",
    "benchmark.__main__.main", "benchmark.nope", "benchmark.training.fit.fit", "benchmark.datasets.digits.digits",
    "benchmark.measure.densities.rate_distortion", "metrics.core.Score", "[]", "{}", "1", "true", "models.vae.VAE",
    "benchmark.datasets.core.Paths", "benchmark.measure.references.pca", "😀", "models.objectives.elbo.x",
)  # fmt: skip
CHOICES = ("null", "", "3", "true", "[]", "{}", "[null]", "[1]", "[[elbo]]", "{a:1}", "nope")


class Case(NamedTuple):
    """One command line, what the first line of its error must contain, and whether there must be an error."""

    arguments: tuple[str, ...]
    key: str
    wrong: bool = True
    experiment: bytes | None = None  # the file of experiment=odd


def cases() -> dict[str, Case]:
    """Every case by its name: a family and a number."""
    families = {
        "misspelt": _sample(_misspelt(), 200),
        "value": _sample(_values(), 600),
        "setting": _sample(_settings(), 250),
        "group": list(_groups()),
        "target": list(_targets()),
        "garbage": [Case((text,), "", wrong=text != "--") for text in GARBAGE],  # -- ends the flags
        "flags": [Case(tuple(text.split()), "") for text in FLAGS],
        "hydra": [Case((text,), "", wrong=False) for text in HYDRA],
        "sweep": [Case(("-m", text), re.split("[.=]", text)[0].lstrip("+~"), wrong=False) for text in SWEEPS],
        "grid": [Case(("-m", f"sweep={text}"), "", wrong=False) for text in GRIDS],
        "claims": [Case(("-m", f"claims={text}"), "claim", wrong=text != "null") for text in CLAIMS],
        "pairs": _sample(_pairs(), 120),
        "combination": _sample(_combinations(), 120),
    }
    return {f"{family}-{i}": case for family, found in families.items() for i, case in enumerate(found)}


def _sample(found: Iterable[Case], count: int) -> list[Case]:
    listed = list(found)
    return random.Random(count).sample(listed, min(count, len(listed)))


def choices(group: str) -> list[str]:
    """The names of a group; of data sets those that are small."""
    folder = CONF / group
    names = sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))
    return [name for name in names if group != "dataset" or name in SMALL]


def options() -> Iterator[tuple[str, str, str]]:
    """(group, choice, key) of every option that conf/ names."""
    for group in GROUPS[:-1]:
        for name in choices(group):
            node = yaml.safe_load((CONF / group / f"{name}.yaml").read_text())
            node = node[name] if group == "metrics" else node
            prefix = f"metrics.{name}" if group == "metrics" else group
            yield from ((group, name, f"{prefix}.{key}") for key in node if key not in ("_target_", "defaults"))


def _chosen(group: str, name: str) -> tuple[str, ...]:
    """A choice, with data that can feed it."""
    if group != "metrics":
        return *FITTING.get(f"{group}={name}", ()), f"{group}={name}"
    return "dataset=linear_gaussian", "model=linear", f"metrics=[{name}]"


def _misspelt() -> Iterator[Case]:
    for group, name, key in options():
        for wrong in (key[:-1], f"{key}x", f"{key}.x", key.upper()):
            yield Case((*_chosen(group, name), f"{wrong}=1"), wrong.rpartition(".")[0] if "." in wrong else wrong)
            yield Case((*_chosen(group, name), f"+{wrong}=1"), key.partition(".")[0], wrong != f"{key}.x")
    for group in GROUPS:
        yield Case((f"{group}x=elbo",), f"{group}x")
        yield from (Case(_chosen(group, f"{name}x"), f"{name}x") for name in choices(group))


def _values() -> Iterator[Case]:
    for (group, name, key), value in itertools.product(options(), VALUES):
        yield Case((*_chosen(group, name), f"{key}={value}"), key, wrong=False)


def _settings() -> Iterator[Case]:
    for key, value in itertools.product(SETTINGS, VALUES):
        yield Case((f"{key}={value}",), key, wrong=False)


def _groups() -> Iterator[Case]:
    for group in GROUPS:
        for value in (
            "null",
            "",
            "3",
            "true",
            "[]",
            "{}",
            "[null]",
            "[1]",
            "[[elbo]]",
            "{a:1}",
            "nope",
            "'a b'",
            "é",
            "a/b",
        ):
            yield Case((f"{group}={value}",), group, wrong=value != "{}")
        for text in (f"~{group}", f"~{group}=nope", f"+{group}=nope", f"++{group}=nope", f"{group}@x=nope"):
            yield Case((text,), group, wrong=text != "~experiment")
        for value in ("../objective/elbo", "..", ".", "/", "//", "a/../b", "a" * 300):
            yield Case((f"{group}={value}",), group)


def _targets() -> Iterator[Case]:
    for group, target in itertools.product(GROUPS[:-1], TARGETS):
        key = "metrics.rate_distortion" if group == "metrics" else group
        yield Case((f"{key}._target_={target}",), "", wrong=False)


def _pairs() -> Iterator[Case]:
    """Two mistakes at once: one of them is named."""
    singles = [case for case in itertools.chain(_sample(_misspelt(), 40), _sample(_settings(), 40)) if case.wrong]
    yield from (Case((*one.arguments, *other.arguments), "") for one, other in itertools.permutations(singles, 2))


def _combinations() -> Iterator[Case]:
    """Choices that are each right: they are run dry, or refused in one line."""
    axes: Sequence[Sequence[str]] = (
        [f"dataset={name}" for name in SMALL],
        [f"model={name}" for name in choices("model")],
        [f"objective={name}" for name in choices("objective")],
        [f"trainer={name}" for name in choices("trainer")],
        ["trainer.batch_size=1", "trainer.batch_size=99999", "trainer.patience=1", "model.latent_dim=1", "seed=7"],
        ["metrics=[rate_distortion]", "metrics=[exact]", "metrics=[mig]", "metrics=[evidence,information]"],
    )
    yield from (Case(tuple(chosen), "", wrong=False) for chosen in itertools.product(*axes))
