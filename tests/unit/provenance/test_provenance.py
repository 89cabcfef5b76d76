"""What a result was made from, what has changed since, and whether it can be trusted."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from snakemake.persistence.file import FilePersistence

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import canonical_json, sha256_of_file
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.fingerprint.running import code_parameter
from ecslm.models.bases import PathSource, content_of_folder
from ecslm.models.fetching import fetch_base
from ecslm.provenance.adoption import align_times, verified
from ecslm.provenance.causes import Changes
from ecslm.provenance.changes import differences
from ecslm.provenance.code_history import modules_of, record_code
from ecslm.provenance.dag import Job
from ecslm.provenance.explanation import explain
from ecslm.provenance.integrity import check_inputs, check_results
from ecslm.provenance.snakemake_records import (
    INCOMPLETE,
    RECORDS,
    check_recorded,
    unfinished_results,
)
from ecslm.schemas.paths import CODE_HISTORY

SETTINGS = {"training": {"rank": 16, "alpha": 32}, "shots": 0}
VERSIONS = {"numpy": "2.4.6", "torch": "2.13.0"}


def versions(**others: str) -> str:
    return f"versions:{canonical_json(VERSIONS | others)}"


def job(rule: str, name: str, *inputs: str, cost: str | None = None) -> Job:
    """A job of a made-up study with one result."""
    result = f"results/shop/{name}"
    manifest = str(manifest_of(Path(result)))
    params = {
        "settings": canonical_json(SETTINGS),
        "versions": versions(),
        "code": code_parameter("score.py"),
    }
    outputs = {"result": (result,), "manifest": (manifest,)}
    if cost is not None:
        outputs = {"cost": (cost,), **outputs}
    return Job(rule, {}, outputs, manifest, inputs, params)


TRAIN, ADAPTER = "results/shop/train.jsonl", "results/shop/adapter.bin"
COST = "results/shop/adapter.cost.json"
DATASET_JOB = job("dataset", "train.jsonl")
TRAIN_JOB = job("train_adapter", "adapter.bin", TRAIN, "prompt.jinja", cost=COST)
SCORE_JOB = job("score", "score.json", ADAPTER)
JOBS = (DATASET_JOB, TRAIN_JOB, SCORE_JOB)


def make(one: Job) -> None:
    """Do a job: any content, and its true manifest, which lists no clock values."""
    for path in map(Path, one.results):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"made by {one.rule}")
    given = one.params
    origin = made_from(
        map(Path, one.inputs),
        json.loads(given["settings"]),
        given.get("code"),
        json.loads(given["versions"].partition(":")[2]),
        given.get("template", "").removeprefix("template:") or None,
    )
    listed = [Path(path) for path in one.results if path != COST]
    write_manifest(Path(one.manifest), origin, listed)


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished study in the working folder."""
    # What code is behind a digest is known of those that this process has computed, unless a test
    # has cleared them.
    code_parameter("score.py")
    monkeypatch.chdir(tmp_path)
    Path("prompt.jinja").write_text("{{ input }}")
    for one in JOBS:
        make(one)
    record_code()


def planned(one: Job, **params: Any) -> Job:
    """The job as it would be now, with other parameters."""
    return replace(one, params=one.params | params, due=True)


def with_settings(**training: int) -> Job:
    settings = SETTINGS | {"training": {"rank": 16, "alpha": 32} | training}
    return planned(TRAIN_JOB, settings=canonical_json(settings))


def test_results_are_those_of_their_jobs() -> None:
    assert [differences(one) for one in JOBS] == [[], [], []]
    check_results(JOBS, ())
    check_inputs(JOBS, ())
    assert verified(JOBS) == list(JOBS)


@pytest.mark.parametrize(
    ("now", "reasons"),
    [
        (with_settings(rank=8), ["training.rank: 16 -> 8"]),
        (
            with_settings(rank=32, alpha=16),
            ["training.alpha: 32 -> 16", "training.rank: 16 -> 32"],
        ),
        (planned(TRAIN_JOB, versions=versions(torch="3.0")), ["torch: 2.13.0 -> 3.0"]),
        (
            replace(TRAIN_JOB, inputs=(TRAIN, "config.txt"), due=True),
            ["config.txt is a new input", "prompt.jinja is no longer an input"],
        ),
        (planned(TRAIN_JOB, source="source:1"), ["the content of the source has changed"]),
        (planned(TRAIN_JOB, template="template:1"), ["the prompt template has changed"]),
        (
            replace(TRAIN_JOB, other_command=True, due=True),
            ["the command of rule train_adapter has changed"],
        ),
        (
            replace(TRAIN_JOB, interrupted=True, due=True),
            ["the job that built it was interrupted before Snakemake recorded its end"],
        ),
        (replace(TRAIN_JOB, reason="The moon is full", due=True), ["The moon is full"]),
        (replace(TRAIN_JOB, reason="The moon is full"), []),
    ],
    ids=lambda value: value[0] if isinstance(value, list) and value else "",
)
def test_each_change_is_named(now: Job, reasons: list[str]) -> None:
    assert list(Changes([DATASET_JOB, now, SCORE_JOB]).reasons(now)) == reasons


def test_a_job_below_another_has_the_cause_of_that_one() -> None:
    now, below = with_settings(rank=8), replace(SCORE_JOB, due=True, reason="an input is updated")
    changes = Changes([DATASET_JOB, now, below])
    assert changes.reasons(below) == ()
    assert changes.upstream(below) == {"training.rank: 16 -> 8": [now]}
    lines = explain(changes, Path("results/shop/score.json")).split("\n")
    assert lines[0] == "results/shop/score.json: will be rebuilt; built by rule score"
    assert lines[1] == f"  because training.rank: 16 -> 8: concerns {COST}"
    text = "\n".join(lines)
    for words in (f"  {ADAPTER}: ", "  shots: 0\n", "ecslm.scoring.score", "  numpy: 2.4"):
        assert words in text


def test_an_edited_input_and_a_missing_result_are_named() -> None:
    Path("prompt.jinja").write_text("{{ other }}")
    Path(COST).unlink()
    due = replace(TRAIN_JOB, due=True)
    reasons = (f"{COST} is missing", "prompt.jinja has changed")
    assert Changes([due]).reasons(due) == reasons
    Path(TRAIN_JOB.manifest).unlink()
    assert Changes([due]).reasons(due) == ("not built yet",)


def test_changed_code_is_named_by_definition_where_it_was_recorded() -> None:
    assert "ecslm.scoring.intervals" in modules_of(SCORE_JOB.params["code"])
    older = {"score.py": {"": "0"}, "ecslm.scoring.intervals": {"CONFIDENCE": "0", "gone": "0"}}
    write_json(CODE_HISTORY / "older.json", older)
    for code, words in (
        ("code:older", "ecslm.scoring.intervals: CONFIDENCE has changed"),
        ("code:older", "ecslm.scoring.intervals: gone is no longer used"),
        ("code:older", "score.py: main is used now"),
        ("code:unknown", f"other code (code:unknown -> {SCORE_JOB.params['code']})"),
    ):
        origin = made_from([Path(ADAPTER)], SETTINGS, code, VERSIONS)
        write_manifest(Path(SCORE_JOB.manifest), origin, map(Path, SCORE_JOB.results[-1:]))
        assert words in [change.words for change in differences(SCORE_JOB)]


def test_a_file_that_is_no_result_is_refused() -> None:
    with pytest.raises(InputError, match=r"prompt\.jinja: not a result of the study"):
        explain(Changes(JOBS), Path("prompt.jinja"))


def altered() -> str:
    Path(ADAPTER).write_text("made by train_adapted")
    return f"{ADAPTER}: altered"


def half_written() -> str:
    manifest = Path(TRAIN_JOB.manifest)
    manifest.write_text(manifest.read_text()[:40])
    return f"{manifest}: line 3: not JSON"


def foreign() -> str:
    Path(TRAIN_JOB.manifest).write_text("{}")
    return f"{TRAIN_JOB.manifest}: inputs: missing"


@pytest.mark.parametrize("damage", [altered, half_written, foreign])
def test_a_result_that_cannot_be_trusted_is_named_before_it_is_used(
    damage: Callable[[], str],
) -> None:
    words = damage()
    with pytest.raises(InputError) as caught:
        check_results(JOBS, ())
    assert caught.value.problems[0].startswith(words)
    assert all("`rm " in problem for problem in caught.value.problems)
    check_results(JOBS, {TRAIN_JOB.manifest})
    with pytest.raises(InputError, match=TRAIN_JOB.manifest):
        verified(JOBS)


def test_an_altered_result_is_explained_with_what_to_do() -> None:
    altered()
    text = explain(Changes(JOBS), Path(ADAPTER))
    assert text.startswith(f"{ADAPTER}: modified since it was built")
    assert f"`rm {COST} {ADAPTER} {TRAIN_JOB.manifest}`" in text


def test_many_problems_are_counted_rather_than_listed() -> None:
    jobs = [job("dataset", f"{number}.jsonl") for number in range(15)]
    for one in jobs:
        make(one)
        Path(one.results[0]).write_text("other")
    with pytest.raises(InputError) as caught:
        check_results(jobs, ())
    assert len(caught.value.problems) == 11
    assert caught.value.problems[-1] == "and 5 more results like these"


def test_the_results_of_another_seed_are_refused() -> None:
    one = replace(TRAIN_JOB, key={"model": "Small", "seed": "0"})
    make(one)
    content = json.loads(Path(one.manifest).read_text()) | {"seed": 1, "model": None}
    write_json(Path(one.manifest), content)
    with pytest.raises(InputError, match="belongs to seed 1, not 0: `rm "):
        check_results([one], ())
    with pytest.raises(InputError, match="belongs to seed 1, not 0: copy it again, or `rm "):
        verified([DATASET_JOB, one])


@pytest.mark.parametrize("path", [ADAPTER, "prompt.jinja"])
def test_an_input_exchanged_for_an_older_file_is_refused_until_it_is_newer(path: str) -> None:
    reader = SCORE_JOB if path == ADAPTER else TRAIN_JOB
    os.utime(path, (1, 1))
    check_inputs(JOBS, ())
    Path(path).write_text("made elsewhere")
    # Snakemake sees that it is newer.
    os.utime(path, (2**32, 2**32))
    check_inputs(JOBS, ())
    os.utime(path, (1, 1))
    with pytest.raises(InputError, match=f"since {reader.manifest} was built.*`touch {path}`"):
        check_inputs(JOBS, ())
    check_inputs(JOBS, {reader.manifest})
    Path(reader.results[0]).unlink()
    check_inputs(JOBS, ())


def record_path(folder: Path, result: str) -> Path:
    """Where Snakemake keeps a note on a result."""
    persistence = FilePersistence(dag=MagicMock(), path=Path(".snakemake").resolve())
    return Path(persistence._record_path(str(folder), result))


def record(*jobs: Job) -> None:
    """What Snakemake notes on jobs that have ended."""
    for one in jobs:
        checksums = {path: f"sha256:{sha256_of_file(Path(path))}" for path in one.inputs}
        content = {
            "params": [repr(value) for value in one.params.values()],
            "input_checksums": checksums,
            "endtime": Path(one.manifest).stat().st_mtime,
        }
        write_json(record_path(RECORDS, one.manifest), content)


def test_results_that_snakemake_has_no_record_of_are_refused_until_they_are_adopted() -> None:
    record(*JOBS[:-1])
    with pytest.raises(InputError, match="`make adopt STUDY=shop`") as caught:
        check_recorded("shop", JOBS, ())
    assert caught.value.problems[0].startswith(SCORE_JOB.manifest)
    record(SCORE_JOB)
    check_recorded("shop", JOBS, ())
    os.utime(SCORE_JOB.manifest, (1, 1))
    check_recorded("shop", JOBS, ())


OTHERS = (
    planned(SCORE_JOB, code="code:other"),
    planned(SCORE_JOB, settings=canonical_json({"shots": 1})),
    planned(SCORE_JOB, versions=versions(numpy="1.0")),
    replace(SCORE_JOB, inputs=(TRAIN,)),
)


@pytest.mark.parametrize("other", OTHERS, ids=["code", "settings", "versions", "inputs"])
def test_results_that_are_not_those_of_the_recorded_job_are_refused(other: Job) -> None:
    """As after copying results of another commit over those that are here; with the time that
    Snakemake knows, they are those of a job that read another configuration than its plan."""
    record(*JOBS)
    ended = Path(SCORE_JOB.manifest).stat().st_mtime_ns
    make(other)
    with pytest.raises(InputError, match="not built by a run in this directory"):
        check_recorded("shop", JOBS, ())
    os.utime(SCORE_JOB.manifest, ns=(ended, ended))
    with pytest.raises(InputError, match="were edited before the job began: `rm "):
        check_recorded("shop", JOBS, ())
    check_recorded("shop", JOBS, {SCORE_JOB.manifest})


@pytest.mark.parametrize("length", [10, 400])
@pytest.mark.parametrize("marked", range(3))
def test_a_job_that_was_stopped_is_known_by_snakemakes_mark_on_any_of_its_files(
    length: int, marked: int
) -> None:
    """Long names are cut by Snakemake."""
    folder = f"results/{'m' * length}"
    names = {name: (f"{folder}/{name}.json",) for name in ("cost", "score", "manifest")}
    stopped = replace(SCORE_JOB, outputs=names, manifest=f"{folder}/manifest.json")
    assert unfinished_results([stopped]) == frozenset()
    write_json(INCOMPLETE / "of_the_file_system", {})
    assert unfinished_results([stopped]) == frozenset()
    write_json(record_path(INCOMPLETE, stopped.files[marked]), {})
    assert unfinished_results([stopped, *JOBS]) == {stopped.manifest}


def test_results_are_as_old_as_each_other_when_they_are_adopted() -> None:
    os.utime(COST, (2e9, 2e9))
    align_times(JOBS)
    assert len({Path(path).stat().st_mtime_ns for one in JOBS for path in one.files}) == 1


@pytest.fixture
def base(tmp_path: Path) -> Job:
    """The job of a base whose weights are in a directory of the user's."""
    (tmp_path / "weights").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / "weights" / name).write_text("{}", encoding="utf-8")
    source = PathSource(source="path", path="weights")
    manifest = Path("results/bases/tiny/manifest.json")
    fetch_base("tiny", source, manifest)
    params = {
        "settings": canonical_json({"source": source.model_dump(mode="json")}),
        "content": content_of_folder(Path("weights"), manifest),
    }
    outputs = {"manifest": (str(manifest),)}
    return Job("base_model", {"base": "tiny"}, outputs, str(manifest), (), params)


def test_a_base_is_verified_with_its_weights_which_may_be_absent(base: Job) -> None:
    assert verified([base]) == [base]
    weights = Path("weights/model.safetensors")
    weights.write_text("others")
    with pytest.raises(InputError, match=rf"{weights}: altered"):
        verified([base])
    weights.unlink()
    assert verified([base]) == [base]


def remove(*jobs: Job) -> None:
    for one in jobs:
        for path in one.files:
            Path(path).unlink()


def test_cheap_results_that_do_not_match_are_deleted_to_be_rebuilt() -> None:
    Path(SCORE_JOB.results[0]).write_text("{}")
    assert verified(JOBS) == [DATASET_JOB, TRAIN_JOB]
    assert not Path(SCORE_JOB.results[0]).exists()
    assert not Path(SCORE_JOB.manifest).exists()
    make(SCORE_JOB)
    remove(TRAIN_JOB)
    assert verified(JOBS) == [DATASET_JOB]
    assert not Path(SCORE_JOB.manifest).exists()


def test_precious_results_of_what_is_not_there_are_refused_and_nothing_is_deleted() -> None:
    below = replace(SCORE_JOB, rule="predict")
    remove(DATASET_JOB)
    with pytest.raises(InputError) as caught:
        verified([DATASET_JOB, TRAIN_JOB, below])
    (problem,) = caught.value.problems
    assert problem.startswith(f"{DATASET_JOB.manifest}: missing, but results that were built")
    paths = " ".join((*TRAIN_JOB.files, *below.files))
    assert f"`rm {paths}`" in problem
    assert Path(TRAIN_JOB.manifest).exists()
    assert Path(SCORE_JOB.manifest).exists()


@pytest.mark.parametrize("lost", [TRAIN_JOB.manifest, COST, None])
def test_precious_results_that_do_not_match_are_refused_and_nothing_is_deleted(
    lost: str | None,
) -> None:
    Path("prompt.jinja").write_text("{{ other }}")
    if lost is not None:
        Path(lost).unlink()
    with pytest.raises(InputError) as caught:
        verified(JOBS)
    words = {
        TRAIN_JOB.manifest: "missing: it belongs to the results",
        COST: f"{COST} is missing",
        None: "prompt.jinja has changed",
    }[lost]
    assert caught.value.problems[0].startswith(f"{TRAIN_JOB.manifest}: {words}")
    assert "copy it again, or `rm" in caught.value.problems[0]
    assert all(Path(path).exists() for one in JOBS for path in one.files if path != lost)
