"""Scoring one model at the paper's size: seconds and memory, and our bootstrap against a plain one.

Generated records, as many as the paper's test records in two settings, have answers that no model
made (fake_results.py). `score.py` scores the ten tasks one after the other, each in a process of
its own on one core: three protocols, and intervals of 10,000 resamples. Then, on the same answers,
the bootstrap alone: ours against the plain loop, which draws indices, gathers the answers and asks
scikit-learn for the metric, once for each resample. Tasks whose metric scikit-learn does not have
(AVE, AG) are left out of the comparison.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fake_results import BERTSCORE, FakeResults
from processes import ROOT, copy_project, measured, snakemake
from studies import paper_sized, read_configuration, with_study, write_published_rows

from ecslm.config.loading import load_config
from ecslm.plan.jobs import json_parameter, score_settings
from ecslm.plan.study import Study
from ecslm.schemas import paths

RESAMPLES = 10_000
Metric = Callable[[Any], float]


def main(arguments: argparse.Namespace) -> None:
    """Measure both and print the tables."""
    if arguments.bootstrap:
        print(json.dumps(bootstraps(arguments)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        project = copy_project(Path(temporary))
        plan = build(project)
        print("| task | records | seconds | peak memory, MiB |\n|---|---|---|---|")
        runs = [(task, *score(project, plan, task)) for task in plan.test_tasks]
        for task, records, seconds, peak in runs:
            print(f"| {task} | {records:,} | {seconds:.2f} | {peak:.0f} |")
        records, seconds = (sum(run[index] for run in runs) for index in (1, 2))
        print(f"| all | {records:,} | {seconds:.2f} | {max(run[3] for run in runs):.0f} |\n")
        print("| task | setting | plain, s | ours, s | plain / ours |\n|---|---|---|---|---|")
        for task in plan.test_tasks:
            for row in compare_bootstraps(project, plan, task, arguments.plain_resamples):
                ratio = row["plain"] / row["ours"]
                print(
                    f"| {task} | {row['setting']} | {row['plain']:.0f} | {row['ours']:.3f} "
                    f"| {ratio:,.0f} |",
                    flush=True,
                )


def build(project: Path) -> Study:
    """The study's dataset files, and answers of one model and seed to its test records."""
    shipped = read_configuration(ROOT)
    nothing_else = {"tables": {}, "comparisons": None, "described_with": None}
    study = paper_sized(shipped, settings=2) | nothing_else
    name, model = next(iter(study["models"].items()))
    study["models"] = {name: model | {"seeds": [0]}}
    write_published_rows(project, study, ("test",))  # nothing is trained
    configuration = with_study(shipped, study)
    # JSON is YAML.
    (project / "config.yaml").write_text(json.dumps(configuration))
    plan = Study(load_config(configuration, project / paths.TEMPLATES))
    snakemake(project, "--cores", "all", "--", "datasets")
    (model,) = plan.settings.models
    FakeResults(project, plan).write_row(model, 0)
    return plan


def score(project: Path, plan: Study, task: str) -> tuple[int, float, float]:
    """Records, seconds and peak memory of one run of `score.py`."""
    (model,) = plan.settings.models
    names = {"model": model, "seed": "0", "task": task}
    predictions = plan.path(paths.PREDICTIONS, **names)
    command = [sys.executable, "scripts/score.py", "--task", task, "--predictions", predictions]
    command += [
        "--settings",
        json_parameter(score_settings(plan, task)),
        "--output",
        f"scored/{task}.json",
    ]
    if task in plan.generation_tasks:
        command += ["--bertscore", plan.path(BERTSCORE, **names)]
    run = measured(command, project, env=one_thread(), preexec_fn=on_one_core)
    records = (project / predictions).read_bytes().count(b"\n")
    return records, run.seconds, run.peak_mib


def compare_bootstraps(
    project: Path, plan: Study, task: str, plain_resamples: int
) -> list[dict[str, Any]]:
    """Seconds of both bootstraps for each setting of a task, in a process of their own."""
    (model,) = plan.settings.models
    command = [sys.executable, __file__, "--bootstrap", task, "--plain-resamples"]
    predictions = plan.path(paths.PREDICTIONS, model=model, seed=0, task=task)
    command += [str(plain_resamples), "--predictions", predictions]
    run = subprocess.run(
        command,
        cwd=project,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=one_thread(),
        preexec_fn=on_one_core,
    )
    rows: list[dict[str, Any]] = json.loads(run.stdout)
    return rows


def bootstraps(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Seconds that 10,000 resamples take either way; the plain way is timed on fewer of them."""
    import numpy as np

    from ecslm.schemas.prediction import read_predictions
    from ecslm.schemas.task import registered_kind
    from ecslm.scoring.intervals import bootstrap_values
    from ecslm.scoring.metrics.protocol import metric

    kind = registered_kind(arguments.bootstrap)
    measure = metric(kind.metric)
    predictions = read_predictions(arguments.predictions)
    rows = []
    for setting in sorted({one.setting for one in predictions}):
        items = [measure.item(one) for one in predictions if one.setting == setting]
        plain = plain_metric(kind.metric, items)
        if plain is None:
            continue
        generator = np.random.default_rng(0)
        start = time.perf_counter()
        for _ in range(arguments.plain_resamples):
            plain(generator.integers(len(items), size=len(items)))
        plain_seconds = (time.perf_counter() - start) * RESAMPLES / arguments.plain_resamples
        start = time.perf_counter()
        bootstrap_values(measure.sums(measure.outcomes(items)), measure.values, RESAMPLES, seed=0)
        ours = time.perf_counter() - start
        rows.append({"setting": setting, "plain": plain_seconds, "ours": ours})
    return rows


def plain_metric(name: str, items: Sequence[Any]) -> Metric | None:
    """The metric of the records with given indices, by scikit-learn; None where it has none."""
    import numpy as np
    from sklearn.metrics import accuracy_score, f1_score, ndcg_score

    if name == "ndcg":
        gains, ranks = map(np.array, zip(*map(ranking, items), strict=True))
        return lambda index: ndcg_score(gains[index], ranks[index])
    if name in ("extraction_f1", "bert_f1"):
        return None
    references = np.array([item.reference for item in items])
    answers = np.array([item.answer or "invalid" for item in items])
    if name == "binary_f1":
        wrong = np.where(references == "yes", "no", "yes")
        answers = np.where(answers == "invalid", wrong, answers)
        return lambda index: f1_score(references[index], answers[index], pos_label="yes")
    if name == "macro_f1":
        return lambda index: f1_score(
            references[index], answers[index], average="macro", labels=np.unique(references[index])
        )
    return lambda index: accuracy_score(references[index], answers[index])


def ranking(item: Any, places: int = 4) -> tuple[list[float], list[float]]:
    """Gains by product and scores by rank, filled up to as many products as a record can have."""
    from ecslm.scoring.metrics.ndcg import GAINS

    gains = [2 ** GAINS[label] - 1 for label in item.reference]
    ranked = list(item.answer or ())
    letters = [chr(ord("A") + n) for n in range(places)]
    scores = [-ranked.index(x) if x in ranked else -places for x in letters]
    return gains + [0.0] * (places - len(gains)), scores


def one_thread() -> dict[str, str]:
    """The environment without threads of numerical libraries."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def on_one_core() -> None:
    """Keep a process on one core, where the system can."""
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add(
        "--plain-resamples",
        type=int,
        default=200,
        help="resamples of the plain loop that are timed; its seconds are scaled to 10,000",
    )
    add("--bootstrap", help=argparse.SUPPRESS)  # of one task, in this process
    add("--predictions", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
