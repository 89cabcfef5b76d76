"""Why jobs would run: each change is named."""

from dataclasses import replace
from pathlib import Path

import pytest
from support import made_up_study
from support.made_up_study import ADAPTER, COST, SETTINGS, TRAIN, make, planned, versions

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import canonical_json
from ecslm.common.manifests import made_from, write_manifest
from ecslm.fingerprint.running import code_parameter
from ecslm.provenance.dag import Job
from ecslm.provenance.why import Changes, definitions, differences, explain, record_code
from ecslm.schemas.paths import CODE_HISTORY

DATASET_JOB, TRAIN_JOB, SCORE_JOB = JOBS = made_up_study.JOBS
DUE = replace(TRAIN_JOB, due=True)

# What a job was made from


@pytest.fixture(autouse=True)
def shop() -> None:
    """A finished study in the working folder."""
    # What code is behind a digest is known of those that this process has computed, unless a test
    # has cleared them.
    code_parameter("score.py")
    Path("prompt.jinja").write_text("{{ input }}")
    for one in JOBS:
        make(one)
    record_code()


def with_settings(**training: int) -> Job:
    settings = SETTINGS | {"training": {"rank": 16, "alpha": 32} | training}
    return planned(TRAIN_JOB, settings=canonical_json(settings))


@pytest.mark.parametrize(
    ("now", "reasons"),
    [
        (with_settings(rank=32, alpha=16), ("training.alpha: 32 -> 16", "training.rank: 16 -> 32")),
        (planned(TRAIN_JOB, versions=versions(torch="3.0")), ("torch: 2.13.0 -> 3.0",)),
        (
            replace(DUE, inputs=(TRAIN, "config.txt")),
            ("config.txt is a new input", "prompt.jinja is no longer an input"),
        ),
        (planned(TRAIN_JOB, source="source:1"), ("the content of the source has changed",)),
        (planned(TRAIN_JOB, template="template:1"), ("the prompt template has changed",)),
        (replace(DUE, reason="The moon is full"), ("The moon is full",)),
        (replace(TRAIN_JOB, reason="The moon is full"), ()),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) and value else "",
)
def test_each_change_is_named(now: Job, reasons: tuple[str, ...]) -> None:
    assert Changes([DATASET_JOB, now, SCORE_JOB]).reasons(now) == [*reasons]


def test_a_job_below_another_has_the_cause_of_that_one() -> None:
    now, below = with_settings(rank=8), replace(SCORE_JOB, due=True, reason="an input is updated")
    Path(ADAPTER).write_text("to be made again")
    changes = Changes([DATASET_JOB, now, below])
    assert changes.reasons(below) == []
    assert changes.upstream(below) == {"training.rank: 16 -> 8": [now]}
    lines = explain(changes.jobs, Path("results/shop/score.json")).split("\n")
    assert lines[0] == "results/shop/score.json: will be rebuilt; built by rule score"
    assert lines[1] == f"  because training.rank: 16 -> 8: concerns {COST}"
    text = "\n".join(lines)
    for words in (f"  {ADAPTER}: ", "  shots: 0\n", "  numpy: 2.4"):
        assert words in text


def test_an_edited_input_a_missing_and_an_altered_result_are_named() -> None:
    Path("prompt.jinja").write_text("{{ other }}")
    Path(COST).unlink()
    reasons = [f"{COST} is missing", "prompt.jinja has changed"]
    assert Changes([DUE]).reasons(DUE) == reasons
    Path(ADAPTER).write_text("altered")
    text = explain([DUE], Path(ADAPTER))
    assert text.startswith(f"{ADAPTER}: modified since it was built")
    assert f"`rm {ADAPTER} {TRAIN_JOB.manifest}`" in text
    Path(TRAIN_JOB.manifest).unlink()
    assert Changes([DUE]).reasons(DUE) == ["not built yet"]
    with pytest.raises(InputError, match=r"prompt\.jinja: not a result of the study"):
        explain(JOBS, Path("prompt.jinja"))


def test_changed_code_is_named_by_definition_where_it_was_recorded() -> None:
    assert "ecslm.scoring.intervals" in definitions(SCORE_JOB.params["code"])
    then = {"a": {"f": "1", "g": "2", "h": "3"}}
    now = {"a": {"g": "2", "h": "4"}, "b": {"f": "1", "": "5"}}
    for code, known in (("then", then), ("now", now)):
        write_json(CODE_HISTORY / f"{code}.json", known)
    # What has moved is the same.
    told = {"a: h has changed", "b has changed"}
    for code, words in (("then", told), ("unknown", {"other code (code:unknown -> code:now)"})):
        origin = made_from([Path(ADAPTER)], SETTINGS, f"code:{code}", made_up_study.VERSIONS)
        write_manifest(Path(SCORE_JOB.manifest), origin, map(Path, SCORE_JOB.results[-1:]))
        changes = differences(planned(SCORE_JOB, code="code:now"))
        assert {change.words for change in changes} == words
