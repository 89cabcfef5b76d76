"""What an edit reruns: exactly the jobs that it concerns, and those that read their results.

Edits are made in a copy of finished studies (rerun_study.yaml), and Snakemake is asked what it
would run. A row names the jobs that the edit itself concerns, by patterns of names: `score */QPR`
is the score of QPR of all models and seeds. All that follows from the graph is named where it is
part of the contract in docs/reruns.md: in BELOW.

Edits of a group concern different jobs, none of which reads results of another's: they are made
together. If the jobs differ from those of the rows, each edit is tried alone, to name it. Those
that rerun nothing are in test_edits_without_effect.py.
"""

import re
import shutil
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

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
    with_turned_keys,
)
from support.scratch import Job, list_jobs


class Row(NamedTuple):
    """An edit in words and in fact, and the jobs that it concerns itself.

    `because` has words that must be in their reasons.
    """

    words: str
    edit: Edit
    jobs: tuple[str, ...]
    because: tuple[str, ...]


def row(words: str, edit: Edit, jobs: str, because: str = "") -> Row:
    """A row, with jobs separated by semicolons, and words by blanks."""
    return Row(words, edit, tuple(jobs.split("; ")), tuple(because.split()))


TABLES = f"{GENERATED}.tables"
CONTRASTS = f"{GENERATED}.comparisons.contrasts"
OF_MODELS = "predict *; measure_latency *"
NDCG = replaced(f"{LIBRARY}/scoring/metrics/ndcg.py", "2 ** GAINS[label] - 1", "GAINS[label]")
NEW_MODEL = together(
    configured(f"{MODELS}.Tiny-New", {"base": "Tiny", "template": "llama3", "training": {}}),
    listed(f"{TABLES}.validity.models", "Tiny-New"),
)
MPC = together(listed(f"{GENERATED}.tasks", "MPC"), listed(f"{TABLES}.ind.columns", "MPC"))

OF_GENERATED: dict[str, tuple[Row, ...]] = {
    "code and configuration of what is drawn": (
        row(
            "the price of what models run on",
            configured(f"{TABLES}.cost.hardware.price", 0.3),
            "render_table cost",
        ),
        row("the order of a study's tasks", turned(f"{GENERATED}.tasks"), "data_card"),
    ),
    "code of a table": (
        row("of one kind", logic("ecslm/tables/kinds/validity.py"), "render_table *"),
        row("the version of matplotlib", locked("matplotlib", "99.1"), "draw_figures"),
    ),
    "captions, and what shows data and scores": (
        row("a caption", configured(f"{TABLES}.ind.caption", "New"), "render_table ind"),
        row("the template of the data card", added("report/data_card.md.jinja", "."), "data_card"),
        row("the code that collects scores", logic("ecslm/exports/tidy_scores.py"), "tidy_scores"),
    ),
    "all tables": (
        row(
            "the templates of tables and the titles of a setting and a contrast",
            together(
                added("report/tabular.tex.jinja", "%"),
                added("report/float.tex.jinja", "%"),
                configured("setting_titles.IND_Diverse_Instruction", "New"),
                configured(f"{CONTRASTS}.tuning.title", "New"),
            ),
            "render_table *",
        ),
        row("the version of pandas", locked("pandas", "99.1"), "tidy_scores"),
    ),
    "the page": (
        row(
            "its templates, style and script",
            together(
                added("report/report.html.jinja", " "),
                added("report/report.tex.jinja", "%"),
                added("report/report.css", "/* */"),
                added("report/report.js", "//"),
            ),
            "report_page",
            because="report.html.jinja report.tex.jinja report.css report.js",
        ),
    ),
    "metrics and answers": (
        row(
            "macro-F1",
            logic("ecslm/scoring/metrics/macro_f1.py"),
            "score */SA; score_baseline */SA; choose_baseline SA",
        ),
        row(
            "yes or no",
            logic("ecslm/scoring/answers/yes_no.py"),
            "score */PM; score_baseline */PM; choose_baseline PM",
        ),
        row("texts", logic("ecslm/scoring/answers/generation.py"), "score */AG"),
    ),
    "BERTScore, latency, and what is told of data": (
        row("its code", logic("ecslm/scoring/bertscore/run.py"), "bertscore *"),
        row("the code of latency", logic("ecslm/prediction/latency.py"), "measure_latency *"),
        row("descriptions", logic("ecslm/data/description.py"), "describe_data *"),
        row("near duplicates", logic("ecslm/data/leakage.py"), "leakage *"),
    ),
    "what is made of scores": (
        row("over seeds", logic("ecslm/scoring/over_seeds.py"), "score_over_seeds *"),
        row("the code that adjusts p-values", logic("ecslm/comparisons/families.py"), "compare"),
        row("checks of a source", logic("ecslm/data/checking.py"), "check_data"),
    ),
    "comparisons, and by which prompts latency is measured": (
        row("the code of tests", logic("ecslm/comparisons/significance.py"), "differences *"),
        row("prompts", configured(f"{GENERATED}.latency.prompts", 3), "measure_latency *"),
    ),
    "generation": (row("its code", logic("ecslm/prediction/transformers_engine.py"), OF_MODELS),),
    "the batch token budget": (
        row(
            "where one model's engine is exact",
            configured(f"{GENERATED}.batch_tokens", 3000),
            "predict Tiny/*; predict Tiny-Chat/*",
        ),
    ),
    "training": (row("a module", logic("ecslm/training/trainer.py"), "train_adapter *"),),
    "a value in a call": (
        row(
            "of training and prediction, and not of BERTScores",
            replaced(f"{LIBRARY}/models/loading.py", "double_quant=True", "double_quant=False"),
            "train_adapter *; predict Tiny/*",
        ),
    ),
    "prompt templates": (
        row(
            "of one tuned model, by a space",
            replaced(ALPACA, "### Input:", "### Input: "),
            "train_adapter Tiny-Exact/*",
        ),
        row(
            "of a tuned and an untuned model, by which prompts are measured",
            added(CHATML, "New."),
            "describe_data *; predict Tiny/*; train_adapter Tiny-Chat/*",
        ),
    ),
    "settings of training": (
        row(
            "one model's rank and alpha swapped",
            configured(f"{MODELS}.Tiny-Exact.training", {"rank": 8, "alpha": 4}),
            # The rank decides the number of trained parameters, which all tables know of.
            "train_adapter Tiny-Exact/*; render_table parameters; render_table dataset; "
            "render_table cost",
        ),
    ),
    "precision": (
        row(
            "of one model",
            configured(f"{MODELS}.Tiny-Chat.precision.quantization", "none"),
            "train_adapter Tiny-Chat/*",
        ),
    ),
    "a new seed": (
        row(
            "of one model",
            configured(f"{MODELS}.Tiny-Chat.seeds", [0, 1]),
            "train_adapter Tiny-Chat/seed-1; predict Tiny-Chat/seed-1/*; bertscore "
            "Tiny-Chat/seed-1/AG; score Tiny-Chat/seed-1/*; score_over_seeds Tiny-Chat/*; "
            "render_table dataset; render_table parameters",
        ),
    ),
    "a new task": (
        row(
            "that does not train",
            together(configured("tasks.MPC.train", False), MPC),
            # More tests need more permutations.
            "check_data; dataset MPC/test; describe_data MPC; predict */MPC; score */MPC; "
            "score_baseline random/seed-0/MPC; score_over_seeds */MPC; differences *; compare; "
            "measure_latency *; draw_figures; render_table parameters",
        ),
    ),
    "a new trained task": (
        row(
            "on which all adapters are trained",
            MPC,
            # Test records are compared with the queries of all training records.
            "check_data; dataset MPC/*; describe_data MPC; train_adapter *; leakage *; "
            "predict */MPC; score */MPC; score_baseline */MPC; choose_baseline MPC; "
            "score_over_seeds */MPC; differences MPC; compare; draw_figures; "
            "render_table parameters",
        ),
    ),
    "weights of local directories, their dates kept": (
        row("of the base", with_other_weights("weights/model"), "base_model Tiny"),
        row("of the encoder", with_other_weights("weights/encoder"), "base_model TinyEncoder"),
    ),
    "loader code": (row("that cleans", logic("ecslm/data/records.py"), "dataset *; check_data"),),
    "the version of torch": (
        row(
            "in the lock file",
            locked("torch", "99.1"),
            "train_adapter *; predict Tiny/*",
            because='"torch":"99.1"',
        ),
    ),
}
OF_LOCAL: dict[str, tuple[Row, ...]] = {
    "loader code": (row("that reads files", logic("ecslm/data/rows.py"), "dataset *; check_data"),),
    "a validation record, and the relevance labels": (
        row("val", one_record("Product_Matching", "val"), "dataset PM/val; check_data"),
        row("labels", another_grade, "dataset QPR/test; check_data"),
    ),
    "what the study does not read": (
        row(
            "a record of another task, layout, columns, a new task, and what may be dropped",
            together(
                one_record("Sentiment_Analysis", "test"),
                NEW_TASK,
                in_all_records(with_a_remark),
                in_all_records(with_turned_keys),
                configured("studies.local.data.tolerate", ["unknown_task"]),
            ),
            "check_data",
        ),
    ),
    "places": (
        row(
            "the data file under another name in another directory",
            moved(RECORDS, "shop/rows.jsonl", "studies.local.data.path"),
            # The notes of the table name the file.
            "check_data; render_table ind; render_table parameters",
        ),
    ),
}
EDITS = {
    **{("generated", kind): rows for kind, rows in OF_GENERATED.items()},
    **{("local", kind): rows for kind, rows in OF_LOCAL.items()},
}

# What shows the data. The source as a whole is checked again whatever row of it changed.
DATA = ("check_data", "data_card", "render_table dataset")
CONTRASTED = ("compare", "render_table differences", "render_table claims")
# Those that read all scores of a study.
SCORED = tuple(f"render_table {name}" for name in ("ind", "texts", "validity", "reproduction"))
DRAWN = ("tidy_scores", "draw_figures", "report_page")
# All that shows scores.
SHOWN = (*CONTRASTED, *DRAWN, *SCORED)
# Edits, their study, and all that a run would do.
BELOW: dict[str, tuple[Edit, str, tuple[str, ...]]] = {
    "a metric's logic: no GPU job": (
        NDCG,
        "generated",
        (
            *("score */QPR", "score_baseline */QPR", "choose_baseline QPR"),
            *("score_over_seeds */QPR", "differences QPR", *SHOWN),
        ),
    ),
    "one model's learning rate: its adapter and all below it": (
        configured(f"{MODELS}.Tiny-Exact.training.learning_rate", 2e-4),
        "generated",
        (
            *(f"{rule} Tiny-Exact/*" for rule in ("train_adapter", "predict", "bertscore")),
            *("score Tiny-Exact/*", "score_over_seeds *", "differences *", *SHOWN),
        ),
    ),
    "the decoding of one task: its predictions and below": (
        configured(f"{GENERATED}.task_decoding.AG.max_new_tokens", 5),
        "generated",
        (
            *("predict */AG", "bertscore *", "score */AG", "score_over_seeds */AG"),
            *("differences AG", *SHOWN),
            *("measure_latency *", "render_table cost"),
            # It decides what a prompt may have.
            *("describe_data AG", "data_card", "render_table dataset"),
        ),
    ),
    "the number of bootstrap resamples: scores and below": (
        configured(f"{GENERATED}.scoring.resamples", 200),
        "generated",
        ("score *", "score_baseline *", "score_over_seeds *", "differences *", *SHOWN),
    ),
    "a new model: its files, and the tables that have it": (
        NEW_MODEL,
        "generated",
        (
            *("train_adapter Tiny-New/seed-0", "bertscore Tiny-New/seed-0/AG"),
            *(
                f"{rule} Tiny-New/seed-0/{task}"
                for task in ("PM", "QPR", "SA", "AG")
                for rule in ("predict", "score")
            ),
            *("render_table *", *DRAWN),
        ),
    ),
    "a new setting: the test records of its tasks and below, no training": (
        listed(f"{GENERATED}.settings", "OOD_Diverse_Instruction"),
        "generated",
        (
            *(
                f"{rule}/{task}"
                for task in ("SA", "AG")
                for rule in ("predict *", "score *", "score_over_seeds *")
            ),
            *(f"{rule} {task}" for task in ("SA", "AG") for rule in ("describe_data", "leakage")),
            *("dataset SA/test", "dataset AG/test", "bertscore *", "score_baseline */SA", *DATA),
            *("differences SA", "differences AG", *SHOWN),
            *("measure_latency *", "render_table cost"),
        ),
    ),
    "one test record: that file and below, no training and no other task": (
        one_record("Product_Matching", "test"),
        "local",
        (
            *("dataset PM/test", "describe_data PM", "leakage PM", *DATA),
            *("predict */PM", "score */PM", "score_baseline */PM", "render_table ind", *DRAWN),
        ),
    ),
    "one training record: adapters and all below": (
        one_record("Product_Matching", "train"),
        "local",
        (
            *("dataset PM/train", "describe_data PM", "leakage *", *DATA),
            *("train_adapter *", "predict Tiny-EC/*", "score Tiny-EC/*"),
            *("score_baseline majority/seed-0/PM", "choose_baseline PM", "render_table ind"),
            *DRAWN,
        ),
    ),
}


@pytest.fixture(scope="module")
def all_jobs(completed: Path) -> dict[str, set[str]]:
    """The names of all jobs of each study, targets left out."""
    return {
        study: {
            job.name
            for job in list_jobs(completed, "--dry-run", "--forceall", *study_options(study))
            if job.command
        }
        for study in STUDIES
    }


@pytest.mark.parametrize(("study", "kind"), EDITS)
def test_edits_concern_these_jobs_and_no_others(
    study: str, kind: str, completed: Path, project: Path, all_jobs: dict[str, set[str]]
) -> None:
    rows = EDITS[study, kind]
    if len(rows) > 1:
        named = [expanded(row.jobs, all_jobs[study]) for row in rows]
        for number, jobs in enumerate(named):
            assert jobs - set().union(*named[:number], *named[number + 1 :]), "none of its own"
    found = difference(rows, study, project, all_jobs[study])
    if found and len(rows) > 1:
        found = {
            row.words: difference(
                [row], study, shutil.copytree(completed, project.with_name(str(n))), all_jobs[study]
            )
            for n, row in enumerate(rows)
        }
    assert not found


@pytest.mark.parametrize("words", BELOW)
def test_an_edit_reruns_these_jobs(
    words: str, project: Path, all_jobs: dict[str, set[str]]
) -> None:
    edit, study, jobs = BELOW[words]
    edit(project)
    planned = {job.name for job in due(project, study)}
    assert planned == expanded(jobs, all_jobs[study] | planned)


def difference(rows: Iterable[Row], study: str, project: Path, jobs: set[str]) -> list[str]:
    """How jobs that Snakemake has reasons of their own to run differ from those of the rows."""
    for row in rows:
        row.edit(project)
    reasons = {job.name: job.reason for job in due(project, study) if own_reason(job)}
    expected = expanded([one for row in rows for one in row.jobs], jobs | reasons.keys())
    told = " ".join(reasons.values())
    return [
        *(f"not planned: {name}" for name in sorted(expected - reasons.keys())),
        *(f"planned: {name}: {reasons[name]}" for name in sorted(reasons.keys() - expected)),
        *(f"no reason: {one}" for row in rows for one in row.because if one not in told),
    ]


def due(project: Path, study: str) -> list[Job]:
    return [job for job in list_jobs(project, "--dry-run", *study_options(study)) if job.command]


def own_reason(job: Job) -> bool:
    """Whether there is another reason than jobs before it: Snakemake then looks for no other."""
    return re.sub(r"Input files updated by another job: [^;]*", "", job.reason).strip("; ") != ""


def expanded(patterns: Iterable[str], jobs: set[str]) -> set[str]:
    """The jobs that the patterns name; each must name one."""
    found = {pattern: {job for job in jobs if fnmatchcase(job, pattern)} for pattern in patterns}
    assert [pattern for pattern, matches in found.items() if not matches] == [], "no such jobs"
    return set().union(*found.values())
