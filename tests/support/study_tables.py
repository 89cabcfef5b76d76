"""The tables of a shipped study, from made-up results, for tests of how they look."""

import random
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from support.configs import SHIPPED
from support.project import PROMPTS, REPORT, ROOT
from support.table_files import comparison_row, scores, write_comparisons, write_simple, write_tidy

from ecslm.common.files import write_json
from ecslm.comparisons.settings import BEST_SIMPLE, ModelsContrast
from ecslm.config.loading import load_config
from ecslm.plan.comparisons import task_contrasts
from ecslm.plan.study import Study
from ecslm.plan.tables import costs_settings, study_context, table_settings
from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.tables.inputs import Inputs
from ecslm.tables.latex import render_table
from ecslm.tables.model import Table
from ecslm.tidy.costs import cost_rows
from ecslm.tidy.scores import score_files

RECORDS = 1_000
COST = {
    **{"device": "NVIDIA H100 80GB HBM3", "load_seconds": 12.3, "seconds": 12_345.6},
    **{"peak_memory_bytes": 7.65e10, "energy_joules": 9.87e7, "prompts": RECORDS},
    **{"prompt_tokens": 654_321, "generated_tokens": 12_345},
}
LATENCY = {
    **{key: COST[key] for key in ("device", "load_seconds", "seconds", "peak_memory_bytes")},
    **{"p50_seconds": 1.23, "p95_seconds": 12.3, "answers": []},
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
    plan, published = planned(study), ROOT / PUBLISHED_SCORES
    _write_tidy(plan, results, published)
    found = {}
    for name in plan.settings.tables:
        request = table_settings(plan, name)
        for path in request.table.files:
            _write(plan, results, path)
        resources = {option: ROOT / path for option, path in request.table.RESOURCES.items()}
        inputs = Inputs(request.context, results, resources)
        found[name] = request.table.build(name, inputs)
    return found


def fragments(table: Table) -> tuple[str, str]:
    """The table as LaTeX: floats, and tabulars alone."""
    return render_table(REPORT / "tabular.tex.jinja", REPORT / "float.tex.jinja", table)


def _write(study: Study, results: Path, path: str) -> None:
    """A made-up file."""
    file = results / path
    folder, task, rng = path.partition("/")[0], file.stem, random.Random(zlib.crc32(path.encode()))
    about, settings = {"task": task, "model": None, "metric": "F1"}, study.settings.settings
    if path.endswith("cost.json"):
        write_json(file, COST)
    elif folder == "latency":
        write_json(file, LATENCY)
    elif path == "data_check.json":
        write_json(file, CHECK)
    elif folder == "simple_baselines":
        write_simple(results, task, _best_simple(study, task))
    elif folder == "descriptions":
        write_json(file, _description(study, task))
    elif "/over-seeds/" in path:
        details = {"by_seed": [], "interval": {"method": "bootstrap", "reliable": False}}
        strict = {"value": 0.5, "defined": True, "sd": rng.random() / 9, "ci95": [0.4321, 0.5432]}
        block = {"n": RECORDS, "strict": strict | {"details": details}}
        write_json(file, {**about, "seeds": [0, 1], "settings": dict.fromkeys(settings, block)})
    elif folder == "metrics":
        found = {one: scores(round(rng.uniform(0.1, 0.9), 4), n=RECORDS) for one in settings}
        for one in found.values():
            one["n_invalid"] = rng.randrange(900)
            one["strict"]["details"]["interval"]["reliable"] = False
        write_json(file, {**about, "seed": None, "settings": found})


def _write_tidy(study: Study, results: Path, published: Path) -> None:
    """The tidy tables of made-up files."""
    context, costs = study_context(study), costs_settings(study)
    for path in (*score_files(context), *(row["source"] for row in cost_rows(costs))):
        _write(study, results, path)
    write_tidy(results, context, published, costs.timed)
    for task in filter(partial(task_contrasts, study), study.test_tasks):
        rng = random.Random(zlib.crc32(task.encode()))
        write_comparisons(results, task, *_comparisons(study, task, rng))


def _comparisons(study: Study, task: str, rng: random.Random) -> Iterator[dict[str, Any]]:
    for name, contrast in task_contrasts(study, task).items():
        if isinstance(contrast, ModelsContrast):
            sides = [(s, None, p) for s in contrast.settings for p in contrast.pairs]
        else:
            sides = [(None, m, p) for m in contrast.models for p in contrast.pairs]
        for setting, model, (a, named) in sides:
            low, is_simple = round(rng.uniform(-0.4, 0.1), 4), named == BEST_SIMPLE
            b = _best_simple(study, task) if is_simple else named
            yield comparison_row(
                **{"contrast": name, "a": a, "b": b, "best_simple": is_simple},
                **{"setting": setting, "model": model, "paired": setting is not None},
                **{"n": RECORDS, "n_b": RECORDS, "difference": low + 0.1},
                **{"ci95": [low, low + 0.2], "reliable": False, "p_holm": rng.random() / 10},
                p_holm_interval=rng.choice([None, (0.001, 0.9)]),
            )


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
