"""Small predictions, records and tasks for the tests of scoring."""

import json
from collections.abc import Sequence
from itertools import count
from typing import Any

from ecslm.schemas.metrics_file import BertScoreRow, Outcome, OutcomeRow
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.record import Record
from ecslm.schemas.task import TaskKind
from ecslm.scoring.answers import AnswerType
from ecslm.scoring.metrics.protocol import Item, metric
from ecslm.scoring.outcomes import Outcomes
from ecslm.scoring.score import TaskScores, score
from ecslm.scoring.settings import ScoringSettings

IND = "IND_Diverse_Instruction"
OOD = "OOD_Diverse_Instruction"

FIVE = ["A: very positive", "B: positive", "C: neutral", "D: negative", "E: very negative"]
TWENTY = [f"{letter}: item {letter.lower()}{letter.lower()}" for letter in "ABCDEFGHIJKLMNOPQRST"]

TASKS = {
    code: TaskKind(answer=answer, metric=metric)
    for codes, answer, metric in (
        ("AVE", "extraction", "extraction_f1"),
        ("PRP SA", "choice", "macro_f1"),
        ("MPC", "choice", "accuracy"),
        ("SR", "choice", "hit_rate"),
        ("PM PSI AP", "yes_no", "binary_f1"),
        ("QPR", "ranking", "ndcg"),
        ("AG", "generation", "bert_f1"),
    )
    for code in codes.split()
}

QUICK = ScoringSettings(resamples=200)


def prediction(text: str, reference: str = "yes", **fields: Any) -> ScoredPrediction:
    """A prediction; fields that scoring does not read have dull values."""
    defaults = {
        **{"id": "r0", "sample_id": "s0", "task": "PM", "setting": IND, "options": None},
        **{"relevance": None, "prompt_sha256": "0" * 64, "prompt_tokens": 10},
        **{"generated_tokens": 2, "finish_reason": "stop"},
    }
    return ScoredPrediction(prediction=text, reference=reference, **(defaults | fields))


def predictions(
    code: str, pairs: Sequence[tuple[str, Any]], options: list[str] | None = None, **fields: Any
) -> list[ScoredPrediction]:
    """Predictions of one task from (text, reference); a ranking's reference is its relevance."""
    ranking = TASKS[code].answer == "ranking"
    return [
        prediction(
            text,
            "" if ranking else reference,
            **{"id": f"r{i}", "sample_id": f"s{i}", "task": code, "options": options}
            | ({"relevance": list(reference)} if ranking else {})
            | fields,
        )
        for i, (text, reference) in enumerate(pairs)
    ]


def record(output: str, **fields: Any) -> Record:
    """A test record; fields that baselines do not read are empty. Each id has its own sample."""
    defaults = {
        **{"id": "r0", "sample_id": f"sample of {fields.get('id', 'r0')}", "task": "PM"},
        **{"split": "test", "setting": IND, "instruction": "", "input": "", "options": None},
        **{"few_shot_example": None, "relevance": None},
    }
    return Record(output=output, **(defaults | fields))


def entries(*triples: tuple[str, Any] | tuple[str, Any, Any]) -> str:
    """Attribute entries as JSON text, from (attribute, value) or (attribute, value, source)."""
    names = ("attribute", "value", "source")
    return json.dumps([dict(zip(names, triple, strict=False)) for triple in triples])


def bertscore(p: ScoredPrediction, f1: float, rescaled: float | None = None) -> BertScoreRow:
    return BertScoreRow(
        id=p.id, setting=p.setting, precision=f1, recall=f1, f1=f1, f1_rescaled=rescaled
    )


def block(
    code: str, given: list[ScoredPrediction], settings: ScoringSettings = QUICK, **extra: Any
) -> dict[str, Any]:
    """The scores of the only setting of some predictions."""
    (only,) = blocks(scored(code, given, settings, **extra)).values()
    return only


def blocks(scores: TaskScores) -> dict[str, dict[str, Any]]:
    """The scores by setting, as they are written."""
    found: dict[str, dict[str, Any]] = json.loads(json.dumps(scores.metrics.model_dump()))
    return found["settings"]


def scored(
    code: str, given: list[ScoredPrediction], settings: ScoringSettings = QUICK, **extra: Any
) -> TaskScores:
    return score(given, TASKS[code], settings, **extra)


def outcomes_of(*seeds: Sequence[Outcome], first: int = 0) -> Outcomes:
    """Outcomes of samples numbered from `first`, for each seed."""
    return Outcomes(
        tuple(
            {
                name: OutcomeRow(id=name, sample_id=name, setting=IND, invalid=False, **one)
                for name, one in zip(map("s{:04}".format, count(first)), seed, strict=False)
            }
            for seed in seeds
        )
    )


def items(code: str, given: list[ScoredPrediction]) -> list[Item]:
    """Predictions as the metric modules get them."""
    return list(map(metric(TASKS[code].metric).item, given))


def answer_type(name: str) -> AnswerType:
    """How the answers of some tasks are parsed."""
    return next(metric(task.metric).ANSWERS for task in TASKS.values() if task.answer == name)


AVE_REFERENCE = entries(("brand", "acme", "product title"), ("size", "None", "None"))

# A right answer, a wrong one, an unusable one, and the references of two records, by task.
EXAMPLES = {
    "AVE": (AVE_REFERENCE, entries(("brand", "x"), ("size", "y")), "?", AVE_REFERENCE, None),
    "PRP": ("A", "B", "?", "A", FIVE[:3]),
    "SA": ("A: very positive", "B", "?", "A: very positive", FIVE),
    "MPC": ("B", "A", "?", "B: positive", FIVE[:4]),
    "SR": ("T", "A", "?", "T", TWENTY),
    "PM": ("yes", "no", "?", "yes", None),
    "PSI": ("yes", "no", "?", "yes", None),
    "AP": ("yes", "no", "?", "yes", None),
    "QPR": ("B,A", "A,B", "?", "SE", None),
    "AG": ("good", "bad", "", "good", None),
}


def example(code: str, fates: str) -> tuple[list[ScoredPrediction], dict[str, Any]]:
    """Predictions that are right (r), wrong (w) or invalid (i), with their BERTScore rows."""
    right, wrong, invalid, reference, options = EXAMPLES[code]
    text = {"r": right, "w": wrong, "i": invalid}
    given = predictions(code, [(text[fate], reference) for fate in fates], options)
    if code != "AG":
        return given, {}
    f1 = {"r": 1.0, "w": 0.5, "i": 0.0}
    rows = [bertscore(p, f1[fate]) for p, fate in zip(given, fates, strict=True)]
    return given, {"bertscores": rows}


def example_outcomes(name: str, fates: str) -> list[Outcome]:
    """What a metric of the registry sums for the example of one of its tasks."""
    code = next(code for code, task in TASKS.items() if task.metric == name)
    given, extra = example(code, fates)
    return [row.outcome for row in scored(code, given, **extra).outcomes]
