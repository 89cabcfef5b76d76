"""Whether results can be trusted: those that are here, and those that are adopted."""

import json
import os
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from snakemake.persistence import RECORD_FORMAT_VERSION
from snakemake.persistence.file import FilePersistence
from support import made_up_study
from support.made_up_study import ADAPTER, COST, TRAIN, make, planned, versions

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import canonical_json, sha256_of_file
from ecslm.models.bases import PathSource, content_of_folder
from ecslm.models.fetching import fetch_base
from ecslm.provenance.dag import Job
from ecslm.provenance.results import INCOMPLETE, RECORDS, check_results, finished
from ecslm.provenance.why import differences, verified

DATASET_JOB, TRAIN_JOB, SCORE_JOB = JOBS = made_up_study.JOBS


def record_path(folder: Path, result: str) -> Path:
    """Where Snakemake keeps a note on a result."""
    persistence = FilePersistence(dag=MagicMock(), path=Path(".snakemake").resolve())
    return Path(persistence._record_path(str(folder), result))


def record(*jobs: Job) -> None:
    """What Snakemake notes on jobs that have ended."""
    for one in jobs:
        content = {
            "record_format_version": RECORD_FORMAT_VERSION,
            "params": [repr(value) for value in one.params.values()],
            "input_checksums": {x: f"sha256:{sha256_of_file(Path(x))}" for x in one.inputs},
            "endtime": Path(one.manifest).stat().st_mtime,
        }
        for path in one.files:
            write_json(record_path(RECORDS, path), content)


@pytest.fixture(autouse=True)
def shop() -> None:
    """A finished study in the working folder."""
    Path("prompt.jinja").write_text("{{ input }}")
    for one in JOBS:
        make(one)
    RECORDS.mkdir(parents=True)
    record(*JOBS)


def test_results_are_those_of_their_jobs() -> None:
    assert [differences(one) for one in JOBS] == [[], [], []]
    check_results("shop", finished(JOBS))
    assert verified(JOBS) == list(JOBS)


@pytest.mark.parametrize("half_written", [False, True])
def test_a_result_that_cannot_be_trusted_is_named_before_it_is_used(half_written: bool) -> None:
    words, path = f"{ADAPTER}: altered", Path(ADAPTER)
    if half_written:
        words, path = f"{TRAIN_JOB.manifest}: not JSON (", Path(TRAIN_JOB.manifest)
    path.write_text(path.read_text()[:40] if half_written else "made by train_adapted")
    with pytest.raises(InputError) as caught:
        check_results("shop", JOBS)
    assert caught.value.problems[0].startswith(words)
    assert all("`rm " in problem for problem in caught.value.problems)
    with pytest.raises(InputError, match=TRAIN_JOB.manifest):
        verified(JOBS)


def test_the_results_of_another_seed_are_refused() -> None:
    one = replace(TRAIN_JOB, key={"model": "Small", "seed": "0"})
    content = json.loads(Path(one.manifest).read_text()) | {"seed": 1, "model": None}
    write_json(Path(one.manifest), content)
    with pytest.raises(InputError, match="belongs to seed 1, not 0: `rm "):
        check_results("shop", [one])
    with pytest.raises(InputError, match="belongs to seed 1, not 0: copy it again, or `rm "):
        verified([DATASET_JOB, one])


@pytest.mark.parametrize("path", [ADAPTER, "prompt.jinja"])
def test_an_input_exchanged_for_an_older_file_is_refused_until_it_is_newer(path: str) -> None:
    reader = SCORE_JOB if path == ADAPTER else TRAIN_JOB
    Path(path).write_text("made elsewhere")
    # Snakemake sees that it is newer.
    os.utime(path, (2**32, 2**32))
    check_results("shop", [reader])
    os.utime(path, (1, 1))
    with pytest.raises(InputError, match=f"since {reader.manifest} was built.*`touch {path}`"):
        check_results("shop", [reader])
    Path(reader.results[0]).unlink()
    check_results("shop", [reader])


OTHERS = {
    "code": planned(SCORE_JOB, code="code:other"),
    "settings": planned(SCORE_JOB, settings=canonical_json({"shots": 1})),
    "no settings": planned(SCORE_JOB, settings="{}"),
    "versions": planned(SCORE_JOB, versions=versions(numpy="1.0")),
    "source": planned(SCORE_JOB, source="source:1"),
    "template": planned(SCORE_JOB, template="template:1"),
    "inputs": replace(SCORE_JOB, inputs=(TRAIN,)),
    "no record": SCORE_JOB,
    "no record of one file": SCORE_JOB,
    "a record of another form": SCORE_JOB,
}


@pytest.mark.parametrize("kind", OTHERS)
def test_results_of_another_job_than_the_recorded_one_are_refused(kind: str) -> None:
    """As after copying results of another commit over those that are here, or without records."""
    make(other := OTHERS[kind])
    if other is SCORE_JOB:
        for path in SCORE_JOB.files if kind == "no record" else SCORE_JOB.results[:1]:
            kept = record_path(RECORDS, path)
            content = json.loads(kept.read_text()) | {"record_format_version": 5}
            write_json(kept, content) if "form" in kind else kept.unlink()
    with pytest.raises(InputError, match="`make adopt STUDY=shop`") as caught:
        check_results("shop", JOBS)
    assert caught.value.problems[0].startswith(SCORE_JOB.manifest)
    record(other)
    check_results("shop", JOBS)


@pytest.mark.parametrize("length", [10, 400])
def test_a_job_that_was_stopped_is_known_by_a_mark_on_any_of_its_files(length: int) -> None:
    """Long names are cut by Snakemake."""
    folder = f"results/{'/'.join('m' * 100 for _ in range(length // 100))}{'m' * 10}"
    names = {name: (f"{folder}/{name}.json",) for name in ("cost", "score", "manifest")}
    stopped = replace(SCORE_JOB, outputs=names, manifest=f"{folder}/manifest.json")
    write_json(Path(stopped.manifest), {})
    write_json(INCOMPLETE / "of_the_file_system", {})
    assert finished([stopped, *JOBS]) == [stopped, *JOBS]
    for marked in stopped.files:
        write_json(record_path(INCOMPLETE, marked), {})
        assert finished([stopped, *JOBS]) == list(JOBS)
        record_path(INCOMPLETE, marked).unlink()


# Adoption


def test_a_base_is_verified_with_its_weights_which_may_be_absent() -> None:
    Path("weights").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        Path("weights", name).write_text("{}", encoding="utf-8")
    source = PathSource(source="path", path="weights")
    manifest = Path("results/bases/tiny/manifest.json")
    fetch_base("tiny", source, manifest)
    settings = canonical_json({"source": source.model_dump(mode="json")})
    params = {"settings": settings, "content": content_of_folder(Path("weights"), manifest)}
    outputs = {"manifest": (str(manifest),)}
    base = Job("base_model", {"base": "tiny"}, outputs, str(manifest), (), params)
    assert verified([base]) == [base]
    weights = Path("weights/model.safetensors")
    weights.write_text("others")
    with pytest.raises(InputError, match=rf"{weights}: altered"):
        verified([base])
    weights.unlink()
    assert verified([base]) == [base]


def test_cheap_results_that_do_not_match_are_deleted_to_be_rebuilt() -> None:
    Path(SCORE_JOB.results[0]).write_text("{}")
    assert verified(JOBS) == [DATASET_JOB, TRAIN_JOB]
    assert not any(Path(path).exists() for path in SCORE_JOB.files)
    # What was not copied is made again, from the cache if it took long.
    for path in DATASET_JOB.files:
        Path(path).unlink()
    assert verified(JOBS) == [TRAIN_JOB]


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (TRAIN_JOB.manifest, "missing or broken"),
        (COST, f"{COST} is missing"),
        ("nothing", "prompt.jinja has changed"),
    ],
)
def test_precious_results_that_do_not_match_are_refused_and_kept(lost: str, words: str) -> None:
    Path("prompt.jinja").write_text("{{ other }}")
    Path(lost).unlink(missing_ok=True)
    with pytest.raises(InputError) as caught:
        verified(JOBS)
    assert caught.value.problems[0].startswith(f"{TRAIN_JOB.manifest}: {words}")
    assert "copy it again, or `rm" in caught.value.problems[0]
    assert all(Path(path).exists() for one in JOBS for path in one.files if path != lost)
