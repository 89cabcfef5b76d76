"""What an edit reruns: exactly the jobs that it can affect, each named by its rule and wildcards.

Those that rerun nothing are in test_edits_without_effect.py.

Each row edits a copy of finished studies (rerun_study.yaml), asks Snakemake what it would run, and
compares all jobs, both ways. Jobs are patterns of names: `score */QPR` is the score of QPR of all
models and seeds.
"""

import shutil
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from support.completed import (
    ALPACA,
    CHATML,
    GENERATED,
    LIBRARY,
    MODELS,
    RECORDS,
    STUDIES,
    study_options,
)
from support.edits import (
    NEW_TASK,
    Edit,
    added,
    another_grade,
    configured,
    copied,
    in_all_records,
    listed,
    locked,
    logic,
    moved,
    one_record,
    replaced,
    together,
    turned,
    with_a_remark,
    with_other_weights,
    with_scrambled_times,
    with_turned_keys,
)
from support.scratch import ListJobs


@dataclass(frozen=True)
class Row:
    """An edit in words and in fact, and the jobs that it reruns. `because` is in their reasons."""

    words: str
    edit: Edit
    jobs: tuple[str, ...]
    study: str = "generated"
    because: str = ""


def generated(words: str, edit: Edit, *jobs: str) -> Row:
    """A row about the study with all tables."""
    return Row(words, edit, jobs)


def local(words: str, edit: Edit, *jobs: str) -> Row:
    """A row about the study with labels."""
    return Row(words, edit, jobs, study="local")


def version(library: str, *jobs: str) -> Row:
    """A row about another version of a library, which reasons must name."""
    edit = locked(library, "99.1")
    return Row(f"the version of {library}", edit, jobs, because=f'"{library}":"99.1"')


# Comparisons are of all tasks at once, since p-values are adjusted over them.
CONTRASTED = ("compare", "render_table differences", "render_table claims")
COMPARED_ANEW = ("differences *", *CONTRASTED, "report_page")
# The model that has several seeds.
SEVERAL_SEEDS = "Tiny-Exact"
# The one whose costs are shown.
COSTED = "Tiny-Chat"
TIMED = (f"measure_latency {COSTED}", "render_table cost")


def predicted(model: str) -> tuple[str, ...]:
    """All predictions of the models that a pattern names, their scores, comparisons and costs."""
    return (*answered(model), *(TIMED if fnmatchcase(COSTED, model) else ()))


def answered(model: str) -> tuple[str, ...]:
    """The same without the time that single answers take, which batches do not concern."""
    rules = tuple(f"{rule} {model}/seed-*" for rule in ("predict", "bertscore", "score"))
    over_seeds = (f"score_over_seeds {model}/*",) if fnmatchcase(SEVERAL_SEEDS, model) else ()
    costs = drawn("cost") if fnmatchcase(COSTED, model) else ()
    return (*rules, *over_seeds, *costs, *COMPARED_ANEW)


def trained(model: str) -> tuple[str, ...]:
    """The adapters of the models that a pattern names, their predictions and scores."""
    return (f"train_adapter {model}/seed-*", *predicted(model))


def scored(task: str) -> tuple[str, ...]:
    """All scores of a task, those of the trivial baselines included."""
    return f"score */{task}", f"score_baseline */{task}"


def rescored(task: str) -> tuple[str, ...]:
    """All scores of a task in the study that compares models and has several seeds."""
    again = f"score_over_seeds */{task}", f"choose_baseline {task}", f"differences {task}"
    return (*scored(task), *again, *CONTRASTED)


def drawn(*tables: str) -> tuple[str, ...]:
    """Tables, and the report that shows them."""
    return (*(f"render_table {table}" for table in tables), "report_page")


def described(task: str = "*") -> tuple[str, ...]:
    """The description of a task's records, and what shows it."""
    return f"describe_data {task}", *SHOWN_DATA


def compared(task: str = "*") -> tuple[str, ...]:
    """The comparison of a task's test records with training, and what shows it."""
    return f"leakage {task}", *SHOWN_DATA


# The figures of scores and trainings, and the report that shows them.
FIGURES = ("draw_figures", "report_page")
# The data card, and the report that has it within.
DATA_CARD = ("data_card", "report_page")


def published_scores_alone(project: Path) -> None:
    """A folder of published numbers of the study's own, without files that may be missing."""
    folder = project / "data/their numbers"
    folder.mkdir()
    shutil.copy(project / "resources/published/study.csv", folder)
    configured(f"{GENERATED}.published_numbers", str(folder.relative_to(project)))(project)


# What shows the data. The source as a whole is checked again whatever row of it changed.
SHOWN_DATA = (*DATA_CARD, *drawn("dataset"))
CHECKED = ("check_data", *SHOWN_DATA)

# What reads scores: the table `ind` all of them, `texts` those of SA and AG of the models on the
# chat template, `validity` PM and QPR, `reproduction` PM and SA of Tiny-Exact.
SCORE_TABLES = drawn("ind", "texts", "validity", "reproduction", "differences")
ALL_BUT_BASES = (
    "dataset *",
    *CHECKED,
    *described(),
    *compared(),
    *("score_baseline *", "choose_baseline *"),
    *trained("Tiny-*"),
    *predicted("Tiny"),
    *drawn("dataset", "ind", "texts", "validity", "reproduction", "differences"),
)
ALL_BUT_BASES_OF_LOCAL = (
    "dataset *",
    *CHECKED,
    *described(),
    *compared(),
    "train_adapter *",
    "predict *",
    *("score *", "score_baseline *", "choose_baseline *"),
    *drawn("dataset", "ind"),
)
# What reads the base of all models.
OF_THE_BASE = (
    *described(),
    *trained("Tiny-*"),
    *predicted("Tiny"),
    *drawn("dataset", "ind", "texts", "validity", "reproduction"),
)
# The scores of generated texts and what shows them.
OF_TEXTS = (
    *("score */AG", "score_over_seeds */AG", "differences AG"),
    *(*CONTRASTED, *drawn("ind", "texts")),
)
# New jobs are named one by one: a pattern would not tell that one of them is missing.
ALL_MODELS = ("Tiny/seed-0", "Tiny-Chat/seed-0", "Tiny-Exact/seed-0", "Tiny-Exact/seed-1")
ALL_TASKS = ("PM", "QPR", "SA", "AG")


def new_row(model: str) -> tuple[str, ...]:
    """The predictions and scores of a model and seed that the study did not have."""
    names = [f"{rule} {model}/{task}" for task in ALL_TASKS for rule in ("predict", "score")]
    return (*names, f"bertscore {model}/AG")


def new_task(task: str) -> tuple[str, ...]:
    """The predictions and scores of a task that the study did not have."""
    rows = (f"{rule} {model}/{task}" for model in ALL_MODELS for rule in ("predict", "score"))
    own = f"score_over_seeds {SEVERAL_SEEDS}/{task}", f"differences {task}"
    return (*rows, *own, *CONTRASTED)


TABLES = f"{GENERATED}.tables"
CONTRASTS = f"{GENERATED}.comparisons.contrasts"
MPC = listed(f"{GENERATED}.tasks", "MPC")
MPC_SHOWN = listed(f"{TABLES}.ind.columns", "MPC")
MODEL = {"base": "Tiny", "template": "llama3", "training": {}}

CONTRACT = [
    # Drawing
    generated(
        "the template of a table", added("report/results.tex.jinja", "%"), *drawn("ind", "texts")
    ),
    generated(
        "the template of floats and the title of a setting",
        together(
            added("report/float.tex.jinja", "%"),
            configured("setting_titles.IND_Diverse_Instruction", "New"),
        ),
        *drawn("*"),
    ),
    generated("the template of the page", added("report/report.html.jinja", " "), "report_page"),
    generated("the template of the document", added("report/report.tex.jinja", "%"), "report_page"),
    generated("the style of the page", added("report/report.css", "/* */"), "report_page"),
    generated("the script of the page", added("report/report.js", "//"), "report_page"),
    generated("the style of figures", logic("ecslm/figures/style.py"), *FIGURES, "draw_rule_graph"),
    generated("the code of a figure", logic("ecslm/figures/intervals.py"), *FIGURES),
    generated(
        "the parameters of a published model",
        replaced("resources/published/sizes.csv", "7069016064", "7069016065"),
        *FIGURES,
    ),
    generated(
        "published numbers of its own, which are scores alone",
        published_scores_alone,
        *drawn("claims", "dataset", "ind", "parameters", "reproduction", "texts"),
        *FIGURES,
    ),
    generated(
        "the code of results tables, which figures are drawn by too",
        logic("ecslm/tables/kinds/results.py"),
        *drawn("ind", "texts"),
        *FIGURES,
    ),
    generated("the caption of a table", configured(f"{TABLES}.ind.caption", "New"), *drawn("ind")),
    generated("the code of a table", logic("ecslm/tables/kinds/validity.py"), *drawn("validity")),
    generated(
        "rendering results of another machine: no dates, another device, a new template",
        together(
            with_scrambled_times,
            configured(f"{GENERATED}.device", "cuda"),
            added("report/validity.tex.jinja", "%"),
        ),
        *drawn("validity"),
    ),
    generated(
        "the code that collects scores", logic("ecslm/exports/tidy_scores.py"), "tidy_scores"
    ),
    # Costs
    generated(
        "the price of what models run on",
        configured(f"{TABLES}.cost.hardware.price", 0.3),
        *drawn("cost"),
    ),
    generated(
        "the list price of an API, and its day",
        together(
            configured(f"{TABLES}.cost.apis.An API.input", 5),
            configured(f"{TABLES}.cost.apis.An API.as_of", "2026-11-26"),
        ),
        *drawn("cost"),
    ),
    generated("the code of costs", logic("ecslm/tables/costs.py"), *drawn("cost")),
    generated("the code of claims", logic("ecslm/tables/claims.py"), *drawn("claims")),
    generated(
        "the code of verdicts",
        logic("ecslm/tables/verdicts.py"),
        *drawn("claims", "reproduction"),
    ),
    generated("the code of latency", logic("ecslm/prediction/latency.py"), *TIMED, "report_page"),
    generated(
        "the prompts by which latency is measured",
        configured(f"{GENERATED}.latency.prompts", 3),
        *TIMED,
        "report_page",
    ),
    # Scoring
    generated(
        "the logic of a metric, NDCG",
        replaced("scripts/ecslm/scoring/metrics/ndcg.py", "2 ** GAINS[label] - 1", "GAINS[label]"),
        *rescored("QPR"),
        *drawn("ind", "validity"),
    ),
    generated(
        "the logic of a metric, macro-F1",
        logic("ecslm/scoring/metrics/macro_f1.py"),
        *rescored("SA"),
        *drawn("ind", "texts", "reproduction"),
    ),
    generated(
        "answer parsing, yes or no",
        logic("ecslm/scoring/answers/yes_no.py"),
        *rescored("PM"),
        *drawn("ind", "validity", "reproduction"),
    ),
    generated(
        "answer parsing, choice",
        logic("ecslm/scoring/answers/choice.py"),
        *rescored("SA"),
        *drawn("ind", "texts", "reproduction"),
    ),
    generated(
        "answer parsing, ranking",
        logic("ecslm/scoring/answers/ranking.py"),
        *rescored("QPR"),
        *drawn("ind", "validity"),
    ),
    generated(
        "answer parsing, generation",
        logic("ecslm/scoring/answers/generation.py"),
        *OF_TEXTS,
    ),
    generated(
        "the number of bootstrap resamples",
        configured(f"{GENERATED}.scoring.resamples", 200),
        "score *",
        "score_baseline *",
        "score_over_seeds *",
        *COMPARED_ANEW,
        *SCORE_TABLES,
    ),
    generated("BERTScore code", logic("ecslm/scoring/bertscore/run.py"), "bertscore *", *OF_TEXTS),
    generated(
        "a constant that is imported by its name",
        replaced(f"{LIBRARY}/scoring/bertscore/pairs.py", "DECIMALS = 6", "DECIMALS = 7"),
        "bertscore *",
        *OF_TEXTS,
    ),
    generated(
        "a default",
        replaced(
            f"{LIBRARY}/scoring/bertscore/run.py",
            "cache: Path | None = None",
            'cache: Path | None = Path("cache")',
        ),
        "bertscore *",
        *OF_TEXTS,
    ),
    generated(
        "a decorator",
        replaced(f"{LIBRARY}/scoring/bertscore/pairs.py", "@dataclass(frozen=True)", "@dataclass"),
        "bertscore *",
        *OF_TEXTS,
    ),
    generated(
        "a pattern",
        replaced(
            f"{LIBRARY}/scoring/answers/ranking.py",
            '_SEPARATORS = re.compile(r"[',
            '_SEPARATORS = re.compile(r"[;',
        ),
        *rescored("QPR"),
        *drawn("ind", "validity"),
    ),
    # Several seeds, and comparisons
    generated(
        "the code that scores over seeds",
        logic("ecslm/scoring/over_seeds.py"),
        "score_over_seeds *",
        *drawn("ind", "reproduction"),
    ),
    generated(
        "what a table shows of several seeds",
        configured(f"{TABLES}.ind.spread", "sd"),
        *drawn("ind"),
    ),
    generated("the code that compares", logic("ecslm/comparisons/testing.py"), *COMPARED_ANEW),
    generated(
        "the code of tests of differences",
        logic("ecslm/comparisons/significance.py"),
        *COMPARED_ANEW,
    ),
    generated(
        "the code that adjusts p-values",
        logic("ecslm/comparisons/families.py"),
        *CONTRASTED,
        "report_page",
    ),
    generated(
        "the number of permutations",
        # Fewer than the tests of the family need have no effect.
        configured(f"{GENERATED}.comparisons.permutations", 1000),
        *COMPARED_ANEW,
    ),
    generated(
        "one more comparison",
        listed(f"{CONTRASTS}.tuning.pairs", ["Tiny-Exact", "Tiny-Chat"]),
        *COMPARED_ANEW,
    ),
    generated(
        "the title of a contrast",
        configured(f"{CONTRASTS}.tuning.title", "New"),
        *drawn("differences", "claims"),
    ),
    # Prediction
    generated(
        "generation code",
        logic("ecslm/prediction/transformers_backend.py"),
        *predicted("*"),
        *SCORE_TABLES,
    ),
    generated(
        "generation code that the backend imports late",
        logic("ecslm/prediction/transformers_engine.py"),
        *predicted("*"),
        *SCORE_TABLES,
    ),
    generated("the prediction script", logic("predict.py"), *answered("*"), *SCORE_TABLES),
    generated(
        "the decoding of one task",
        configured(f"{GENERATED}.task_decoding.AG.max_new_tokens", 5),
        "predict */AG",
        "bertscore *",
        *OF_TEXTS,
        *TIMED,
        # It decides what a prompt may have.
        *described("AG"),
    ),
    generated(
        "the batch token budget, where one model's engine is exact",
        configured(f"{GENERATED}.batch_tokens", 3000),
        *predicted("Tiny"),
        *answered("Tiny-Chat"),
        *drawn("ind", "texts", "validity"),
    ),
    # Training
    generated(
        "training code",
        logic("ecslm/training/run.py"),
        *trained("Tiny-*"),
        *SCORE_TABLES,
    ),
    generated(
        "a number in a table that training and prediction have, and BERTScore's code has not",
        replaced(
            f"{LIBRARY}/models/loading.py", '"float32": torch.float32', '"float32": torch.half'
        ),
        *trained("Tiny-*"),
        *predicted("Tiny"),
        *SCORE_TABLES,
    ),
    generated(
        "a helper beside the scripts, which training uses",
        together(
            added("scripts/helper.py", "VALUE = 1"),
            replaced(
                f"{LIBRARY}/training/loss.py",
                "import torch\n",
                "import torch\nfrom helper import VALUE\n\nassert VALUE\n",
            ),
        ),
        *trained("Tiny-*"),
        *SCORE_TABLES,
    ),
    generated("the training script", logic("train_adapter.py"), *trained("Tiny-*"), *SCORE_TABLES),
    generated(
        "a module that training code imports, the loss",
        replaced(
            "scripts/ecslm/training/loss.py",
            'reduction="none"',
            'reduction="none", label_smoothing=0.1',
        ),
        *trained("Tiny-*"),
        *SCORE_TABLES,
    ),
    generated(
        "a module that training code imports, the Trainer",
        logic("ecslm/training/trainer.py"),
        *trained("Tiny-*"),
        *SCORE_TABLES,
    ),
    generated(
        "a module that training and prediction import, the prompts",
        logic("ecslm/models/prompts.py"),
        *described(),
        *trained("Tiny-*"),
        *predicted("Tiny"),
        *SCORE_TABLES,
    ),
    generated(
        "a prompt template of one tuned model",
        added("resources/prompts/alpaca.jinja", "New."),
        *trained("Tiny-Exact"),
        *drawn("ind", "validity", "reproduction"),
    ),
    generated(
        "a prompt template of a tuned and an untuned model, by which prompts are measured",
        added("resources/prompts/chatml.jinja", "New."),
        *described(),
        *trained("Tiny-Chat"),
        *predicted("Tiny"),
        *drawn("ind", "texts", "validity"),
    ),
    generated(
        "one model's learning rate",
        configured(f"{MODELS}.Tiny-Exact.training.learning_rate", 2e-4),
        *trained("Tiny-Exact"),
        *drawn("ind", "validity", "reproduction"),
    ),
    generated(
        "one model's rank and alpha swapped",
        configured(f"{MODELS}.Tiny-Exact.training", {"rank": 8, "alpha": 4}),
        *trained("Tiny-Exact"),
        # The rank decides the number of trained parameters.
        *drawn("parameters", "ind", "validity", "reproduction"),
    ),
    generated(
        "one model's precision",
        configured(f"{MODELS}.Tiny-Exact.precision.dtype", "bfloat16"),
        *trained("Tiny-Exact"),
        *drawn("ind", "validity", "reproduction"),
    ),
    # More of the same
    generated(
        "a new model",
        together(
            configured(f"{MODELS}.Tiny-New", MODEL), listed(f"{TABLES}.validity.models", "Tiny-New")
        ),
        "train_adapter Tiny-New/seed-0",
        *new_row("Tiny-New/seed-0"),
        # No other table has its scores.
        *drawn("validity", "scores_IND_Diverse_Instruction"),
        "draw_rule_graph",
    ),
    generated(
        "a new seed",
        configured(f"{MODELS}.Tiny-Chat.seeds", [0, 1]),
        "train_adapter Tiny-Chat/seed-1",
        *new_row("Tiny-Chat/seed-1"),
        *drawn("cost"),
        *(f"score_over_seeds Tiny-Chat/{task}" for task in ALL_TASKS),
        *COMPARED_ANEW,
        *drawn("ind", "texts", "validity"),
        "draw_rule_graph",
    ),
    generated(
        "a new task that does not train",
        together(configured("tasks.MPC.train", False), MPC, MPC_SHOWN),
        "dataset MPC/test",
        *CHECKED,
        *described("MPC"),
        *new_task("MPC"),
        *TIMED,
        "score_baseline random/seed-0/MPC",
        # More tests need more permutations.
        *COMPARED_ANEW,
        *drawn("ind"),
        "draw_rule_graph",
    ),
    generated(
        "a new trained task",
        together(MPC, MPC_SHOWN),
        *(f"dataset MPC/{split}" for split in ("train", "val", "test")),
        *CHECKED,
        *described("MPC"),
        # Test records are compared with the queries of all training records.
        *compared(),
        *trained("Tiny-*"),
        *new_task("MPC"),
        *(f"score_baseline {baseline}/seed-0/MPC" for baseline in ("majority", "random")),
        "choose_baseline MPC",
        *SCORE_TABLES,
        "draw_rule_graph",
    ),
    generated(
        "a new evaluation setting, which two of the tasks have",
        listed(f"{GENERATED}.settings", "OOD_Diverse_Instruction"),
        *(
            name
            for task in ("SA", "AG")
            for name in (
                *(f"dataset {task}/test", f"predict */{task}", f"score */{task}"),
                *(f"score_over_seeds */{task}", f"differences {task}"),
                *(*described(task), *compared(task)),
            )
        ),
        *CHECKED,
        "bertscore *",
        "score_baseline */SA",
        *CONTRASTED,
        *TIMED,
        *drawn("dataset", "ind", "texts", "reproduction"),
    ),
    # Bases and data
    generated(
        "the source of base weights",
        configured("bases.Tiny.path", "weights/other"),
        "base_model Tiny",
        *OF_THE_BASE,
    ),
    generated(
        "an attribute of a class that reads data",
        replaced(f"{LIBRARY}/data/problems.py", 'extra="forbid"', 'extra="ignore"'),
        *ALL_BUT_BASES,
    ),
    generated("loader code", logic("ecslm/data/cleaning.py"), *ALL_BUT_BASES),
    local(
        "the loader of local files",
        logic("ecslm/data/sources/path.py"),
        *ALL_BUT_BASES_OF_LOCAL,
    ),
    local(
        "one test record",
        one_record("Product_Matching", "test"),
        "dataset PM/test",
        *CHECKED,
        *described("PM"),
        *compared("PM"),
        "predict */PM",
        *scored("PM"),
        *drawn("dataset", "ind"),
    ),
    local(
        "one training record",
        one_record("Product_Matching", "train"),
        "dataset PM/train",
        *CHECKED,
        *described("PM"),
        *compared(),
        *(f"{rule} Tiny-EC/*" for rule in ("train_adapter", "predict", "score")),
        *("score_baseline majority/seed-0/PM", "choose_baseline PM"),
        *drawn("dataset", "ind"),
    ),
    local(
        "one validation record",
        one_record("Product_Matching", "val"),
        "dataset PM/val",
        *CHECKED,
        *described("PM"),
        *(f"{rule} Tiny-EC/*" for rule in ("train_adapter", "predict", "score")),
        *("choose_baseline PM", *drawn("ind")),
    ),
    local(
        "one record of a task that the study does not have",
        one_record("Sentiment_Analysis", "test"),
        *CHECKED,
    ),
    local(
        "the relevance labels",
        another_grade,
        "dataset QPR/test",
        *CHECKED,
        *described("QPR"),
        *compared("QPR"),
        "predict */QPR",
        *scored("QPR"),
        *drawn("dataset", "ind"),
    ),
    # Describing the data
    generated("the template of the data card", added("report/data_card.md.jinja", "."), *DATA_CARD),
    generated("the code of the data card", logic("ecslm/data/card/card.py"), *DATA_CARD),
    generated("the code that checks a source", logic("ecslm/data/checking.py"), *CHECKED),
    generated(
        "the code that describes records", logic("ecslm/data/card/description.py"), *described()
    ),
    generated(
        "the code that finds near duplicates",
        logic("ecslm/data/card/near_duplicates.py"),
        *compared(),
    ),
    local(
        "the licence of local data",
        configured("studies.local.data.license", "CC-BY-4.0"),
        *DATA_CARD,
    ),
    local(
        "what may be dropped, of rows that belong to no file",
        configured("studies.local.data.tolerate", ["unknown_task"]),
        *CHECKED,
    ),
    generated(
        "the model that the data are described with, of another template",
        configured(f"{GENERATED}.described_with", "Tiny-Exact"),
        *described(),
    ),
    # Versions
    *(
        version(library, *trained("Tiny-*"), *predicted("Tiny"), "bertscore *", *SCORE_TABLES)
        for library in ("torch", "transformers", "accelerate", "safetensors")
    ),
    version("tokenizers", *described(), *trained("Tiny-*"), *predicted("Tiny"), *SCORE_TABLES),
    version("Jinja2", *described(), *trained("Tiny-*"), *predicted("Tiny"), "render_table *"),
    version("MarkupSafe", "report_page"),
    version("pandas", "tidy_scores"),
    version("matplotlib", *FIGURES, "draw_rule_graph"),
    version("networkx", "draw_rule_graph", "report_page"),
    version("peft", *trained("Tiny-*"), *SCORE_TABLES),
    version(
        "bitsandbytes",
        *trained("Tiny-Chat"),
        *predicted("Tiny"),
        *drawn("ind", "texts", "validity"),
    ),
    version("bert-score", "bertscore *", *OF_TEXTS),
    version(
        "numpy",
        *compared(),
        *("score *", "score_baseline *", "score_over_seeds *", "choose_baseline *"),
        *COMPARED_ANEW,
        *SCORE_TABLES,
    ),
    version("scipy", "choose_baseline *", *COMPARED_ANEW, *FIGURES, *drawn("ind", "texts")),
    version("scikit-learn", "choose_baseline *", *FIGURES, *drawn("claims", "ind", "texts")),
    # What bases are made of. The project is a copy of the finished one at another path.
    generated(
        "the weights of a local directory replaced, with their date kept",
        with_other_weights("weights/model"),
        "base_model Tiny",
        *OF_THE_BASE,
    ),
    generated(
        "the weights of the encoder replaced",
        with_other_weights("weights/encoder"),
        "base_model TinyEncoder",
        "bertscore *",
        *OF_TEXTS,
    ),
    generated(
        "the code that fetches bases",
        logic("ecslm/models/fetching.py"),
        "base_model *",
        *OF_THE_BASE,
    ),
    # Prompt templates: what they render counts
    generated(
        "a copy of the prompt template that the data card names",
        together(
            copied(CHATML, "copy.jinja"),
            configured(f"{MODELS}.Tiny.template", "copy"),
            configured(f"{MODELS}.Tiny-Chat.template", "copy"),
        ),
        *DATA_CARD,
    ),
    generated(
        "a space more in the prompts of a template",
        replaced(ALPACA, "### Input:", "### Input: "),
        *trained("Tiny-Exact"),
        *drawn("ind", "validity", "reproduction"),
    ),
    generated(
        "a comment that takes a space from the prompts of a template",
        replaced(ALPACA, "### Input:\n", "### Input:{# Words. -#}\n"),
        *trained("Tiny-Exact"),
        *drawn("ind", "validity", "reproduction"),
    ),
    # What data contain counts; their layout, their place and orders without a meaning do not
    local("a new task of the registry that is not the study's", NEW_TASK, *CHECKED),
    local(
        "the order of keys and the spaces in records", in_all_records(with_turned_keys), *CHECKED
    ),
    local("a column of records that nothing reads", in_all_records(with_a_remark), *CHECKED),
    local(
        "the data file under another name in another directory",
        moved(RECORDS, "shop/rows.jsonl", "studies.local.data.path"),
        *CHECKED,
        # Its notes name the file.
        *drawn("ind"),
    ),
    generated("the order of a study's tasks", turned(f"{GENERATED}.tasks"), *DATA_CARD),
]


@pytest.fixture(scope="module")
def all_jobs(completed: Path, list_jobs: ListJobs) -> dict[str, set[str]]:
    """The names of all jobs of each study, targets left out."""
    return {
        study: {
            job.name
            for job in list_jobs(completed, "--dry-run", "--forceall", *study_options(study))
            if job.command
        }
        for study in STUDIES
    }


@pytest.mark.parametrize("row", CONTRACT, ids=lambda row: row.words)
def test_an_edit_reruns_these_jobs_and_no_others(
    row: Row, project: Path, all_jobs: dict[str, set[str]], list_jobs: ListJobs
) -> None:
    row.edit(project)
    planned = list_jobs(project, "--dry-run", *study_options(row.study))
    reasons = {job.name: job.reason for job in planned if job.command}
    expected = expanded(row.jobs, all_jobs[row.study] | reasons.keys())
    rules = {name.split()[0] for name in expected}
    if rules & {"score", "score_baseline"}:
        expected.add("tidy_scores")
    if rules & {"train_adapter", "score", "score_baseline", "score_over_seeds"}:
        expected.add("draw_figures")
    problems = [f"not planned: {name}" for name in sorted(expected - reasons.keys())]
    problems += [f"planned: {name}: {reasons[name]}" for name in sorted(reasons.keys() - expected)]
    assert not problems, "\n".join(problems)
    assert not row.because or any(row.because in reason for reason in reasons.values())


def expanded(patterns: tuple[str, ...], jobs: set[str]) -> set[str]:
    """The jobs that the patterns name; each must name one."""
    found = {pattern: {job for job in jobs if fnmatchcase(job, pattern)} for pattern in patterns}
    assert [pattern for pattern, matches in found.items() if not matches] == [], "no such jobs"
    return set().union(*found.values())
