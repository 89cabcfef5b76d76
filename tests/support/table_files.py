"""Hand-made results for the tests of tables and reports."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecslm.common.files import write_json, write_jsonl
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.common.tidy_rows import TidyRow, read_tidy, tidy_frame
from ecslm.comparisons.results import PAIRS, Comparison, comparison_frame
from ecslm.schemas.paths import COMPARISONS_PARQUET, COSTS_PARQUET, SCORES_PARQUET
from ecslm.tables.inputs import Inputs
from ecslm.tables.kind import TableRequest
from ecslm.tables.kinds.cost import CostEntry
from ecslm.tables.model import Cell, Table
from ecslm.tables.scores import Published
from ecslm.tidy.costs import cost_frame, cost_rows
from ecslm.tidy.scores import COLUMNS, own_scores, read_published
from ecslm.tidy.settings import CostsSettings
from ecslm.tidy.study import StudyContext

IND = "IND_Diverse_Instruction"
OOD = "OOD_Diverse_Instruction"
TASKS = {
    "AVE": {"title": "Attribute Value Extraction", "metric": "F1*", "measure": "extraction_f1"},
    "PM": {"title": "Product Matching", "metric": "F1", "measure": "binary_f1"},
    "SA": {"title": "Sentiment Analysis", "metric": "macro-F1", "measure": "macro_f1"},
    "AG": {"title": "Answer Generation", "metric": "F_BERT", "measure": "bert_f1"},
}

PUBLISHED = """table,model,doubled,AVE,PM,SA,AG
IND,GPT-4 Turbo,,0.495,0.753,0.516,0.858
IND,EcomGPT,,0.000,0.648,0.188,0.669
IND,Small-EC,AVE,0.858,0.720,0.516,
OOD,Small-EC,AVE,0.659,,0.503,0.856
"""


def scores(value: float, **changes: Any) -> dict[str, Any]:
    """One setting of a metrics file; its interval reaches 0.03 to either side."""
    lenient = {"value": value + 0.01, "defined": True, "n_invalid": 3}
    details = {"lenient": lenient, "interval": {"method": "bootstrap", "reliable": True}}
    strict = {"value": value, "ci95": [value - 0.03, value + 0.03], "defined": True}
    strict |= {"details": details, **changes.pop("strict", {})}
    return {
        **{"n": 200, "n_invalid": 10, "n_truncated": 4, "strict": strict},
        "answers": {"distinct": 3, "most_frequent": "no", "count": 60},
        "released": {"value": value + 0.002, "defined": True, "details": {}},
        "released_2024": {"value": 2 * value, "defined": True, "details": {}},
        **changes,
    }


def write_metrics(
    results: Path, name: str, task: str, by_setting: dict[str, dict[str, Any]], seed: int = 0
) -> None:
    """A metrics file."""
    about = {"task": task, "model": name, "seed": seed, "metric": TASKS[task]["metric"]}
    path = results / "metrics" / name / f"seed-{seed}" / f"{task}.json"
    write_json(path, {**about, "settings": by_setting})


def write_simple(results: Path, task: str, best: str, **others: float) -> None:
    """The choice of the best simple baseline of a task, with what others score on validation."""
    found = {"task": task, "metric": "f1", "n": 24, "scores": {**others, best: 1.0}, "best": best}
    write_json(results / f"simple_baselines/{task}.json", found)


def write_over_seeds(results: Path, name: str, task: str, by_setting: dict[str, float]) -> None:
    """A score over seeds; its interval reaches 0.02 to either side of the mean."""
    about = {"task": task, "model": name, "seeds": [1, 2], "metric": TASKS[task]["metric"]}
    details = {"by_seed": [], "interval": {"method": "bootstrap", "reliable": True}}
    fixed = {"defined": True, "sd": 0.01, "details": details}
    blocks = {}
    for setting, value in by_setting.items():
        strict = {"value": value, "ci95": [value - 0.02, value + 0.02], **fixed}
        blocks[setting] = {"n": 200, "strict": strict}
    path = results / "metrics" / name / "over-seeds" / f"{task}.json"
    write_json(path, {**about, "settings": blocks})


def comparison_row(**changes: Any) -> dict[str, Any]:
    """A comparison: of models in IND, but for what the changes say."""
    return {
        **{"contrast": "tuning", "a": "Small-EC", "b": "Small", "setting": IND, "model": None},
        **{"paired": True, "n": 200, "n_b": 200, "unshared": 0, "seeds": [1, 1], "family": 6},
        **{"value_a": 0.6, "value_b": 0.5, "difference": 0.1, "ci95": [0.05, 0.15]},
        **{"reliable": True, "deciding": None, "test": "randomisation"},
        **{"p": 0.0004, "p_interval": None, "p_holm": 0.012, "p_holm_interval": None},
        **changes,
    }


def write_comparisons(results: Path, task: str, *rows: dict[str, Any]) -> None:
    """A task's comparisons, in place of earlier ones: of models in IND, but for what the rows
    say."""
    path, by_task = results / COMPARISONS_PARQUET, dict[str, list[Comparison]]()
    for row in read_tidy(path) if path.exists() else ():
        by_task.setdefault(row["task"], []).append(as_comparison(row))
    by_task[task] = [Comparison.model_validate(comparison_row(**row)) for row in rows]
    comparison_frame(by_task).to_parquet(path)


def as_comparison(row: TidyRow) -> Comparison:
    """The comparison of a tidy row."""
    found = {name: value for name, value in row.items() if name != "task"}
    for name, columns in PAIRS.items():
        pair = tuple(found.pop(column) for column in columns)
        found[name] = None if None in pair else pair
    return Comparison.model_validate(found)


def scored(study: StudyContext, results: Path) -> StudyContext:
    """The study with the rows and tasks alone that have scores there."""
    tasks = {
        name: tuple(
            task
            for task in model.tasks
            for folder in [results / f"metrics/{name}"]
            if all((folder / f"seed-{seed}/{task}.json").is_file() for seed in model.seeds)
        )
        for name, model in study.rows
    }
    models = study.models.items()
    simple = (task for task in study.simple if (results / f"simple_baselines/{task}.json").exists())
    changes: dict[str, Any] = {
        "models": {name: one.model_copy(update={"tasks": tasks[name]}) for name, one in models},
        "baselines": {name: tasks[name] for name in study.baselines},
        "simple": {task: study.simple[task] for task in simple},
    }
    return study.model_copy(update=changes)


def write_tidy(
    results: Path, study: StudyContext, published: Path | None = None, timed: Sequence[str] = ()
) -> None:
    """The tidy tables of the files that there are, each with its manifest."""
    own = [*own_scores(scored(study, results), results)]
    printed = read_published(published) if published else []
    tidy_frame([*own, *printed], COLUMNS).to_parquet(results / SCORES_PARQUET)
    files = {SCORES_PARQUET: {row["source"] for row in own}}
    settings = CostsSettings(study="shop", context=study, timed=tuple(timed))
    sources = {row["source"] for row in cost_rows(settings)}
    if sources and all((results / path).is_file() for path in sources):
        cost_frame(settings, results).to_parquet(results / COSTS_PARQUET)
        files[COSTS_PARQUET] = sources
    if not (results / COMPARISONS_PARQUET).exists():
        comparison_frame({}).to_parquet(results / COMPARISONS_PARQUET)
    for name, read in files.items():
        made = made_from([results / path for path in sorted(read)], {}, None, {})
        write_manifest(manifest_of(results / name), made, [results / name])


def write_published(folder: Path) -> Path:
    """The CSV file of published results."""
    path = folder / "study.csv"
    path.write_text(PUBLISHED)
    return path


def request(entry: dict[str, Any], **context: Any) -> TableRequest:
    """The request for a table, as the workflow makes it."""
    whole = {"data": {"source": "a test", "comparable": True}, "tasks": TASKS, **context}
    settings = {"caption": "A caption.", "label": "tab:test", **entry}
    return TableRequest.model_validate({"table": settings, "context": whole})


def built(wanted: TableRequest, results: Path, **resources: Path) -> Table:
    """The table of a request, from the files that there are."""
    scores = results / "study.csv"
    timed = wanted.table.latency if isinstance(wanted.table, CostEntry) else ()
    write_tidy(results, wanted.context, scores if scores.exists() else None, timed)
    return wanted.table.build("test", Inputs(wanted.context, results, resources))


def problems(wanted: TableRequest, results: Path) -> list[str]:
    """What does not fit the study or the published results."""
    path = write_published(results)
    published = Published(read_published(path), str(path))
    return [*wanted.table.problems(wanted.context, published)]


def cells(table: Table) -> dict[str, dict[str, Cell]]:
    """The cells of all rows by name, in each by the keys of columns, of all panels together."""
    found: dict[str, dict[str, Cell]] = {}
    for panel in table.panels:
        for row in panel.rows:
            keys = (column.key for column in panel.columns)
            found.setdefault(row.name, {}).update(zip(keys, row.cells, strict=True))
    return found


def shown(table: Table) -> dict[str, list[str]]:
    """The texts of the cells of all rows by name."""
    return {name: [one.shown for one in row.values()] for name, row in cells(table).items()}


def write_dataset(results: Path, records: int, **changes: Any) -> None:
    """The test records of PM."""
    texts = {"instruction": "Tell whether the products are the same.", "output": "yes"}
    texts |= {"task": "PM", "input": "a lamp and a chair", "split": "test", "setting": IND}
    whole = dict.fromkeys(("options", "few_shot_example", "relevance")) | texts | changes
    names = ({"id": f"PM-test-{n}", "sample_id": f"sample-{n}"} for n in range(records))
    write_jsonl(results / "dataset/PM/test.jsonl", (one | whole for one in names))
