"""What a result was made from, what has changed since, and whether it can be trusted."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from snakemake.persistence.file import FilePersistence

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import canonical_json, sha256_of_file
from ecslm.common.ledger import LEDGER, record_made
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.models.bases import BaseManifest, PathSource, content_of_folder
from ecslm.models.fetching import fetch_base
from ecslm.plan.rules import Job
from ecslm.provenance.adoption import align_times, record_verified, verified
from ecslm.provenance.code_history import modules_of, record_code
from ecslm.provenance.explanation import explain
from ecslm.provenance.history import History
from ecslm.provenance.integrity import check_inputs, check_results
from ecslm.provenance.snakemake_records import (
    ADOPTING,
    INCOMPLETE,
    RECORDS,
    check_recorded,
    unfinished_results,
)
from ecslm.schemas.paths import CODE_HISTORY

SETTINGS = {"training": {"rank": 16, "alpha": 32}, "shots": 0}
VERSIONS = {"numpy": "2.4.6", "torch": "2.13.0"}


def job(rule: str, name: str, *inputs: str, script: str = "score.py") -> Job:
    """A job of a made-up study with one result."""
    result = f"results/shop/{name}"
    return Job(
        rule,
        (result,),
        str(manifest_of(Path(result))),
        inputs=inputs,
        settings=canonical_json(SETTINGS),
        versions=f"versions:{canonical_json(VERSIONS)}",
        script=script,
        # Of an adapter the manifest alone is a target.
        cheap=rule == "score",
    )


TRAIN = "results/shop/train.jsonl"
ADAPTER = "results/shop/adapter.bin"
DATASET_JOB = job("dataset", "train.jsonl", script="dataset.py")
TRAIN_JOB = job("train_adapter", "adapter.bin", TRAIN, "prompt.jinja")
SCORE_JOB = job("score", "score.json", ADAPTER)
JOBS = (DATASET_JOB, TRAIN_JOB, SCORE_JOB)


def make(one: Job) -> None:
    """Do a job: any content, and its true manifest."""
    for path in map(Path, one.results):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"made by {one.rule}")
    settings, versions = json.loads(one.settings or ""), (one.versions or "").partition(":")[2]
    template = (one.template or "").removeprefix("template:") or None
    origin = made_from(map(Path, one.inputs), settings, one.code, json.loads(versions), template)
    write_manifest(Path(one.manifest), origin, map(Path, one.results))


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished study in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("prompt.jinja").write_text("{{ input }}")
    for one in JOBS:
        make(one)
    record_code(JOBS)


def history(*jobs: Job) -> History:
    return History("shop", jobs or JOBS)


def with_settings(**training: int) -> Job:
    settings = SETTINGS | {"training": {"rank": 16, "alpha": 32} | training}
    return replace(TRAIN_JOB, settings=canonical_json(settings))


def test_a_finished_study_is_up_to_date() -> None:
    assert not any(map(history().stale, JOBS))
    assert [history().reasons(one) for one in JOBS] == [(), (), ()]


@pytest.mark.parametrize(
    ("now", "reasons"),
    [
        (with_settings(rank=8), ["training.rank: 16 -> 8"]),
        (
            with_settings(rank=32, alpha=16),
            ["training.alpha: 32 -> 16", "training.rank: 16 -> 32"],
        ),
        (
            replace(TRAIN_JOB, versions=f"versions:{canonical_json(VERSIONS | {'torch': '3.0'})}"),
            ["torch: 2.13.0 -> 3.0"],
        ),
        (
            replace(TRAIN_JOB, inputs=(TRAIN, "config.txt")),
            ["config.txt is a new input", "prompt.jinja is no longer an input"],
        ),
        (replace(TRAIN_JOB, content="source:1"), ["the content of the source has changed"]),
        (replace(TRAIN_JOB, template="template:1"), ["the prompt template has changed"]),
    ],
    ids=["hyper-parameter", "two swapped", "version", "other input", "rows", "template"],
)
def test_each_change_is_named(now: Job, reasons: list[str]) -> None:
    changed = history(DATASET_JOB, now, SCORE_JOB)
    assert list(changed.reasons(now)) == reasons
    assert changed.stale(now)


def test_the_content_of_a_prompt_template_counts_and_is_shown() -> None:
    made = replace(TRAIN_JOB, template="template:1")
    make(made)
    assert history(DATASET_JOB, made).reasons(made) == ()
    assert "\nprompt template\n  1\n" in explain(history(DATASET_JOB, made), Path(made.manifest))
    now = replace(TRAIN_JOB, template="template:2")
    assert history(DATASET_JOB, now).reasons(now) == ("the prompt template has changed",)
    assert history().reasons(TRAIN_JOB) == ("the prompt template has changed",)


def test_what_has_changed_upstream_makes_all_below_stale_and_nothing_else() -> None:
    now = with_settings(rank=8)
    changed = history(DATASET_JOB, now, SCORE_JOB)
    assert [changed.stale(one) for one in changed.jobs] == [False, True, True]
    assert changed.reasons(SCORE_JOB) == ()
    assert changed.causes(SCORE_JOB) == {"training.rank: 16 -> 8": [now]}


def test_an_edited_input_is_named() -> None:
    Path("prompt.jinja").write_text("{{ other }}")
    assert history().reasons(TRAIN_JOB) == ("prompt.jinja has changed",)


def test_a_result_that_is_not_there_is_said_not_to_be_made() -> None:
    Path(SCORE_JOB.manifest).unlink()
    assert history().reasons(SCORE_JOB) == ("not built yet",)
    make(SCORE_JOB)
    Path(SCORE_JOB.results[0]).unlink()
    assert history().reasons(SCORE_JOB) == ("results/shop/score.json is missing",)


def test_changed_code_is_named_by_module() -> None:
    other = replace(SCORE_JOB, modules=("ecslm.scoring.metrics.ndcg",))
    reasons = history(DATASET_JOB, TRAIN_JOB, other).reasons(other)
    assert "ecslm.scoring.metrics.ndcg is used now" in reasons
    assert not any("score.py" in reason for reason in reasons)
    make(replace(SCORE_JOB, modules=("ecslm.scoring.metrics.ndcg",)))
    record_code([other])
    assert "ecslm.scoring.metrics.ndcg is no longer used" in history().reasons(SCORE_JOB)


def test_an_edited_definition_is_named() -> None:
    assert "ecslm.scoring.intervals" in modules_of(str(SCORE_JOB.code))
    older = {"score.py": {"": "0"}, "ecslm.scoring.intervals": {"CONFIDENCE": "0", "gone": "0"}}
    write_json(CODE_HISTORY / "older.json", older)
    origin = made_from([Path(ADAPTER)], SETTINGS, "code:older", VERSIONS)
    write_manifest(Path(SCORE_JOB.manifest), origin, map(Path, SCORE_JOB.results))
    reasons = history().reasons(SCORE_JOB)
    assert "ecslm.scoring.intervals: CONFIDENCE has changed" in reasons
    assert "ecslm.scoring.intervals: gone is no longer used" in reasons
    assert "score.py: main is used now" in reasons
    assert "score.py has changed" in reasons


@pytest.mark.parametrize("record", [None, {"score.py": "0"}, "cut"])
def test_code_of_which_no_note_was_kept_is_named_by_its_digest(record: object) -> None:
    if record is not None:
        write_json(CODE_HISTORY / "unknown.json", record)
    origin = made_from([Path(ADAPTER)], SETTINGS, "code:unknown", VERSIONS)
    write_manifest(Path(SCORE_JOB.manifest), origin, map(Path, SCORE_JOB.results))
    (reason,) = history().reasons(SCORE_JOB)
    assert reason.startswith("the code of score.py has changed (code:unknown -> code:")


def test_the_explanation_tells_the_causes_and_the_origin() -> None:
    changed = history(DATASET_JOB, with_settings(rank=8), SCORE_JOB)
    text = explain(changed, Path("results/shop/score.json"))
    lines = text.split("\n")
    assert lines[0] == "results/shop/score.json: will be rebuilt; built by rule score"
    assert lines[1] == "  because training.rank: 16 -> 8: concerns results/shop/adapter.bin"
    assert "results/shop/adapter.bin  will be rebuilt" in text
    assert "training.alpha = 32" in text
    assert "ecslm.scoring.score" in text
    assert "numpy 2.4.6" in text


def test_the_explanation_of_an_altered_result_says_what_to_do() -> None:
    Path(ADAPTER).write_text("other")
    text = explain(history(), Path(ADAPTER))
    assert text.startswith(f"{ADAPTER}: modified since it was built")
    assert f"`rm {ADAPTER} {TRAIN_JOB.manifest}`" in text


def test_a_file_that_is_no_result_is_refused() -> None:
    with pytest.raises(InputError, match=r"prompt\.jinja: not a result of the study"):
        explain(history(), Path("prompt.jinja"))


def altered() -> str:
    Path(ADAPTER).write_text("made by train_adapted")
    return f"{ADAPTER}: altered"


def half_written() -> str:
    manifest = Path(TRAIN_JOB.manifest)
    manifest.write_text(manifest.read_text()[:40])
    return f"{manifest}: line 3: not JSON"


def lost() -> str:
    Path(TRAIN_JOB.manifest).unlink()
    return f"{ADAPTER}: has no manifest"


def foreign() -> str:
    Path(TRAIN_JOB.manifest).write_text("{}")
    return f"{TRAIN_JOB.manifest}: inputs: missing"


@pytest.mark.parametrize("damage", [altered, half_written, lost, foreign])
def test_a_result_that_cannot_be_trusted_is_named_before_it_is_used(
    damage: Callable[[], str],
) -> None:
    check_results(JOBS, ())
    words = damage()
    with pytest.raises(InputError) as caught:
        check_results(JOBS, ())
    assert caught.value.problems[0].startswith(words)
    assert all("`rm " in problem for problem in caught.value.problems)


def test_a_touched_result_is_trusted() -> None:
    for one in JOBS:
        Path(one.results[0]).touch()
    check_results(JOBS, ())


def test_results_that_are_rebuilt_anyway_are_not_looked_at() -> None:
    """Snakemake deletes the results of a job that it did not see end."""
    lost()
    check_results(JOBS, {TRAIN_JOB.manifest})


def test_many_problems_are_counted_rather_than_listed() -> None:
    jobs = [job("dataset", f"{number}.jsonl") for number in range(15)]
    for one in jobs:
        make(one)
        Path(one.manifest).unlink()
    with pytest.raises(InputError) as caught:
        check_results(jobs, ())
    assert len(caught.value.problems) == 11
    assert caught.value.problems[-1] == "and 5 more results like these"


def forge(one: Job, content: str = "forged") -> None:
    """Alter a result and its manifest, so that each matches the other, and keep their dates."""
    result, manifest = Path(one.results[0]), Path(one.manifest)
    for path in (result, manifest):
        before = path.stat()
        if path == result:
            path.write_text(content)
        else:
            files = {result.name: sha256_of_file(result)}
            write_json(path, json.loads(path.read_text()) | {"files": files})
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def forget_records() -> None:
    """As for results that were copied without `results/made`, or of a version that had none."""
    shutil.rmtree(LEDGER)


def test_a_result_that_was_altered_with_its_manifest_is_not_the_one_that_was_made() -> None:
    forge(TRAIN_JOB)
    with pytest.raises(InputError) as caught:
        check_results(JOBS, ())
    (line,) = caught.value.problems
    assert line.startswith(f"{TRAIN_JOB.manifest}: altered: its sha256 differs from its record")
    assert f"`rm {ADAPTER} {TRAIN_JOB.manifest}`" in line
    assert f"modified since it was built ({TRAIN_JOB.manifest} was" in explain(
        history(), Path(ADAPTER)
    )
    with pytest.raises(InputError, match=f"{TRAIN_JOB.manifest} was modified after it was built"):
        verified(history())


def of_seed(one: Job, seed: int) -> None:
    """Do a job, whose manifest names a seed."""
    make(one)
    content = json.loads(Path(one.manifest).read_text()) | {"seed": seed, "model": None}
    write_json(Path(one.manifest), content)
    record_made(Path(one.manifest))


def test_the_results_of_another_seed_are_refused() -> None:
    one = replace(TRAIN_JOB, key={"model": "Small", "seed": "0"})
    of_seed(one, 0)
    check_results([one], ())
    of_seed(one, 1)
    with pytest.raises(InputError, match="belongs to seed 1, not 0: `rm "):
        check_results([one], ())
    with pytest.raises(InputError, match="belongs to seed 1, not 0: copy it again, or `rm "):
        verified(history(DATASET_JOB, one))


@pytest.mark.parametrize("path", [ADAPTER, "prompt.jinja"])
def test_an_input_exchanged_for_an_older_file_is_refused_until_it_is_newer(path: str) -> None:
    reader = SCORE_JOB if path == ADAPTER else TRAIN_JOB
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


def test_inputs_with_older_dates_and_the_same_bytes_are_fine() -> None:
    for path in ("prompt.jinja", TRAIN, ADAPTER):
        os.utime(path, (1, 1))
    check_inputs(JOBS, ())


def record_path(folder: Path, result: str) -> Path:
    """Where Snakemake keeps a note on a result."""
    persistence = FilePersistence(dag=MagicMock(), path=Path(".snakemake").resolve())
    return Path(persistence._record_path(str(folder), result))


def record(one: Job) -> None:
    """What Snakemake notes on a job that has ended."""
    values = (one.settings, one.content, one.versions, one.code)
    write_json(
        record_path(RECORDS, one.manifest),
        {
            "params": [repr(value) for value in values if value],
            "input_checksums": {
                path: f"sha256:{sha256_of_file(Path(path))}" for path in one.inputs
            },
            "endtime": Path(one.manifest).stat().st_mtime,
        },
    )


@pytest.fixture
def recorded() -> None:
    """Snakemake's records of the finished study."""
    for one in JOBS:
        record(one)


def test_results_that_snakemake_has_no_record_of_are_refused() -> None:
    for one in JOBS[:-1]:
        record(one)
    with pytest.raises(InputError, match="`make adopt STUDY=shop`") as caught:
        check_recorded("shop", JOBS, ())
    assert caught.value.problems[0].startswith(SCORE_JOB.manifest)
    record(SCORE_JOB)
    check_recorded("shop", JOBS, ())


@pytest.mark.usefixtures("recorded")
def test_results_that_are_not_in_the_ledger_are_refused() -> None:
    forget_records()
    with pytest.raises(InputError, match="`make adopt STUDY=shop`"):
        check_recorded("shop", JOBS, ())
    record_verified(verified(history()))
    check_recorded("shop", JOBS, ())


@pytest.mark.usefixtures("recorded")
def test_touched_results_are_those_that_snakemake_has_records_of() -> None:
    for one in JOBS:
        os.utime(one.manifest, (1, 1))
    check_recorded("shop", JOBS, ())


def other_code() -> Job:
    return replace(SCORE_JOB, modules=("ecslm.scoring.metrics.ndcg",))


def by_hand() -> Job:
    return replace(SCORE_JOB, script=None)


def other_settings() -> Job:
    return replace(SCORE_JOB, settings=canonical_json({"shots": 1}))


def other_versions() -> Job:
    return replace(SCORE_JOB, versions=f"versions:{canonical_json({'numpy': '1.0'})}")


def other_input() -> Job:
    return replace(SCORE_JOB, inputs=(TRAIN,))


@pytest.mark.parametrize(
    "other", [other_code, by_hand, other_settings, other_versions, other_input]
)
@pytest.mark.usefixtures("recorded")
def test_results_that_replaced_recorded_ones_are_refused(other: Callable[[], Job]) -> None:
    """As after copying results of another commit over those that are here."""
    make(other())
    with pytest.raises(InputError, match="not built by a run in this directory") as caught:
        check_recorded("shop", JOBS, ())
    assert caught.value.problems[0].startswith(SCORE_JOB.manifest)
    check_recorded("shop", JOBS, {SCORE_JOB.manifest})


@pytest.mark.parametrize(
    "other", [other_code, by_hand, other_settings, other_versions, other_input]
)
@pytest.mark.usefixtures("recorded")
def test_results_of_what_was_edited_before_their_job_began_are_refused(
    other: Callable[[], Job],
) -> None:
    """A job of a cluster reads the configuration as it is then, and Snakemake notes its plan."""
    ended = Path(SCORE_JOB.manifest).stat().st_mtime_ns
    make(other())
    os.utime(SCORE_JOB.manifest, ns=(ended, ended))
    with pytest.raises(InputError, match="were edited before the job began: `rm ") as caught:
        check_recorded("shop", JOBS, ())
    assert caught.value.problems[0].startswith(SCORE_JOB.manifest)
    check_recorded("shop", JOBS, {SCORE_JOB.manifest})


@pytest.mark.usefixtures("recorded")
def test_results_that_are_rebuilt_since_their_plan_has_changed_are_not_refused() -> None:
    check_recorded("shop", [*JOBS[:-1], other_settings()], ())
    ended = Path(SCORE_JOB.manifest).stat().st_mtime_ns
    make(other_code())
    os.utime(SCORE_JOB.manifest, ns=(ended, ended))
    check_recorded("shop", [*JOBS[:-1], other_settings()], ())


def test_verified_results_pass_while_they_are_adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADOPTING, "yes")
    check_recorded("shop", JOBS, ())


def test_results_that_are_not_there_need_no_records() -> None:
    missing = replace(SCORE_JOB, manifest="results/other/score.manifest.json")
    check_recorded("other", [missing], ())


@pytest.mark.parametrize("length", [10, 400])
@pytest.mark.parametrize("marked", range(3))
def test_a_job_that_was_stopped_is_known_by_snakemakes_mark_on_any_of_its_files(
    length: int, marked: int
) -> None:
    """Long names are cut by Snakemake."""
    folder = f"results/{'m' * length}"
    stopped = replace(
        SCORE_JOB,
        timed=(f"{folder}/cost.json",),
        results=(f"{folder}/score.json",),
        manifest=f"{folder}/manifest.json",
    )
    assert unfinished_results([stopped]) == frozenset()
    write_json(INCOMPLETE / "of_the_file_system", {})
    assert unfinished_results([stopped]) == frozenset()
    write_json(record_path(INCOMPLETE, stopped.files[marked]), {})
    assert unfinished_results([stopped, *JOBS]) == {stopped.manifest}


def test_a_result_whose_job_was_stopped_is_said_to_be_rebuilt() -> None:
    write_json(record_path(INCOMPLETE, SCORE_JOB.manifest), {})
    (reason,) = history().reasons(SCORE_JOB)
    assert reason == "the job that built it was interrupted before Snakemake recorded its end"


@pytest.mark.parametrize("read", [False, True])
def test_a_missing_result_is_rebuilt_whether_a_job_reads_it_or_not(read: bool) -> None:
    Path(ADAPTER).unlink()
    told = history() if read else history(DATASET_JOB, TRAIN_JOB)
    assert told.reasons(TRAIN_JOB) == (f"{ADAPTER} is missing",)
    assert told.damage(TRAIN_JOB) == []


COST = "results/shop/adapter.cost.json"
TIMED_JOB = replace(TRAIN_JOB, timed=(COST, "results/shop/adapter.log.jsonl"))
TABLE_JOB = job("score", "table.json", COST)
TIMED = (DATASET_JOB, TIMED_JOB, TABLE_JOB)


@pytest.fixture
def timed() -> History:
    """A study with a table of clock values, which no manifest lists."""
    for path in TIMED_JOB.timed:
        Path(path).write_text("1 s")
    make(TABLE_JOB)
    return history(*TIMED)


def test_a_table_of_clock_values_follows_the_job_that_wrote_them(timed: History) -> None:
    assert not any(map(timed.stale, TIMED))
    now = replace(with_settings(rank=8), timed=TIMED_JOB.timed)
    changed = history(DATASET_JOB, now, TABLE_JOB)
    assert [changed.stale(one) for one in changed.jobs] == [False, True, True]
    Path(COST).write_text("2 s")
    other = history(*TIMED)
    assert other.reasons(TABLE_JOB) == (f"{COST} has changed",)
    assert not other.stale(TIMED_JOB), "its own manifest does not list them"
    check_results(TIMED, frozenset())


@pytest.mark.usefixtures("timed")
def test_clock_values_are_missed() -> None:
    Path(COST).unlink()
    assert history(*TIMED).reasons(TIMED_JOB) == (f"{COST} is missing",)
    # Otherwise the next run would train once more.
    with pytest.raises(InputError, match=r"adapter\.cost\.json is missing: copy it again"):
        verified(history(*TIMED))


@pytest.mark.usefixtures("timed")
def test_clock_values_get_the_time_of_their_manifest_when_they_are_adopted() -> None:
    os.utime(COST, (2e9, 2e9))
    align_times(TIMED)
    assert Path(COST).stat().st_mtime == Path(TIMED_JOB.manifest).stat().st_mtime


def test_matching_results_are_taken_over() -> None:
    assert verified(history()) == list(JOBS)


@pytest.fixture
def base(tmp_path: Path) -> Job:
    """The job of a base whose weights are in a directory of the user's."""
    (tmp_path / "weights").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / "weights" / name).write_text("{}", encoding="utf-8")
    source = PathSource(source="path", path="weights")
    manifest = Path("results/bases/tiny/manifest.json")
    fetch_base("tiny", source, manifest)
    settings = canonical_json({"source": source.model_dump(mode="json")})
    return Job(
        "base_model",
        (),
        str(manifest),
        settings=settings,
        content=content_of_folder(Path("weights"), manifest),
        manifest_form=BaseManifest,
        made_by=str(manifest.with_name("fetched.json")),
        key={"base": "tiny"},
    )


def test_a_directory_in_place_of_a_result_is_not_adopted() -> None:
    Path(ADAPTER).unlink()
    Path(ADAPTER).mkdir()
    with pytest.raises(InputError, match="is a directory; expected a file"):
        verified(history())


@pytest.mark.parametrize("field", ["base", "source", "revision", "folder", "files"])
def test_a_manifest_of_a_base_that_has_lost_a_field_stops_the_run(base: Job, field: str) -> None:
    content = json.loads(Path(base.manifest).read_text())
    del content[field]
    write_json(Path(base.manifest), content)
    with pytest.raises(InputError, match=f"{field}: missing"):
        check_results([base], ())


def test_a_manifest_of_a_base_whose_source_was_edited_stops_the_run(base: Job) -> None:
    content = json.loads(Path(base.manifest).read_text())
    content["source"]["path"] = "others"
    write_json(Path(base.manifest), content)
    with pytest.raises(InputError, match="settings: differ from `source`"):
        check_results([base], ())


def test_a_base_is_verified_with_its_weights_which_may_be_absent(base: Job) -> None:
    assert history(base).reasons(base) == ()
    assert verified(history(base)) == [base]
    weights = Path("weights/model.safetensors")
    weights.write_text("others")
    with pytest.raises(InputError, match=rf"{weights} was modified after it was built"):
        verified(history(base))
    weights.unlink()
    assert verified(history(base)) == [base]


def test_without_records_results_are_compared_with_what_was_built_from_them() -> None:
    forget_records()
    forge(TRAIN_JOB)
    with pytest.raises(InputError) as caught:
        verified(history())
    (problem,) = caught.value.problems
    assert problem.startswith(
        f"{TRAIN_JOB.manifest}: {SCORE_JOB.manifest} was built from other bytes of {ADAPTER} (if "
        f"these are right, `rm {SCORE_JOB.results[0]} {SCORE_JOB.manifest}`"
    )
    assert Path(SCORE_JOB.manifest).exists()


def test_with_a_record_what_was_built_from_other_bytes_is_rebuilt() -> None:
    """As after new predictions, of which the scores were not copied."""
    Path(TRAIN_JOB.results[0]).write_text("trained again")
    write_manifest(
        Path(TRAIN_JOB.manifest),
        made_from(
            map(Path, TRAIN_JOB.inputs), json.loads(TRAIN_JOB.settings), TRAIN_JOB.code, VERSIONS
        ),
        [Path(ADAPTER)],
    )
    assert verified(history()) == [DATASET_JOB, TRAIN_JOB]
    assert not Path(SCORE_JOB.manifest).exists()


def remove(*jobs: Job) -> None:
    for one in jobs:
        for path in (*one.results, one.manifest):
            Path(path).unlink()


def test_cheap_results_of_what_is_not_there_are_deleted_to_be_rebuilt() -> None:
    remove(TRAIN_JOB)
    assert verified(history()) == [DATASET_JOB]
    assert not Path(SCORE_JOB.manifest).exists()


def test_precious_results_of_what_is_not_there_are_refused_and_nothing_is_deleted() -> None:
    below = replace(SCORE_JOB, rule="predict", cheap=False)
    remove(DATASET_JOB)
    with pytest.raises(InputError) as caught:
        verified(history(DATASET_JOB, TRAIN_JOB, below))
    (problem,) = caught.value.problems
    assert problem.startswith(f"{DATASET_JOB.manifest}: missing, but results that were built")
    assert f"`rm {ADAPTER} {TRAIN_JOB.manifest} {below.results[0]} {below.manifest}`" in problem
    assert Path(TRAIN_JOB.manifest).exists()
    assert Path(SCORE_JOB.manifest).exists()


def test_precious_results_that_do_not_match_are_refused_and_nothing_is_deleted() -> None:
    Path("prompt.jinja").write_text("{{ other }}")
    with pytest.raises(InputError) as caught:
        verified(history())
    (problem,) = caught.value.problems
    assert problem.startswith(f"{TRAIN_JOB.manifest}: prompt.jinja has changed: copy it again, or")
    assert all(Path(path).exists() for one in JOBS for path in one.results)


@pytest.mark.parametrize("damage", [altered, half_written, lost])
def test_damaged_results_are_refused(damage: Callable[[], str]) -> None:
    damage()
    with pytest.raises(InputError) as caught:
        verified(history())
    assert caught.value.problems[0].startswith(TRAIN_JOB.manifest)


def test_cheap_results_that_do_not_match_are_deleted_to_be_rebuilt() -> None:
    Path(SCORE_JOB.results[0]).write_text("{}")
    assert verified(history()) == [DATASET_JOB, TRAIN_JOB]
    assert not Path(SCORE_JOB.results[0]).exists()
    assert not Path(SCORE_JOB.manifest).exists()


def test_results_get_the_time_of_their_manifest() -> None:
    align_times(JOBS)
    for one in JOBS:
        assert Path(one.results[0]).stat().st_mtime_ns == Path(one.manifest).stat().st_mtime_ns
