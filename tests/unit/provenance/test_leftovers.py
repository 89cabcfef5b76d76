"""Files that no job makes any more: exactly those, and nothing that is anybody's."""

import os
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from support.model_examples import run_here
from support.plans import BASELINES, MODELS, plan
from support.project import ROOT
from support.stated_jobs import all_jobs_of, written_by

from ecslm.common.errors import InputError
from ecslm.plan.study import Study
from ecslm.provenance.leftovers import Leftovers, remove

SHOP = Path("results/shop")
TASKS = ("PM", "SA", "QPR", "AG")


def shop(**changes: Any) -> Study:
    """The plan of a study of few tasks."""
    return plan(**{"tasks": list(TASKS)} | changes)


def files_of(made: Study) -> set[Path]:
    """What the jobs of a plan write."""
    jobs = all_jobs_of(made)
    logs = {Path(path) for job in jobs if job.rule != "base_model" for path in job.logs}
    return {Path(path) for job in jobs for path in job.files} | logs


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def leftovers(made: Study, study: str = "shop") -> Leftovers:
    jobs = all_jobs_of(made) if study == made.name else []
    return Leftovers(made.config, study, written_by(made), jobs)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("resources").symlink_to(ROOT / "resources")


def test_what_a_configuration_made_and_another_does_not_make_is_left_over() -> None:
    seeds = MODELS["Small-EC"] | {"seeds": [0, 1]}
    models = {"Small": MODELS["Small"], "Small-EC": seeds, "work": MODELS["Small-EC"]}
    was = shop(models=models)
    of_shop = {path for path in files_of(was) if SHOP in path.parents}
    mine = {SHOP / "notes.txt", SHOP / "adapters/notes.txt"}
    write(*of_shop, *mine)
    assert leftovers(was).unmade() == []
    is_now = shop(
        tasks=["PM", "AG"],
        models={"Small": MODELS["Small"], "Small-EC": seeds | {"seeds": [1]}},
        baselines=sorted(BASELINES)[:1],
    )
    found = leftovers(is_now)
    assert set(found.unmade()) == of_shop - files_of(is_now)
    remove(found.unmade())
    assert _all_files() == (of_shop & files_of(is_now)) | mine
    assert all(any(path.iterdir()) for path in Path().rglob("*") if path.is_dir())


def _all_files() -> set[Path]:
    return {path for path in Path().rglob("*") if path.is_file()}


WORK = "work/{}.0123456789abcdef/checkpoint-4/state.json"


def test_unfinished_work_goes_with_the_results_of_its_job_and_no_sooner() -> None:
    adapters = [SHOP / f"adapters/Small-EC/seed-{seed}" for seed in (0, 1)]
    gone, kept = (
        [
            folder / WORK.format("manifest.json"),
            folder / "work/manifest.json.lock",
            folder / ".manifest.json.abcd_123",
        ]
        for folder in reversed(adapters)
    )
    write(*gone, *kept, SHOP / ".report.pdf.abcd1234/report.aux")
    one_seed = shop(models=MODELS | {"Small-EC": MODELS["Small-EC"] | {"seeds": [0]}})
    found = leftovers(one_seed)
    assert sorted(found.unmade()) == sorted(gone)
    with (
        FileLock(gone[1]),
        pytest.raises(InputError, match=r"seed-1/work/manifest\.json: in use by"),
    ):
        remove(found.unmade())
    assert all(path.exists() for path in gone)
    remove(found.unmade())
    assert not adapters[1].exists()
    assert all(path.exists() for path in kept)


def test_links_and_what_they_lead_to_stay() -> None:
    elsewhere = Path("elsewhere/seed-0/PM.json")
    write(elsewhere, SHOP / "metrics/Old/seed-1/PM.json")
    (SHOP / "metrics/Old/seed-0").symlink_to(elsewhere.parent.resolve())
    (SHOP / "metrics/Old/seed-1/SA.json").symlink_to(elsewhere.resolve())
    found = leftovers(shop())
    assert found.unmade() == [SHOP / "metrics/Old/seed-1/PM.json"]
    remove(found.unmade())
    assert elsewhere.exists()
    assert os.path.lexists(SHOP / "metrics/Old/seed-1/SA.json")


def test_local_weights_stay_wherever_they_lie() -> None:
    weights = SHOP / "adapters/Old/seed-0/cost.json"
    write(weights)
    assert leftovers(shop()).unmade() == [weights]
    config = shop().config
    base = config.bases["Small"].model_copy(update={"path": str(weights.parent)})
    config = config.model_copy(update={"bases": {**config.bases, "Small": base}})
    assert Leftovers(config, "shop", written_by(shop()), all_jobs_of(shop())).unmade() == []


def test_of_a_study_that_is_no_longer_configured_all_is_left_over() -> None:
    old = {Path(str(path).replace("shop", "old", 1)) for path in files_of(shop())}
    old = {path for path in old if Path("results/old") in path.parents}
    write(*old, SHOP / "report.html")
    found = leftovers(shop(), "old")
    assert set(found.unmade()) == old
    remove(found.unmade())
    assert not Path("results/old").exists()
    assert (SHOP / "report.html").exists()


@pytest.mark.parametrize("study", ["shopp", "cache", "link", "../old"])
def test_what_is_no_study_is_refused(study: str) -> None:
    write(Path("results/cache/x"), Path("old/x"))
    Path("results/link").symlink_to(Path("old").resolve())
    with pytest.raises(InputError, match="nor is there a directory"):
        leftovers(shop(), study)


def test_bases_that_no_study_uses_are_left_over_unless_an_unknown_study_may_use_them() -> None:
    for name in ("Small", "Encoder", "Old"):
        write(*(Path(f"results/bases/{name}/{file}") for file in ("manifest.json", "x")))
    write(Path("results/bases/mine/weights.bin"), Path("elsewhere/report.html"))
    old = [Path("results/bases/Old/manifest.json"), Path("results/bases/Old/x")]
    assert leftovers(shop()).bases() == old
    mine = Path("results/mine")
    mine.symlink_to(Path("elsewhere").resolve())
    assert leftovers(shop()).bases() == []
    assert leftovers(shop()).unknown_studies() == [mine]


def test_all_files_of_the_jobs_that_make_a_file_or_one_in_a_directory_are_forgotten() -> None:
    made = shop()
    write(*files_of(made), SHOP / "adapters/Small-EC/seed-1" / WORK.format("manifest.json"))
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
    for name in ("config.yaml", "studies", "profiles", "report", "requirements.lock", "rules"):
        Path(name).symlink_to(ROOT / name)
    for name in ("Snakefile", "scripts", "envs"):
        Path(name).symlink_to(ROOT / name)
    table = Path("results/demo/tables/old.tex")
    log = Path("results/demo/logs/render_table/old.log")
    # The adapter is of a run with other seeds than the configuration has.
    adapter = Path("results/demo/adapters/SmolLM2-135M-EC/seed-1/cost.json")
    write(
        table, table.with_suffix(".manifest.json"), log, Path("results/demo/report.html"), adapter
    )
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
    assert not table.parent.exists()
    assert not log.parent.exists()
    assert Path("results/demo/report.html").exists()
