"""Test differences between scores of one task, record by record, for the contrasts of a study.
Writes them and prints a summary.

Run compare.py afterwards to adjust the p-values over all tasks. A contrast of settings is paired if
both have the same samples.
"""

from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import json_text
from ecslm.common.manifests import read_result
from ecslm.comparisons.settings import DifferencesSettings, names_best_simple
from ecslm.comparisons.testing import differences
from ecslm.reports.summaries import difference_summary
from ecslm.schemas.metrics_file import SimpleBaselines
from ecslm.schemas.paths import OUTCOMES, SIMPLE_BASELINES
from ecslm.scoring.outcomes import read_outcomes
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(
    origin: Origin,
    task: str,
    results: Path,
    settings: DifferencesSettings,
    output: OutputFile,
    json: bool = False,
) -> None:
    """
    Args:
        task: code of the task, part of the names of outcomes files
        results: directory with metrics/MODEL/seed-SEED/TASK.records.jsonl, written by score.py
        settings: JSON or @FILE, for example {"metric": "binary_f1", "models": {"A": {"seeds": [0]},
            "B": {"seeds": [0]}}, "contrasts": {"tuning": {"kind": "models", "pairs": [["A", "B"]],
            "settings": ["IND_Diverse_Instruction"]}}}
        output: file to write (JSON)
        json: print JSON, as it is written, instead of a summary
    """
    files = {
        name: [results / OUTCOMES.format(model=name, seed=seed, task=task) for seed in model.seeds]
        for name, model in settings.models.items()
    }
    origin.reads(*(path for paths in files.values() for path in paths))
    best = None
    if names_best_simple(settings.contrasts.values()):
        chosen = results / SIMPLE_BASELINES.format(task=task)
        best = read_result(chosen, SimpleBaselines).best
        if best not in files:
            raise InputError(f"{chosen}: best: {best} is not in `models` of --settings: add it")
        origin.reads(chosen)
    outcomes = {name: read_outcomes(paths) for name, paths in files.items()}
    rows = differences(settings, outcomes, best)
    written = json_text([row.model_dump(mode="json") for row in rows])
    origin.writes({output: written})
    print(written, end="") if json else print(difference_summary({task: rows}))


if __name__ == "__main__":
    run_script(main)
