"""No backend reads right answers or relevance labels: others change no prompt and no answer."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.model_examples import (
    prediction_settings,
    read_lines,
    run_predict,
    write_records,
)
from support.scoring_examples import FIVE

from ecslm.prediction.settings import PredictionSettings

RANKED = json.dumps({"query": "mug", "product list": ["A: a mug", "B: a plate", "C: a cup"]})
LISTED = json.dumps({"title": "a lamp of steel", "target attributes": "Care and use"})

# What each kind of answer needs, and two right answers to it.
KINDS: dict[str, tuple[dict[str, Any], tuple[dict[str, Any], dict[str, Any]]]] = {
    "yes_no": ({}, ({"output": "yes"}, {"output": "no"})),
    "choice": ({"options": FIVE}, ({"output": "A"}, {"output": FIVE[3]})),
    "ranking": (
        {"input": RANKED, "options": None},
        ({"output": "A,B,C", "relevance": ["E", "S", "C"]}, {"output": "B,A", "relevance": None}),
    ),
    "extraction": (
        {"input": LISTED, "options": None},
        (
            {"output": '[{"attribute": "care and use", "value": "None"}]'},
            {"output": '[{"attribute": "care", "value": "x"}, {"attribute": "use"}]'},
        ),
    ),
    "generation": ({}, ({"output": "it is blue"}, {"output": "a much longer answer " * 9})),
}

LOCAL = [
    *(("free", kind) for kind in KINDS),
    *(("constrained", kind) for kind in ("yes_no", "choice", "ranking", "extraction")),
    *(("likelihood", kind) for kind in ("yes_no", "choice")),
]


def found(
    folder: Path, base: Path | None, kind: str, settings: PredictionSettings, **changes: Any
) -> list[Any]:
    """The prompts and answers for each set of right answers."""
    fields, right = KINDS[kind]
    rows = []
    for number, own in enumerate(right):
        place = folder / str(number)
        place.mkdir()
        dataset = write_records(place / "asked.jsonl", 3, split="test", **fields, **own)
        lines = read_lines(run_predict(place, base, None, settings, dataset=dataset, **changes))
        rows.append([(line["prediction"], line["prompt_sha256"]) for line in lines])
        assert [line["reference"] for line in lines] == [own["output"]] * 3
    return rows


@pytest.mark.parametrize(("mode", "kind"), LOCAL)
def test_local_weights_do_not(mode: str, kind: str, tiny_base: Path, tmp_path: Path) -> None:
    limited = {"mode": mode, "type": kind, "option": "text"}
    settings = prediction_settings(
        answers=None if mode == "free" else limited, decoding={"max_new_tokens": 90}
    )
    first, second = found(tmp_path, tiny_base, kind, settings)
    assert first == second
