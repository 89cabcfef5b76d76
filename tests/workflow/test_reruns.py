"""What an edit reruns: exactly the jobs that it concerns, and those that read their results.

Many edits are made at once in a copy of finished studies (rerun_study.yaml), and the graph is read
once. A row has an edit, and patterns of what it must be said to have changed, each with exactly the
jobs of which that may be said: `score */QPR` is the score of QPR of all models and seeds. Whatever
else is said to have changed fails the test, as does a job that Snakemake would run for a change
that is not said, or would not run. What follows from the graph is named where it is part of the
contract in docs/reruns.md: `below` has all that a run would do for a row.

Edits that rerun nothing are in test_edits_without_effect.py.
"""

import fnmatch
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.completed import (
    ALPACA,
    CHATML,
    CONFIGURATION,
    GENERATED,
    LIBRARY,
    MODELS,
    RECORDS,
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
from support.graphs import NOT_BUILT, Graph, graph_here, read_graph, with_readers
from support.scratch import planned_jobs, snakemake


class Row(NamedTuple):
    """An edit in words and in fact, what it changes of which jobs, and what a run would do."""

    words: str
    edit: Edit
    causes: dict[str, str]
    """Jobs, separated by semicolons, by patterns of what has changed of them."""
    below: str = ""


def code(words: str, file: str, jobs: str) -> Row:
    """One statement more in a module of the library, with which all of its definitions change."""
    module = f"ecslm.{file.removesuffix('.py').replace('/', '.')}"
    return Row(words, logic(f"ecslm/{file}"), {f"{module}*": jobs})


def version(library: str, jobs: str) -> Row:
    """Another version of a library in the lock file."""
    words = f"{library}: * -> 99.1"
    return Row(f"the version of {library}", locked(library, "99.1"), {words: jobs})


def templates(jobs: str, text: str, *names: str) -> Row:
    """A line more in files of `report`."""
    paths = [f"report/{name}" for name in names]
    edits = (added(path, text) for path in paths)
    return Row(" ".join(names), together(*edits), {f"{path} has changed": jobs for path in paths})


TABLES = f"{GENERATED}.tables"
SOURCE = "the content of the source has changed"
PROMPT = "the prompt template has changed"
OF_MODELS = "predict *; measure_latency *"
OF_EXACT, OF_CHAT = (f"train_adapter {x}/*; predict {x}/*" for x in ("Tiny-Exact", "Tiny-Chat"))
ALL_TABLES, CARD = "render_table *; report_page", "data_card"
TRAINED: dict[str, Any] = {"training": {}}
NDCG = replaced(f"{LIBRARY}/scoring/metrics/ndcg.py", "2 ** GAINS[label] - 1", "GAINS[label]")
MPC = together(listed(f"{GENERATED}.tasks", "MPC"), listed(f"{TABLES}.ind.columns", "MPC"))

# What shows the data. The source as a whole is checked again whatever row of it changed.
DATA = "check_data; data_card; render_table dataset"
DRAWN = "tidy_scores; tidy_costs; tidy_records; draw_figures; report_page"
# All that reads scores, and their differences; and what was measured of answers.
OF_SCORES = (
    "tidy_scores; tidy_records; draw_figures; report_page; render_table claims; render_table ind; "
    "render_table texts; render_table validity; render_table reproduction"
)
SHOWN = f"{OF_SCORES}; compare; render_table differences"
OF_COSTS = "tidy_costs; render_table cost"

VALUES = (
    Row("the order of a study's tasks", turned(f"{GENERATED}.tasks"), {"tasks: *": "data_card"}),
    Row(
        "a caption",
        configured(f"{TABLES}.ind.caption", "New"),
        {"table.caption: In-domain results -> New": "render_table ind"},
    ),
    Row(
        "the batch token budget, where a model's engine is not exact",
        configured(f"{GENERATED}.batch_tokens", 3000),
        {"batch_tokens: 4000 -> 3000": "predict Tiny/*; predict Tiny-Chat/*"},
    ),
    Row(
        "one model's rank and alpha swapped",
        configured(f"{MODELS}.Tiny-Exact.training", {"rank": 8, "alpha": 4}),
        {
            "training.rank: 4 -> 8": "train_adapter Tiny-Exact/*",
            "training.alpha: 8 -> 4": "train_adapter Tiny-Exact/*",
            # The rank decides the number of trained parameters, which all tables know of.
            "context.models.Tiny-Exact.parameters: *": f"{ALL_TABLES}; draw_figures",
            "recipes.Tiny-Exact.*": "report_page",
        },
    ),
    Row(
        "the precision of one model",
        configured(f"{MODELS}.Tiny-Chat.precision.quantization", "none"),
        {
            "precision.quantization: nf4 -> none": OF_CHAT,
            "bitsandbytes: *": f"{OF_CHAT}; measure_latency *",
            "tasks.*.precision.quantization: nf4 -> none": "measure_latency Tiny-Chat",
            "recipes.Tiny-Chat.*": "report_page",
        },
    ),
    Row(
        "one model's learning rate: its adapter and all below it",
        configured(f"{MODELS}.Tiny-Exact.training.learning_rate", 2e-4),
        {"training.learning_rate: *": "train_adapter Tiny-Exact/*"},
        f"{OF_EXACT}; bertscore Tiny-Exact/*; score Tiny-Exact/*; score_over_seeds *; "
        f"differences *; {SHOWN}; {OF_COSTS}",
    ),
    Row(
        "the decoding of one task: its predictions and below",
        configured(f"{GENERATED}.task_decoding.AG.max_new_tokens", 5),
        {
            "decoding.max_new_tokens: 4 -> 5": "predict */AG",
            "tasks.AG.decoding.max_new_tokens: 4 -> 5": "measure_latency *",
            # It decides what a prompt may have.
            "max_new_tokens: 4 -> 5": "describe_data AG",
        },
        f"predict */AG; bertscore *; score */AG; score_over_seeds */AG; differences AG; {SHOWN}; "
        f"measure_latency *; {OF_COSTS}; describe_data AG; data_card; render_table dataset",
    ),
    Row(
        "the number of bootstrap resamples: scores and below",
        configured(f"{GENERATED}.scoring.resamples", 200),
        {
            "scoring.resamples: 100 -> 200": "score *; score_baseline *; score_over_seeds *",
            "resamples: 100 -> 200": "differences *; report_page",
        },
        f"score *; score_baseline *; score_over_seeds *; differences *; {SHOWN}",
    ),
)
CODE = (
    Row(
        "a metric's logic: no GPU job",
        NDCG,
        {
            "ecslm.scoring.metrics.ndcg: _dcg has changed": "score */QPR; score_baseline */QPR; "
            "choose_baseline QPR; score_over_seeds */QPR; differences QPR; tidy_records"
        },
        "score */QPR; score_baseline */QPR; choose_baseline QPR; score_over_seeds */QPR; "
        f"differences QPR; {SHOWN}",
    ),
    code(
        "macro-F1",
        "scoring/metrics/macro_f1.py",
        "score */SA; score_baseline */SA; choose_baseline SA; score_over_seeds */SA; "
        "differences SA; tidy_records",
    ),
    Row(
        "yes or no",
        replaced(f"{LIBRARY}/scoring/answers.py", '_ENDINGS = ".!,"', '_ENDINGS = ".!"'),
        {
            "ecslm.scoring.answers: _ENDINGS has changed": "score */PM; score_baseline */PM; "
            "choose_baseline PM; score_over_seeds */PM; differences PM; tidy_records"
        },
    ),
    code("tests of differences", "comparisons/testing.py", "differences *"),
    code("one kind of table", "tables/kinds/validity.py", "render_table *"),
    code("what collects answers", "tidy/records.py", "tidy_records"),
    Row(
        "what collects scores, and what costs",
        together(
            replaced(f"{LIBRARY}/tidy/scores.py", '"sd": stdev(values)', '"sd": fmean(values)'),
            replaced(f"{LIBRARY}/tidy/costs.py", "len(latency.answers)", "1"),
        ),
        {
            "ecslm.tidy.scores: _means has changed": "tidy_scores",
            "ecslm.tidy.costs: cost_frame has changed": "tidy_costs",
        },
    ),
    code("BERTScore", "scoring/bertscore.py", "bertscore *"),
    code("latency", "families/transformers/latency.py", "measure_latency *"),
    code("generation", "families/transformers/generation.py", OF_MODELS),
    code("training", "training/trainer.py", "train_adapter *"),
    code("descriptions of data", "data/description.py", "describe_data *"),
    code("near duplicates", "data/leakage.py", "leakage *"),
    # Tables read published counts by what checks do.
    code("checks of a source", "data/checking.py", "check_data"),
    code("loader code that cleans", "data/records.py", "dataset *; check_data"),
    code("loader code that reads files", "data/rows.py", "dataset *; check_data"),
    Row(
        "a value in a call of training and prediction, and not of BERTScores",
        replaced(f"{LIBRARY}/models/loading.py", "double_quant=True", "double_quant=False"),
        {"ecslm.models.loading: *": f"train_adapter *; {OF_MODELS}"},
    ),
    version("pandas", "compare; tidy_scores; tidy_costs; tidy_records; draw_figures"),
    version("matplotlib", "draw_figures"),
    Row(
        "the version of torch",
        locked("torch", "99.1"),
        {
            "torch: * -> 99.1": f"train_adapter *; {OF_MODELS}; bertscore *",
            "versions.torch: * -> 99.1": "report_page",
        },
    ),
    Row(
        "weights of local directories, their dates kept",
        together(with_other_weights("weights/model"), with_other_weights("weights/encoder")),
        {SOURCE: "base_model *"},
    ),
)
TEMPLATES = (
    templates("render_table *", "%", "tabular.tex.jinja", "float.tex.jinja"),
    templates("data_card", ".", "data_card.md.jinja"),
    Row(
        "the prompt template of one tuned model, by a space",
        replaced(ALPACA, "### Input:", "### Input: "),
        {PROMPT: OF_EXACT},
    ),
)
PAGE = (
    templates("report_page", " ", "report.html.jinja", "report.tex.jinja", "report.css"),
    templates("report_page", "//", "report.js"),
)
OTHER_DATA = (
    Row(
        "a validation record, and the relevance labels",
        together(one_record("Product_Matching", "val"), another_grade),
        {SOURCE: "dataset PM/val; dataset QPR/test; check_data"},
    ),
    Row(
        "a record of another task, layout, columns, a new task, and what may be dropped",
        together(
            one_record("Sentiment_Analysis", "test"),
            NEW_TASK,
            in_all_records(with_a_remark),
            in_all_records(with_turned_keys),
            configured("studies.local.data.tolerate", ["unknown_task"]),
        ),
        {"source.tolerate: *": "check_data", "tasks.NEW.*": "check_data", "tolerated: *": CARD},
    ),
    Row(
        "the data file under another name in another directory",
        moved(RECORDS, "shop/rows.jsonl", "studies.local.data.path"),
        # The notes of tables name the file.
        {"context.data.source: *": ALL_TABLES, "source: *": CARD},
    ),
)


def alone(words: str, edit: Edit, jobs: str, below: str = "", causes: str = "*") -> Row:
    """A row of which all causes concern the same jobs, or new ones."""
    return Row(words, edit, {causes: jobs}, below)


# What is new with a task, and what shows all tasks.
NEW = "score */MPC; predict */MPC; score_over_seeds */MPC; describe_data MPC; differences *"
OF_TASKS = f"check_data; data_card; compare; {DRAWN}; render_table *; measure_latency *"
ALONE = (
    alone(
        "a template of a tuned and an untuned model, by which prompts are measured",
        added(CHATML, "New."),
        f"describe_data *; predict Tiny/*; {OF_CHAT}; measure_latency *",
        causes=PROMPT,
    ),
    alone(
        "a new seed",
        configured(f"{MODELS}.Tiny-Chat.seeds", [0, 1]),
        "* Tiny-Chat/seed-1; * Tiny-Chat/seed-1/*; score_over_seeds Tiny-Chat/*; differences *; "
        f"{DRAWN}; render_table *",
    ),
    alone(
        "a new task that does not train",
        together(configured("tasks.MPC.train", False), MPC),
        # More tests need more permutations.
        f"{NEW}; {OF_TASKS}; dataset MPC/test; score_baseline random/seed-0/MPC",
    ),
    alone(
        "a new trained task, on which all adapters are trained",
        MPC,
        # Test records are compared with the queries of all training records.
        f"{NEW}; {OF_TASKS}; dataset MPC/*; leakage *; choose_baseline MPC; score_baseline */MPC; "
        "train_adapter *",
    ),
    alone(
        "a new model: its files, and the tables that have it",
        together(
            configured(f"{MODELS}.Tiny-New", {"base": "Tiny", "template": "llama3"} | TRAINED),
            listed(f"{TABLES}.validity.models", "Tiny-New"),
        ),
        f"* Tiny-New/*; render_table *; {DRAWN}",
        "train_adapter Tiny-New/seed-0; predict Tiny-New/seed-0/*; score Tiny-New/seed-0/*; "
        f"bertscore Tiny-New/seed-0/AG; render_table *; {DRAWN}",
    ),
    alone(
        "a new setting: the test records of its tasks and below, no training",
        listed(f"{GENERATED}.settings", "OOD_Diverse_Instruction"),
        "dataset SA/test; dataset AG/test; check_data",
        "; ".join(
            f"predict */{x}; score */{x}; score_over_seeds */{x}; describe_data {x}; leakage {x}; "
            f"dataset {x}/test; differences {x}"
            for x in ("SA", "AG")
        )
        + f"; bertscore *; score_baseline */SA; {DATA}; {SHOWN}; measure_latency *; "
        f"{OF_COSTS}",
    ),
    alone(
        "one training record: adapters and all below",
        one_record("Product_Matching", "train"),
        "dataset PM/train; check_data",
        f"dataset PM/train; describe_data PM; leakage *; {DATA}; train_adapter *; {DRAWN}; "
        "predict Tiny-EC/*; score Tiny-EC/*; score_baseline majority/seed-0/PM; "
        "choose_baseline PM; render_table ind",
        SOURCE,
    ),
    alone(
        "one test record: that file and below, no training and no other task",
        one_record("Product_Matching", "test"),
        "dataset PM/test; check_data",
        f"dataset PM/test; describe_data PM; leakage PM; {DATA}; predict */PM; score */PM; "
        f"score_baseline */PM; render_table ind; {DRAWN}",
        SOURCE,
    ),
)
READS: dict[str, tuple[Row, ...]] = {
    "values, templates and code": (*VALUES, *TEMPLATES, *CODE),
    "the page": PAGE,
    "other data": OTHER_DATA,
    **{row.words: (row,) for row in ALONE},
}
OF_LOCAL = {"other data", *(row.words for row in ALONE if row.words.startswith("one "))}


@pytest.mark.parametrize("name", READS)
def test_edits_concern_these_jobs_and_no_others(
    name: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, rows = "local" if name in OF_LOCAL else "generated", READS[name]
    for row in rows:
        row.edit(project)
    if rows[-1] is CODE[-1]:
        graph = read_graph(project, CONFIGURATION.name, study)
    else:
        # By the code of this process, which is that of the project.
        monkeypatch.chdir(project)
        graph = graph_here(CONFIGURATION.name, study)
    said = {cause for job in graph.values() for cause in job.causes}
    patterns = [pattern for row in rows for pattern in row.causes]
    assert said - {one for pattern in patterns for one in fnmatch.filter(said, pattern)} == set()
    for row in rows:
        for pattern, jobs in row.causes.items():
            found = {name for name, job in graph.items() if fnmatch.filter(job.causes, pattern)}
            assert found == expanded(jobs, graph), (row.words, pattern)
        if row.below:
            jobs = expanded("; ".join(row.causes.values()), graph)
            assert with_readers(jobs, graph) == expanded(row.below, graph), row.words
    concerned = {name for name, job in graph.items() if job.causes}
    assert {name for name, job in graph.items() if job.due} == with_readers(concerned, graph)
    # Snakemake itself has noted all but the content of files.
    unseen = {name for name in concerned if not graph[name].recorded_otherwise}
    assert {name for name, job in graph.items() if job.recorded_otherwise} == concerned - unseen
    causes = {cause for name in unseen for cause in graph[name].causes}
    assert {*fnmatch.filter(causes, "report/* has changed")} == causes - {NOT_BUILT}
    if name == "the page":
        run = snakemake(project, "--dry-run", *study_options(study))
        due = Counter(name.split()[0] for name in with_readers(concerned, graph))
        assert planned_jobs(run.stdout + run.stderr) == due | {"all": 1}
        assert "report.tex.jinja" in run.stdout + run.stderr


def expanded(patterns: str, graph: Graph) -> set[str]:
    """The jobs that the patterns name; each must name one."""
    found = {one: set(fnmatch.filter(graph, one)) for one in patterns.split("; ")}
    assert [pattern for pattern, jobs in found.items() if not jobs] == [], "no such jobs"
    return set().union(*found.values())
