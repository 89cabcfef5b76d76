"""All answers of models to test records, each with how good it is, as tidy rows: `records.parquet`.

Its rows are in groups by task, so that those of a task can be read without the others.
"""

import io
import json
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.tidy_rows import COUNT, NUMBER, TEXT, TRUTH, TidyRow, tidy_frame
from ecslm.schemas.paths import DATASET, OUTCOMES, PREDICTIONS
from ecslm.schemas.prediction import read_predictions
from ecslm.schemas.record import read_records
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.outcomes import read_outcome_rows
from ecslm.tidy.settings import RecordsSettings
from ecslm.tidy.study import StudyContext

COLUMNS = {
    **dict.fromkeys(("study", "model", "kind"), TEXT),
    "seed": COUNT,
    **dict.fromkeys(("task", "setting", "id", "sample_id"), TEXT),
    **dict.fromkeys(("instruction", "input", "options", "reference", "prediction"), TEXT),
    **{"invalid": TRUTH, "quality": NUMBER, "answer": TEXT, "outcome": TEXT},
    **{"finish_reason": TEXT, "prompt_tokens": COUNT, "generated_tokens": COUNT},
}


def record_files(study: StudyContext) -> list[str]:
    """The results that the rows are read from, relative to the study's results directory."""
    tested = dict.fromkeys(job["task"] for job in study.answers)
    datasets = (DATASET.format(task=task, split="test") for task in tested)
    return [*datasets, *(x.format(**job) for job in study.answers for x in (PREDICTIONS, OUTCOMES))]


def record_table(settings: RecordsSettings, results: Path) -> bytes:
    """The Parquet file: task by task, all records in the order of the dataset, with the answers of
    models by name.

    Raises:
        InputError: a file is missing, altered or invalid.
    """
    from pyarrow import Table, parquet

    file = io.BytesIO()
    empty = Table.from_pandas(tidy_frame([], COLUMNS), preserve_index=False)
    # Those to one record stand together, so that its texts take little room.
    with parquet.ParquetWriter(file, empty.schema, compression="zstd") as writer:
        for task in sorted(settings.context.tasks):
            rows = _rows(settings.context, results, task)
            frame = tidy_frame((row | {"study": settings.study} for row in rows), COLUMNS)
            writer.write(Table.from_pandas(frame, empty.schema, preserve_index=False))
    return file.getvalue()


def _rows(study: StudyContext, results: Path, task: str) -> list[TidyRow]:
    jobs = [job for job in study.answers if job["task"] == task]
    path, measure = DATASET.format(task=task, split="test"), metric(study.tasks[task].measure)
    records = {one.id: one for one in read_records(results / path)} if jobs else {}
    rows: dict[str, list[TidyRow]] = {name: [] for name in records}
    for job in jobs:
        predictions = read_predictions(results / PREDICTIONS.format(**job))
        outcomes = read_outcome_rows(results / OUTCOMES.format(**job))
        ids = [one.id for one in predictions]
        if ids != [one.id for one in outcomes] or not records.keys() >= {*ids}:
            told = "other records than in its outcomes or dataset file: predict and score it again"
            raise InputError(f"{results / PREDICTIONS.format(**job)}: {told}")
        # Of what these have only that is a column is written.
        for answer, one in zip(predictions, outcomes, strict=True):
            row = dict(records[one.id]) | dict(answer) | job
            row["options"] = answer.options and json.dumps(answer.options, ensure_ascii=False)
            row |= {"kind": study.models[job["model"]].kind, "invalid": one.invalid}
            row |= {"answer": one.answer, "quality": measure.quality(one.outcome)}
            row["outcome"] = json.dumps(one.outcome, ensure_ascii=False)
            rows[one.id].append(row)
    return [row for some in rows.values() for row in some]
