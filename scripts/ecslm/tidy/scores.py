"""The scores of a study as tidy rows: `scores.csv` and `scores.parquet`.

The order of columns is that of `COLUMNS`; docs/results.md documents them and users rely on them.
Nothing here is a clock value: costs are counts of tokens and records, so that the files are the
same in every run.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ecslm.common.errors import refuse
from ecslm.common.files import read_csv, read_model
from ecslm.common.manifests import read_result, verify_result
from ecslm.common.tidy_rows import COUNT, NUMBER, TEXT, TRUTH, TidyRow, tidy_frame
from ecslm.models.manifests import AdapterManifest
from ecslm.schemas.metrics_file import LenientScore, MetricsFile, OverSeedsFile, SimpleBaselines
from ecslm.schemas.paths import ADAPTER, METRICS_FILE, OVER_SEEDS, PREDICTIONS, SIMPLE_BASELINES
from ecslm.tidy.settings import TidySettings, source_name
from ecslm.tidy.study import StudyContext

COLUMNS = {
    **dict.fromkeys(("study", "model", "kind", "base"), TEXT),
    "seed": COUNT,
    **dict.fromkeys(("task", "setting", "metric", "protocol"), TEXT),
    **dict.fromkeys(("value", "low", "high"), NUMBER),
    "interval_method": TEXT,
    "interval_reliable": TRUTH,
    **dict.fromkeys(("n", "invalid", "truncated", "prompt_tokens", "generated_tokens"), COUNT),
    **dict.fromkeys(("training_records", "training_tokens"), COUNT),
    **{"mcc": NUMBER, "sd": NUMBER, "best_simple": TRUTH},
    **{"distinct": COUNT, "most_frequent": TEXT, "most_frequent_count": COUNT},
    **dict.fromkeys(("details", "printed", "source"), TEXT),
}
TOKENS = ["prompt_tokens", "generated_tokens"]
# The kind of rows that others have published, and the protocol of a value that was printed as twice
# a recall.
PUBLISHED, DOUBLED = "published", "published_doubled"
# A score as it is printed.
SCORE = re.compile(r"[0-9]*\.?[0-9]+")


def score_files(study: StudyContext) -> list[str]:
    """The results that the rows are read from, relative to the study's results directory."""
    found = [SIMPLE_BASELINES.format(task=task) for task in study.simple]
    found += [ADAPTER.format(**job) for job in study.adapters]
    found += [PREDICTIONS.format(**job) for job in study.answers]
    for name, model in study.rows:
        for task in model.tasks:
            found += [METRICS_FILE.format(model=name, seed=one, task=task) for one in model.seeds]
            found += [OVER_SEEDS.format(model=name, task=task)] * (len(model.seeds) > 1)
    return sorted(found)


def score_frame(settings: TidySettings, results: Path, published: Path | None) -> Any:
    """All scores, in an order that does not depend on the configuration: models by name, trivial
    baselines, published ones. A value that a row lacks is missing.

    Args:
        published: published results, as CSV.

    Raises:
        InputError: a file is missing, altered since it was made, or invalid.
    """
    study, rows = settings.context, list(own_scores(settings.context, results))

    trained, tokens = dict[tuple[Any, ...], TidyRow](), dict[tuple[Any, ...], TidyRow]()
    for job in study.adapters:
        adapter = read_model(results / ADAPTER.format(**job), AdapterManifest)
        counts = {"records": adapter.records, "tokens": adapter.tokens}
        found = {f"training_{what}": sum(of.values()) for what, of in counts.items()}
        trained[job["model"], job["seed"]] = found
    for job in study.answers:
        by_setting = _tokens(results / PREDICTIONS.format(**job))
        tokens |= {(*job.values(), setting): found for setting, found in by_setting.items()}
    for row in rows:
        model = study.models.get(row["model"])
        row |= trained.get((model and model.adapter_of, row["seed"]), {})
        row |= tokens.get((row["model"], row["seed"], row["task"], row["setting"]), {})
    tasks, printed = study.tasks, read_published(published) if published else ()
    rows += [row | {"metric": tasks[row["task"]].metric} for row in printed if row["task"] in tasks]
    return tidy_frame((row | {"study": settings.study} for row in rows), COLUMNS)


def own_scores(study: StudyContext, results: Path) -> Iterator[TidyRow]:
    """The rows of models and trivial baselines, without what no score says. Rows without a seed,
    after those of all seeds, have the mean over seeds.

    Raises:
        InputError: a file is missing, altered since it was made, or invalid.
    """
    best = {
        task: read_result(results / SIMPLE_BASELINES.format(task=task), SimpleBaselines).best
        for task in study.simple
    }
    for name, model in study.rows:
        for task in sorted(model.tasks):
            about: TidyRow = {"model": name, "kind": model.kind, "base": model.base, "task": task}
            about["best_simple"] = best[task] == name if task in best else None
            job, rows = {"model": name, "task": task}, list[TidyRow]()
            for seed in model.seeds:
                path = METRICS_FILE.format(**job, seed=seed)
                file = read_result(results / path, MetricsFile)
                rows += [about | {"seed": seed, "source": path} | row for row in rows_of(file)]
            if len(model.seeds) > 1:
                path = OVER_SEEDS.format(**job)
                over_seeds = read_result(results / path, OverSeedsFile)
                rows += _means(about | {"source": path}, rows, over_seeds)
            yield from (dict.fromkeys(COLUMNS) | row for row in rows)


def rows_of(file: MetricsFile) -> Iterator[TidyRow]:
    """The rows of a metrics file, without what only other files tell. Protocols that a score lacks,
    as an expected value does, have none."""
    for setting, scores in sorted(file.settings.items()):
        about = {"metric": file.metric, "setting": setting, "n": scores.n}
        about["truncated"] = scores.n_truncated
        strict, answers = scores.strict, scores.answers
        yield about | {
            **{"protocol": "strict", "value": strict.known, **_interval(strict)},
            **{"invalid": scores.n_invalid, "mcc": strict.details.get("mcc")},
            "distinct": answers and answers.distinct,
            "most_frequent": answers and answers.most_frequent,
            "most_frequent_count": answers and answers.count,
            "details": json.dumps(strict.of_metric, ensure_ascii=False),
        }
        for protocol, score in (
            ("lenient", strict.lenient),
            ("released", scores.released),
            ("released_2024", scores.released_2024),
        ):
            if score is not None:
                unread = score.n_invalid if isinstance(score, LenientScore) else score.dropped
                yield about | {"protocol": protocol, "value": score.known, "invalid": unread}


def _interval(score: Any) -> TidyRow:
    """That of a `StrictScore`; of one that has none, all of it is missing."""
    low, high = score.ci95 or (None, None)
    about = (score.details.get("interval") if score.ci95 else None) or {}
    found = {f"interval_{name}": about.get(name) for name in ("method", "reliable")}
    return {"low": low, "high": high, **found}


def _means(about: TidyRow, rows: Sequence[TidyRow], file: OverSeedsFile) -> Iterator[TidyRow]:
    """The rows of means over seeds. A mean is missing where the value of a seed is. Counts such as
    invalid answers are in the rows of seeds alone."""
    by_protocol: dict[tuple[str, str], list[TidyRow]] = {}
    for row in rows:
        by_protocol.setdefault((row["setting"], row["protocol"]), []).append(row)
    for (setting, protocol), some in by_protocol.items():
        values, block = [one["value"] for one in some], file.settings[setting]
        mean = about | {name: some[0][name] for name in ("metric", "setting", "protocol", "n")}
        if None not in values:
            mean |= {"value": fmean(values), "sd": stdev(values)}
        if protocol == "strict":
            mean |= _interval(block.strict)
            known = [one["mcc"] for one in some]
            mean["mcc"] = None if None in known else fmean(known)
        yield mean


def _tokens(path: Path) -> dict[str, dict[str, int | None]]:
    """The tokens of all prompts and answers of each setting in a predictions file, None where one
    is unknown."""
    import pandas as pd

    verify_result(path)
    # As they are: nothing that looks like a number or a date becomes one.
    lines = pd.read_json(path, lines=True, dtype=False)
    sums = lines.astype(dict.fromkeys(TOKENS, COUNT)).groupby("setting")[TOKENS].sum(skipna=False)
    return {str(setting): dict(row) for setting, row in sums.iterrows()}


def read_published(path: Path) -> list[TidyRow]:
    """The rows of published results, by table (their setting), row (their model) and task. An empty
    field was not reported.

    The file's column `doubled` names the tasks whose value the row's authors printed as twice a
    recall.

    Raises:
        InputError: the file is missing or broken, has a row twice or a value that is no score, or
            `doubled` names no column.
    """
    problems, about, rows = list[str](), ("table", "model", "doubled"), list[TidyRow]()
    for line, row in enumerate(read_csv(path, about, about[:2]), start=2):
        table, model, twice = (row.pop(one) for one in about)
        doubled = twice.split()
        told = "is no column: name those of tasks, with spaces between them"
        unknown = (one for one in doubled if one not in row)
        problems += [f"{path}: line {line}: doubled: {one} {told}" for one in unknown]
        for task, printed in row.items():
            found: TidyRow = {"model": model, "kind": PUBLISHED, "task": task, "setting": table}
            found |= {"protocol": DOUBLED if task in doubled else PUBLISHED}
            if printed and SCORE.fullmatch(printed) and float(printed) <= 1 + (task in doubled):
                found |= {"value": float(printed), "printed": printed}
            elif printed:
                problems.append(
                    f"{path}: line {line}: {task}: {printed} is no score: write a number from "
                    "0 to 1, the best, with a point, or leave the field empty"
                )
            rows.append(dict.fromkeys(COLUMNS) | found | {"source": source_name(path)})
    refuse(problems)
    return rows
