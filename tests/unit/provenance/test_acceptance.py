"""Which finished jobs are computed again to accept other code, and how they are compared."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import canonical_json, sha256_of_file
from ecslm.common.manifests import Manifest, read_manifest
from ecslm.provenance import acceptance
from ecslm.provenance.acceptance import (
    Finished,
    _differences,
    accept,
    finished_jobs,
    groups_of,
    samples,
)
from ecslm.provenance.dag import Job
from ecslm.schemas.paths import CODE_HISTORY


def job(name: str, records: int = 1, code: str = "code:1", **settings: str) -> Job:
    """A finished job in the working directory, due by its code."""
    dataset, output, manifest = (Path(f"{name}{end}") for end in (".in.jsonl", ".jsonl", ".json"))
    dataset.write_text("{}\n" * records)
    output.write_text("".join(json.dumps({"id": str(i)}) + "\n" for i in range(records)))
    made = Manifest(
        inputs={str(dataset): sha256_of_file(dataset)},
        settings=settings,
        code=code,
        versions={},
        files={output.name: sha256_of_file(output)},
        action="0" * 64,
    )
    write_json(manifest, made.model_dump(mode="json"))
    outputs = {"weights": (str(output),), "manifest": (str(manifest),)}
    params = {"settings": canonical_json(settings), "code": "code:2"}
    return Job("train_adapter", {}, outputs, str(manifest), (str(dataset),), params, due=True)


def names(found: list[Finished]) -> list[str]:
    return [one.job.manifest for one in found]


def test_samples_are_the_smallest_jobs_with_all_traits_and_one_of_the_others() -> None:
    sizes = {"large": 9, "small": 2, "middle": 4}
    jobs = [*(job(name, sizes[name], mode="free") for name in sizes), job("other", 5, mode="exact")]
    jobs.append(replace(job("task", 6, mode="free"), key={"task": "PM"}))
    (group,) = groups_of(finished_jobs(jobs))
    *smallest, at_random = names(samples(group))
    assert smallest == ["small.json", "other.json", "task.json"]
    assert at_random in ("large.json", "middle.json")


def test_jobs_of_other_code_are_another_group() -> None:
    groups = groups_of(finished_jobs([job("a"), job("b", code="code:0"), job("c")]))
    assert list(map(names, groups)) == [["a.json", "c.json"], ["b.json"]]


def test_jobs_that_are_due_for_other_reasons_are_no_evidence() -> None:
    found = [
        *(job("input"), job("settings", mode="free"), job("unmade"), job("below", code="code:2")),
        job("good"),
    ]
    Path("input.in.jsonl").write_text("{}\n{}\n")
    manifest = Path("settings.json")
    manifest.write_text(manifest.read_text().replace("free", "exact"))
    Path("unmade.json").unlink()
    assert names(finished_jobs(found)) == ["good.json"]


def test_what_differs_is_told_by_file_and_field() -> None:
    (one,) = finished_jobs([job("a", 3)])
    again = Path("again")
    again.mkdir()
    made = read_manifest(Path("a.json")).model_dump(mode="json")
    digest = made["files"]["a.jsonl"]
    for changed, told in (
        ({"code": "code:2"}, []),
        ({"files": {"a.jsonl": "1"}}, [f"a.json: files.a.jsonl: {digest} -> 1"]),
        ({"seed": 1}, ["a.json: seed: absent -> 1"]),
    ):
        write_json(again / "a.json", made | changed)
        assert list(_differences(one, again / "a.json")) == told


def test_other_bytes_and_an_edit_that_was_not_executed_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (one,) = group = finished_jobs([job("a")])
    module, names = "ecslm.training.run", {"_begin": "0", "": "0", "ROUNDS": "0"}
    write_json(CODE_HISTORY / "1.json", {module: names})
    again = json.loads(Path("a.json").read_text())
    write_json(Path("again.json"), again | {"code": "code:2"})
    ran = {(module, "")}
    monkeypatch.setattr(acceptance, "_computed", lambda *_: (Path("again.json"), ran))

    def told(**changed: str) -> str:
        write_json(CODE_HISTORY / "2.json", {module: names | changed})
        try:
            return str(*accept(group, [(one, "")], Path()))
        except InputError as error:
            return "; ".join(error.problems)

    assert told(_begin="1") == f"{module}: _begin has changed, but no sample executed it"
    # What is no function runs when its module is loaded.
    assert told(ROUNDS="1").startswith("results/code/equal/")
    ran.add((module, "_begin"))
    write_json(Path("again.json"), again | {"code": "code:3", "files": {"a.jsonl": "0" * 64}})
    assert told(_begin="1").startswith("a.json: files.a.jsonl: ")
    Path("results/code/1.json").unlink()
    assert "has nothing on code:1, so what has changed is not known" in told()
