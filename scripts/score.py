"""Score the predictions of one task: metrics with intervals, and the outcome of each record.
Prints a summary; writes files if --output is given.

A predictions file has one JSON object per line. Your own file needs two fields:
  prediction     the raw text
  reference      the correct answer
and, for some tasks:
  options        for a choice: a list such as ["A: positive", "B: negative"]
  relevance      for a ranking: the labels E, S, C or I of the products, in order
Others are optional and may be null:
  task           code of the task, for example QPR (default: --task)
  setting        scores are grouped by it (default: IND_Diverse_Instruction)
  id             unique name of the line (default: its number)
  sample_id      used to pair the answers of two models (default: id; without
                 either, files are paired by line: keep their lines in one order)
  finish_reason  stop, length if the answer was cut off, or content_filter if it was withheld
  prompt_sha256, prompt_tokens, generated_tokens
                 written by predict.py; they do not affect scores

examples:
  python scripts/score.py --task QPR --predictions P.jsonl
  python scripts/score.py --predictions P.jsonl --show-invalid
  python scripts/score.py --predictions P.jsonl --dataset results/demo/dataset/PM/test.jsonl
  python scripts/score.py --predictions P.jsonl --json > M.json
  python scripts/score.py --predictions P.jsonl --output M.json
"""

from importlib import import_module
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import json_text
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.task import BERTSCORE_METRICS
from ecslm.scoring.predictions import read_bertscores, read_scorable
from ecslm.scoring.score import TaskScores, score
from ecslm.scoring.settings import ScriptSettings
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(
    origin: Origin,
    predictions: Path,
    settings: ScriptSettings,
    task: str | None = None,
    dataset: Path | None = None,
    bertscore: Path | None = None,
    json: bool = False,
    show_invalid: bool = False,
    output: OutputFile | None = None,
    records: OutputFile | None = None,
    model: str | None = None,
    seed: int | None = None,
) -> None:
    """
    Args:
        predictions: predictions file (JSONL)
        settings: JSON or @FILE: {"task": {...}, "scoring": {...}} (default: the task in
            config.yaml, and the default scoring settings)
        task: code of the task, for example QPR (default: the task in the predictions)
        dataset: test dataset file, all of which the predictions must answer
        bertscore: output of scripts/bertscore.py, for generation tasks
        json: print the metrics as JSON, and nothing else
        show_invalid: list the invalid answers
        output: metrics file to write (JSON)
        records: outcomes file to write, one line per record (default: OUTPUT with .records.jsonl)
        model: name of the model, recorded in the metrics
        seed: seed of the adapter, recorded in the metrics
    """
    if records and not output:
        raise InputError("--records: nothing is written without --output: add it")
    if output:
        origin.reads(predictions, bertscore, dataset)
    given = read_scorable(predictions, task, settings, dataset)
    code = str(given[0].task)
    kind = settings.kind_of(code)
    if (bertscore is not None) != (kind.metric in BERTSCORE_METRICS):
        raise InputError(
            f"--bertscore: not used: {code} is scored by {kind.metric}"
            if bertscore
            else f"--bertscore: required for {code}; write the file with: python "
            f"scripts/bertscore.py --predictions {predictions} "
            "--encoder DIR/manifest.json --output B.jsonl"
        )
    bertscores = [] if bertscore is None else read_bertscores(bertscore, predictions, given)
    scores = score(given, kind, settings.scoring, bertscores, model, seed)
    if output:
        made_by = settings.model_copy(update={"task": kind})
        origin.fields["settings"] = made_by.model_dump(mode="json")
        origin.writes(scores.files(output, records))
    if json:
        print(json_text(scores.metrics.model_dump()), end="")
    else:
        print(as_text(given, scores, show_invalid))


def as_text(given: list[ScoredPrediction], scores: TaskScores, show_invalid: bool) -> str:
    """The summary, with the invalid answers if requested."""
    # No result depends on the summary: the code digest leaves it out. Loaded by name, because jobs
    # need not load it.
    report = import_module("ecslm.reports.summaries")
    text: str = report.score_summary(scores.metrics)
    if show_invalid:
        text += "\n\n" + report.invalid_answers(given, scores.outcomes)
    return text


if __name__ == "__main__":
    run_script(main)
