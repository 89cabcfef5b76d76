"""Sample records with the answers of all models, side by side."""

import json
from pathlib import Path
from typing import Any

from ecslm.common.tidy_rows import TidyRow, read_tidy
from ecslm.reports.settings import ReportSettings
from ecslm.schemas.paths import RECORDS_PARQUET
from ecslm.schemas.task import EXAMPLE


def read_samples(results: Path, settings: ReportSettings) -> list[list[TidyRow]]:
    """The samples of all tasks: in every setting those that the model which the report is about
    answers worst, and then those that it answers best.

    Each is the rows of the models that were asked it, by their first seeds; that model's comes
    first. Where the prompt has an example, the sample is the same.

    Raises:
        InputError: the records are altered.
        OSError: they are missing.
    """
    models = sorted(settings.models, key=lambda name: name != settings.answering)
    first = {name: settings.context.models[name].seeds[0] for name in models}
    found: list[list[TidyRow]] = []
    for task in settings.tasks if settings.samples and models else ():
        asked = {"task": [task], "model": models, "seed": {*first.values()}}
        rows = read_tidy(results / RECORDS_PARQUET, **asked)
        rows = [row for row in rows if row["seed"] == first[row["model"]]]
        samples: dict[tuple[str, str], list[TidyRow]] = {}
        for row in sorted(rows, key=lambda row: models.index(row["model"])):
            row["setting"] = row["setting"].removesuffix(EXAMPLE)
            samples.setdefault((row["setting"], row["sample_id"]), []).append(row)
        for setting in sorted({of for of, _ in samples}):
            ranked = [one for (of, _), one in samples.items() if of == setting]
            # Ids of samples are hashes: in an order that is random, but reproducible.
            ranked.sort(key=lambda one: (one[0]["quality"], one[0]["sample_id"]))
            shown = min(settings.samples, len(ranked))
            found += ranked[: shown - shown // 2] + ranked[len(ranked) - shown // 2 :]
    return found


def verdict_on(answer: TidyRow) -> str:
    """How good an answer is, in a word: its quality is 0 if it is wrong, and 1 if it is right."""
    words = {0.0: "wrong", 1.0: "right"}
    partly = f"partly right, {answer['quality']:.2f}"
    return "invalid" if answer["invalid"] else words.get(answer["quality"], partly)


def readable(text: str) -> str:
    """A text; what is JSON as lines of names and values."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return "\n".join(_parts(value)) if isinstance(value, dict | list) else text


def _parts(value: Any) -> list[str]:
    if isinstance(value, dict):
        # Some names end with a colon of their own.
        return [f"{name.rstrip(':')}: {'; '.join(_parts(one))}" for name, one in value.items()]
    if isinstance(value, list):
        return ["; ".join(_parts(one)) for one in value]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
