"""Score the predictions of one task: metrics with intervals, and the outcome of each record.
Prints a summary; writes files if --output is given.

A predictions file has one JSON object per line. Your own file needs two fields:
  prediction     the raw text
  reference      the correct answer
and, for some tasks:
  options        for a choice: a list such as ["A: positive", "B: negative"]
  relevance      for a ranking: labels E, S, C or I of the products, in order
Others are optional and may be null:
  task           code of the task, for example QPR (default: --task)
  setting        scores are grouped by it (default: IND_Diverse_Instruction)
  id             unique name of the line (default: its number)
  sample_id      used to pair the answers of two models (default: id; without
                 either, files are paired by line: keep lines in one order)
  finish_reason  stop; length: the answer was cut off; content_filter: withheld
  prompt_sha256, prompt_tokens, generated_tokens
                 written by predict.py; they do not affect scores

examples:
  python scripts/score.py --task QPR --predictions P.jsonl
  python scripts/score.py --predictions P.jsonl --show-invalid
  python scripts/score.py --predictions P.jsonl --dataset results/demo/dataset/PM/test.jsonl
  python scripts/score.py --predictions P.jsonl --json > M.json
  python scripts/score.py --predictions P.jsonl --output M.json
"""

from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import json_text
from ecslm.reports.summaries import invalid_answers, score_summary
from ecslm.schemas.task import BERTSCORE_METRICS
from ecslm.scoring.predictions import read_bertscores, read_scorable
from ecslm.scoring.score import score
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
    kind = settings.kind_of(str(given[0].task))
    if (bertscore is not None) != (kind.metric in BERTSCORE_METRICS):
        program = f"python scripts/bertscore.py --predictions {predictions}"
        required = f"write it by `{program} --encoder DIR/manifest.json --output B.jsonl`"
        fix = "leave it out" if bertscore else required
        raise InputError(f"--bertscore: {given[0].task} is scored by {kind.metric}: {fix}")
    bertscores = [] if bertscore is None else read_bertscores(bertscore, predictions, given)
    scores = score(given, kind, settings.scoring, bertscores, model, seed)
    if output:
        origin.made_with(settings.model_copy(update={"task": kind}))
        origin.writes(scores.files(output, records))
    if json:
        print(json_text(scores.metrics.model_dump()), end="")
        return
    print(score_summary(scores.metrics))
    if show_invalid:
        print(f"\n{invalid_answers(given, scores.outcomes)}")


if __name__ == "__main__":
    run_script(main)
