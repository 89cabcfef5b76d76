"""The tables of a shipped study, from made-up results, for tests of how they look."""

import random
import zlib
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from support.configs import SHIPPED
from support.project import PROMPTS, REPORT, ROOT
from support.table_files import comparison_row

from ecslm.common.files import write_json
from ecslm.common.tidy_rows import TidyRow, tidy_frame
from ecslm.comparisons.results import Comparison, comparison_frame
from ecslm.comparisons.settings import BEST_SIMPLE, ModelsContrast
from ecslm.config.loading import load_config
from ecslm.plan.comparisons import task_contrasts
from ecslm.plan.study import Study
from ecslm.plan.tables import costs_settings, study_context, table_settings
from ecslm.schemas.paths import (
    COMPARISONS_PARQUET,
    COSTS_PARQUET,
    DATA_CHECK,
    DESCRIPTION,
    PUBLISHED_SCORES,
    SCORES_PARQUET,
)
from ecslm.tables.inputs import Inputs
from ecslm.tables.latex import render_table
from ecslm.tables.model import Table
from ecslm.tidy.costs import COLUMNS as COSTS
from ecslm.tidy.costs import cost_rows
from ecslm.tidy.scores import COLUMNS as SCORES
from ecslm.tidy.scores import read_published

RECORDS = 1_000
COST = {
    **{"device": "NVIDIA H100 80GB HBM3", "load_seconds": 12.3, "seconds": 12_345.6},
    **{"peak_memory_bytes": 7.65e10, "energy_joules": 9.87e7, "prompts": RECORDS},
    **{"prompt_tokens": 654_321, "generated_tokens": 12_345, "devices": 1},
    **{"p50_seconds": 1.23, "p95_seconds": 12.3},
}
CHECK = {"files": {}, "problems": {}, "dropped": 0, "elsewhere": 0, "tasks": {}, "differing": []}
LENGTHS = {"min": 100, "p50": 1_200, "p95": 2_400, "p99": 2_500, "max": 2_600}
DESCRIBED = {
    **{"records": 10 * RECORDS, "instructions": 5, "prompt_tokens": LENGTHS},
    **{"answer_tokens": LENGTHS, "room": 4_000, "truncated": 12},
}


def planned(study: str) -> Study:
    """The plan of a shipped study."""
    return Study(load_config(SHIPPED | {"study": study}, PROMPTS))


def study_tables(study: str, results: Path) -> dict[str, Table]:
    """All tables of a study. Their numbers are made up, and as wide as real ones can be."""
    plan = planned(study)
    _write_tidy(plan, results)
    write_json(results / DATA_CHECK, CHECK)
    for task in plan.settings.tasks:
        write_json(results / DESCRIPTION.format(task=task), _description(plan, task))
    found = {}
    for name in plan.settings.tables:
        request = table_settings(plan, name)
        resources = {option: ROOT / path for option, path in request.table.RESOURCES.items()}
        inputs = Inputs(request.context, results, resources)
        found[name] = request.table.build(name, inputs)
    return found


def fragments(table: Table) -> tuple[str, str]:
    """The table as LaTeX: floats, and tabulars alone."""
    return render_table(REPORT / "tabular.tex.jinja", REPORT / "float.tex.jinja", table)


def _write_tidy(study: Study, results: Path) -> None:
    """Tidy tables of made-up rows."""
    rng = random.Random(zlib.crc32(study.name.encode()))
    published = read_published(ROOT / PUBLISHED_SCORES)
    costs = (row | COST for row in cost_rows(costs_settings(study)))
    compared = {task: [*_comparisons(study, task, rng)] for task in study.test_tasks}
    results.mkdir()
    scored = tidy_frame([*_scores(study, rng), *published], SCORES)
    scored.to_parquet(results / SCORES_PARQUET)
    tidy_frame(costs, COSTS).to_parquet(results / COSTS_PARQUET)
    comparison_frame(compared).to_parquet(results / COMPARISONS_PARQUET)


def _scores(study: Study, rng: random.Random) -> Iterator[TidyRow]:
    settings, best = study.settings.settings, partial(_best_simple, study)
    of_all = ("strict", "lenient", "released", "released_2024")
    for name, model in study_context(study).rows:
        seeds = (*model.seeds, *[None] * (len(model.seeds) > 1))
        for task, seed, setting, protocol in product(model.tasks, seeds, settings, of_all):
            about = {"model": name, "kind": model.kind, "task": task, "seed": seed}
            about |= {"setting": setting, "protocol": protocol, "best_simple": best(task) == name}
            value = round(rng.uniform(0.1, 0.9), 4)
            about |= {"value": value, "low": value - 0.03, "high": value + 0.03, "n": RECORDS}
            about |= {"sd": rng.random() / 9 if seed is None else None, "truncated": 4}
            about |= {"invalid": rng.randrange(900), "interval_reliable": False, "details": "{}"}
            yield about | {"distinct": 3, "most_frequent": "no", "most_frequent_count": 60}


def _comparisons(study: Study, task: str, rng: random.Random) -> Iterator[Comparison]:
    for name, contrast in task_contrasts(study, task).items():
        if isinstance(contrast, ModelsContrast):
            sides = [(s, None, p) for s in contrast.settings for p in contrast.pairs]
        else:
            sides = [(None, m, p) for m in contrast.models for p in contrast.pairs]
        for setting, model, (a, named) in sides:
            low, is_simple = round(rng.uniform(-0.4, 0.1), 4), named == BEST_SIMPLE
            b = _best_simple(study, task) if is_simple else named
            found = comparison_row(
                **{"contrast": name, "a": a, "b": b, "best_simple": is_simple},
                **{"setting": setting, "model": model, "paired": setting is not None},
                **{"n": RECORDS, "n_b": RECORDS, "difference": low + 0.1},
                **{"ci95": [low, low + 0.2], "reliable": False, "p_holm": rng.random() / 10},
                p_holm_interval=rng.choice([None, (0.001, 0.9)]),
            )
            yield Comparison.model_validate(found)


def _best_simple(study: Study, task: str) -> str:
    return max(study.simple_baselines(task), key=len)


def _description(study: Study, task: str) -> dict[str, Any]:
    labelled = study.task(task).answer in ("yes_no", "choice")
    found = DESCRIBED | {"labels": {"A": 5_000, "B": 5_000} if labelled else None}
    by_setting = dict.fromkeys([study.settings.train_setting, *study.settings.settings], found)
    example = {"instruction": "Same?", "input": "a", "options": None, "output": "yes"}
    about = {"task": task, "answer": study.task(task).answer, "tokenizer": "SmolLM2-1.7B"}
    splits = dict.fromkeys(("train", "val", "test"), by_setting)
    return {**about, "options": None, "example": example, "splits": splits}
