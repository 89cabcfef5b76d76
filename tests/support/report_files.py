"""A small study's results, as a report reads them: hand-made, but for the figure."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from support.project import REPORT
from support.table_files import (
    IND,
    TASKS,
    scores,
    write_dataset,
    write_metrics,
    write_simple,
    write_tidy,
)

from ecslm.common.files import write_json, write_jsonl, write_text
from ecslm.reports.content import Content, read_content
from ecslm.reports.page import render_page
from ecslm.reports.settings import ReportSettings
from ecslm.schemas.paths import RECORDS_PARQUET
from ecslm.tables.model import Cell, HeaderCell, Interval, Panel, Row, RowGroup, Table
from ecslm.tidy.records import record_table
from ecslm.tidy.settings import RecordsSettings

HOSTILE = '<script>alert("x")</script>'
PAGE_FILES = {
    **{"template": REPORT / "report.html.jinja", "style": REPORT / "report.css"},
    "script": REPORT / "report.js",
}
RECORDS = 4

SVG = Path(__file__).with_name("figure.svg").read_text(encoding="utf-8")


def report_settings(**changes: Any) -> ReportSettings:
    """The settings of the study's report; changes of the context replace single keys."""
    local = {"tasks": ["PM"], "local": True, "base": "Small", "family": "Small"}
    tuned = local | {"seeds": [42], "adapter_of": "Small-EC", "trained": [42]}
    context = {
        "data": {"source": "a shop & co", "comparable": False},
        "tasks": {"PM": TASKS["PM"]},
        "models": {"Small": local, "Small-EC": tuned},
        "simple": {"PM": ["always-yes"]},
        "baselines": {"always-yes": ["PM"]},
    }
    computation, intervals = ({"kind": one, "table": "ind"} for one in ("computation", "intervals"))
    whole = {
        **{"study": "demo", "title": "A title", "question": "Which model & at what price?"},
        **{"train_setting": IND, "resamples": 1000, "samples": 2, "versions": {"torch": "2.13.0"}},
        **{"tables": ["ind"], "settings_of": {"ind": [IND]}},
        **{"figures": [computation, intervals | {"task": "PM"}]},
        **{"tasks": ["PM"], "models": ["Small", "Small-EC"]},
        **{"recipes": {"Small": {}, "Small-EC": {"training": {}}}, "answering": "Small-EC"},
        **{"hourly": 0.36, "currency": "USD", "timed": True},
    }
    changed = {"context": context | changes.pop("context", {})}
    return ReportSettings.model_validate(whole | changes | changed)


def write_results(study: Path) -> Path:
    """The study's results directory; its bases lie beside it."""
    for model, seed, value in (("Small", 0, 0.4), ("Small-EC", 42, 0.7), ("always-yes", 0, 0.61)):
        write_metrics(study, model, "PM", {IND: scores(value, strict=YES_NO)}, seed=seed)
    write_simple(study, "PM", "always-yes")
    write_dataset(study, RECORDS)
    write_table(study, results_table())
    cost = {"device": "a CPU", "seconds": 20.0, "prompts": 200}
    for model, seed in (("Small", 0), ("Small-EC", 42)):
        write_answers(study, model, seed)
        write_json(study / f"predictions/{model}/seed-{seed}/PM.cost.json", cost)
    write_json(study / "adapters/Small-EC/seed-42/manifest.json", ADAPTER)
    write_json(study / "adapters/Small-EC/seed-42/cost.json", cost | {"seconds": 600.0})
    write_json(study / "latency/Small-EC.json", LATENCY)
    write_json(study.parent / "bases/Small/manifest.json", {"revision": "rev-1"})
    write_text(study / "data_card.md", "# Data\n")
    for figure in report_settings().figures:
        write_text(study / f"figures/{figure.name}.svg", SVG)
    return study


# Of 100 records of each class; as many answers are unreadable as `scores` says.
CONFUSION = {"yes": {"yes": 80, "no": 14, "invalid": 6}, "no": {"yes": 5, "no": 91, "invalid": 4}}
YES_NO = {
    "details": {
        **{"mcc": 0.123456789, "counts": {"tp": 80}, "confusion": CONFUSION},
        "interval": {"method": "bootstrap", "reliable": True},
    }
}
LATENCY = {
    **{"device": "a CPU", "load_seconds": 1.0, "seconds": 1.0, "peak_memory_bytes": None},
    **{"p50_seconds": 0.383, "p95_seconds": 1.94, "answers": []},
}
ADAPTER = {"seed": 42, "records": {"PM": 30}, "tokens": {"PM": 500}, "dtype": "bfloat16"}


def results_table(**changes: Any) -> Table:
    """The table `ind`: a published row and two models in one task."""
    rows = (
        Row("GPT-4", "published", (Cell(0.753, "0.753"),), marks=("other_data",)),
        Row("Small", "model", (score_cell("Small", 0, 0.4),)),
        Row("Small-EC", "model", (score_cell("Small-EC", 42, 0.7),)),
    )
    columns = (HeaderCell("PM", "PM", "F1"),)
    panel = Panel("", "Model", columns, (RowGroup("All", rows),))
    options: dict[str, Any] = {"name": "ind", "kind": "results", "caption": "Results"}
    return Table(**options | {"label": "tab:ind", "panels": (panel,)} | changes)


def own_table() -> Table:
    """The table `ind` of a study that shows nothing that others have published."""
    (panel,) = results_table().panels
    rows = tuple(row for row in panel.groups[0].rows if row.kind != "published")
    return results_table(panels=(replace(panel, groups=(RowGroup("All", rows),)),))


def claims_table(beating: Cell, **cells: Cell) -> Table:
    """The table `claims` of Small-EC in one task.

    Args:
        beating: the difference to the best simple baseline.
        cells: further cells, by the key of their column.
    """
    known = {
        "ours": score_cell("Small-EC", 42, 0.7),
        "untuned": score_cell("Small", 0, 0.4),
        "simple row": Cell("always-yes", "always-yes"),
        "simple": Cell(0.61, "0.610"),
        "beating": beating,
        **cells,
    }
    columns = tuple(HeaderCell(key, key) for key in known)
    rows = (Row("PM", "other", tuple(known.values())),)
    panel = Panel("", "Task", columns, (RowGroup("", rows),), float_title=IND)
    return results_table(name="claims", kind="claims", panels=(panel,), summary=("Ours & yours.",))


MANIFEST: dict[str, Any] = {"inputs": {}, "settings": {}, "code": None, "versions": {}, "files": {}}
CLAIMS = {"tables": ["claims", "ind"], "settings_of": {"claims": [IND], "ind": [IND]}}


def score_cell(model: str, seed: int, value: float) -> Cell:
    """The cell of a score."""
    source = f"metrics/{model}/seed-{seed}/PM.json"
    interval = Interval(value - 0.03, value + 0.03, reliable=False)
    return Cell(value, f"{value:.3f}", interval, sources=(source,))


def write_table(study: Path, table: Table) -> None:
    """A table as JSON, and a fragment of LaTeX."""
    write_json(study / f"tables/{table.name}.json", asdict(table))
    write_json(study / f"tables/{table.name}.manifest.json", MANIFEST)
    write_text(study / f"tables/{table.name}.tex", f"% {table.name}\n")


def write_answers(study: Path, model: str, seed: int) -> None:
    """Answers to the records, and their outcomes: every second one of Small-EC is right, the
    others are no answers; Small always says no, which is wrong."""
    lines: dict[str, list[dict[str, Any]]] = {"predictions": [], "metrics": []}
    for n in range(RECORDS):
        names = {"id": f"PM-test-{n}", "sample_id": f"sample-{n}", "setting": IND}
        right, valid = model == "Small-EC" and n % 2 == 0, model == "Small"
        text = "yes" if right else "no" if valid else HOSTILE
        about = {"task": "PM", "prediction": text, "reference": "yes", "finish_reason": "stop"}
        about |= {"options": None, "relevance": None, "prompt_sha256": "0"}
        lines["predictions"].append(names | about | {"prompt_tokens": 1, "generated_tokens": 1})
        counts = {"tp": int(right), "fp": 0, "fn": int(not right), "tn": 0}
        lines["metrics"].append(names | counts | {"invalid": not (right or valid)})
    for folder, ending in (("predictions", ""), ("metrics", ".records")):
        write_jsonl(study / f"{folder}/{model}/seed-{seed}/PM{ending}.jsonl", lines[folder])


def write_records(study: Path, settings: ReportSettings) -> None:
    """The tidy table of answers to the records."""
    tidy = RecordsSettings(study="demo", context=settings.context)
    (study / RECORDS_PARQUET).write_bytes(record_table(tidy, study))


def content_of(study: Path, settings: ReportSettings | None = None) -> Content:
    """What the report shows, from tidy tables of the files that there are."""
    settings = settings or report_settings()
    write_tidy(study, settings.context, timed=[settings.answering] * settings.timed)
    return read_content(settings, study, study.parent / "bases", "c0ffee")


def page_of(study: Path, settings: ReportSettings | None = None) -> str:
    """The page."""
    if (study / "predictions").exists():
        write_records(study, settings or report_settings())
    return render_page(content_of(study, settings), study, **PAGE_FILES)
