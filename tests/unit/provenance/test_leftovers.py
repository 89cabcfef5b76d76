"""Files that no job makes any more: exactly those, and nothing that is anybody's."""

import os
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from support.model_examples import run_here
from support.plans import BASELINES, MODELS, plan
from support.project import ROOT
from support.scratch import PARTS
from support.stated_jobs import all_jobs_of, written_by

from ecslm.common.errors import InputError
from ecslm.models.bases import PathSource
from ecslm.plan.study import Study
from ecslm.provenance.leftovers import Leftovers, remove

SHOP = Path("results/shop")


def shop(**changes: Any) -> Study:
    """The plan of a study of few tasks."""
    return plan(**{"tasks": ["PM", "SA", "QPR", "AG"]} | changes)


def files_of(made: Study) -> set[Path]:
    """What the jobs of a plan write."""
    jobs = all_jobs_of(made)
    logs = {Path(path) for job in jobs if job.rule != "base_model" for path in job.logs}
    return {Path(path) for job in jobs for path in job.files} | logs


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def leftovers(made: Study) -> Leftovers:
    return Leftovers(made, written_by(made), all_jobs_of(made))


def test_what_a_configuration_made_and_another_does_not_make_is_left_over() -> None:
    seeds = MODELS["Small-EC"] | {"seeds": [0, 1]}
    was = shop(models=MODELS | {"Small-EC": seeds, "work": MODELS["Small-EC"]})
    of_shop = {path for path in files_of(was) if SHOP in path.parents}
    mine = {SHOP / "notes.txt", SHOP / "adapters/notes.txt"}
    write(*of_shop, *mine)
    assert leftovers(was).unmade() == []
    fewer = MODELS | {"Small-EC": seeds | {"seeds": [1]}}
    is_now = shop(tasks=["PM", "AG"], models=fewer, baselines=sorted(BASELINES)[:1])
    found = leftovers(is_now)
    assert set(found.unmade()) == of_shop - files_of(is_now)
    remove(found.unmade())
    files = {path for path in Path().rglob("*") if path.is_file()}
    assert files == (of_shop & files_of(is_now)) | mine
    assert all(any(path.iterdir()) for path in Path().rglob("*") if path.is_dir())


WORK = "work/manifest.json.0123456789abcdef/checkpoint-4/state.json"


def test_unfinished_work_goes_with_the_results_of_its_job_and_no_sooner() -> None:
    kept, gone = (
        [
            SHOP / f"adapters/Small-EC/seed-{seed}" / name
            for name in (WORK, "work/manifest.json.lock", ".manifest.json.abcd_123")
        ]
        for seed in (0, 1)
    )
    write(*gone, *kept, SHOP / ".report.pdf.abcd1234/report.aux")
    one_seed = shop(models=MODELS | {"Small-EC": MODELS["Small-EC"] | {"seeds": [0]}})
    unmade = leftovers(one_seed).unmade()
    assert sorted(unmade) == sorted(gone)
    refused = pytest.raises(InputError, match=r"seed-1/work/manifest\.json: in use by")
    with FileLock(gone[1]), refused:
        remove(unmade)
    assert all(path.exists() for path in gone)
    remove(unmade)
    assert not (SHOP / "adapters/Small-EC/seed-1").exists()
    assert all(path.exists() for path in kept)


def test_links_what_they_lead_to_and_local_weights_stay() -> None:
    elsewhere, old = Path("elsewhere/seed-0/PM.json"), SHOP / "metrics/Old/seed-1/PM.json"
    weights = SHOP / "adapters/Old/seed-0/cost.json"
    write(elsewhere, old, weights)
    (SHOP / "metrics/Old/seed-0").symlink_to(elsewhere.parent.resolve())
    link = old.with_name("SA.json")
    link.symlink_to(elsewhere.resolve())
    made = shop()
    assert leftovers(made).unmade() == [weights, old]
    made.config.bases["Small"] = PathSource(source="path", path=str(weights.parent))
    assert leftovers(made).unmade() == [old]
    remove([old])
    assert elsewhere.exists()
    assert os.path.lexists(link)


def test_bases_that_no_study_uses_are_left_over_unless_an_unknown_study_may_use_them() -> None:
    for name in ("Small", "Encoder", "Old"):
        write(*(Path(f"results/bases/{name}/{file}") for file in ("manifest.json", "x")))
    write(Path("results/bases/mine/weights.bin"), Path("elsewhere/report.html"))
    old = [Path("results/bases/Old/manifest.json"), Path("results/bases/Old/x")]
    assert leftovers(shop()).bases() == old
    mine = Path("results/mine")
    mine.symlink_to(Path("elsewhere").resolve())
    assert leftovers(shop()).bases() == []


def test_all_files_of_the_jobs_that_make_a_file_or_one_in_a_directory_are_forgotten() -> None:
    made = shop()
    write(*files_of(made), SHOP / "adapters/Small-EC/seed-1" / WORK)
    of_one = SHOP / "predictions/Small/seed-0/PM.jsonl"
    names = ("PM.jsonl", "PM.cost.json", "PM.manifest.json")
    assert set(leftovers(made).results_of([of_one])) == {of_one.with_name(name) for name in names}
    adapters = leftovers(made).results_of([SHOP / "adapters"])
    assert {path.parent.name for path in adapters} == {"seed-0", "seed-1", "checkpoint-4"}
    assert len(adapters) == 11
    base = Path("results/bases/Small/manifest.json")
    assert leftovers(made).results_of([base.parent]) == [base]
    with pytest.raises(InputError, match=r"notes\.txt: no result of the study shop"):
        leftovers(made).results_of([SHOP / "notes.txt"])


def test_the_script_lists_first_and_removes_when_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (*PARTS, "requirements.lock"):
        if not Path(name).exists():
            Path(name).symlink_to(ROOT / name)
    demo = Path("results/demo")
    table, log = demo / "tables/old.tex", demo / "logs/render_table/old.log"
    # The adapter is of a run with other seeds than the configuration has.
    kept = {demo / "report.html", demo / "adapters/SmolLM2-135M-EC/seed-1/cost.json"}
    write(table, table.with_suffix(".manifest.json"), log, *kept)
    arguments = ["--study", "demo", "--seeds", "0,1"]
    assert run_here(monkeypatch, "clean.py", arguments) == 0
    assert capsys.readouterr().out.splitlines() == [
        "  1.00B  results/demo/logs/render_table/: old.log",
        "  2.00B  results/demo/tables/: old.manifest.json, old.tex",
        "3 files, 3.00B: nothing is removed yet: add --remove (with make: REMOVE=yes)",
    ]
    with FileLock("results/run.lock"):
        assert run_here(monkeypatch, "clean.py", [*arguments, "--remove"]) == 1
    assert table.exists()
    assert run_here(monkeypatch, "clean.py", [*arguments, "--remove"]) == 0
    assert capsys.readouterr().out.endswith("removed: 3 files, 3.00B\n")
    assert {path for path in demo.rglob("*") if path.is_file()} == kept
