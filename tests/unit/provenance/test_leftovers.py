"""Files that no job makes any more: exactly those, and nothing that is in use."""

from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from support.model_examples import run_here
from support.plans import BASELINES, MODELS, plan
from support.project import ROOT
from support.scratch import PARTS
from support.stated_jobs import all_jobs_of

from ecslm.common.errors import InputError
from ecslm.common.files import write_text
from ecslm.common.locks import held
from ecslm.models.bases import PathSource
from ecslm.plan.study import Study
from ecslm.provenance.leftovers import remove, unmade

SHOP = Path("results/shop")


def shop(**changes: Any) -> Study:
    """The plan of a study of few tasks."""
    return plan(**{"tasks": ["PM", "SA", "QPR", "AG"]} | changes)


def files_of(made: Study) -> set[Path]:
    """What the jobs of a plan write for the study itself."""
    written = {Path(path) for job in all_jobs_of(made) for path in (*job.files, *job.logs)}
    return {path for path in written if SHOP in path.parents}


def write(*paths: Path) -> None:
    for path in paths:
        write_text(path, "x")


def leftovers(made: Study) -> list[Path]:
    return unmade(made, all_jobs_of(made))


def test_what_a_configuration_made_and_another_does_not_make_is_left_over() -> None:
    seeds = MODELS["Small-EC"] | {"seeds": [0, 1]}
    was = shop(models=MODELS | {"Small-EC": seeds, "work": MODELS["Small-EC"]})
    mine = {SHOP / "notes.txt", Path("results/bases/Small/manifest.json")}
    write(*files_of(was), *mine)
    assert leftovers(was) == []
    fewer = MODELS | {"Small-EC": seeds | {"seeds": [1]}}
    is_now = shop(tasks=["PM", "AG"], models=fewer, baselines=sorted(BASELINES)[:1])
    found = leftovers(is_now)
    assert set(found) == {x for x in files_of(was) - files_of(is_now) if x.parent != SHOP}
    remove(found)
    files = {path for path in Path().rglob("*") if path.is_file()}
    assert files == files_of(was) - {*found} | mine
    assert all(any(path.iterdir()) for path in Path().rglob("*") if path.is_dir())


def test_unfinished_work_goes_with_the_results_beside_it_and_no_sooner() -> None:
    work = "work/manifest.json.0123456789abcdef/checkpoint-4/state.json"
    kept, gone = (
        [
            SHOP / f"adapters/work/seed-{seed}" / name
            for name in (work, "work/manifest.json.lock", ".manifest.json.abcd_123")
        ]
        for seed in (0, 1)
    )
    write(*gone, *kept, SHOP / ".report.pdf.abcd1234/report.aux")
    one_seed = shop(models=MODELS | {"work": MODELS["Small-EC"] | {"seeds": [0]}})
    assert leftovers(one_seed) == sorted(gone)
    # Its job has outlived its Snakemake.
    _, lock, _ = gone
    with held(lock, "an adapter", wait=False):
        with pytest.raises(InputError, match=rf"{lock}: in use by process \d+ on "):
            remove(gone)
        assert all(path.exists() for path in gone)
    remove(gone)
    assert leftovers(one_seed) == []


def test_links_what_they_lead_to_and_local_weights_stay() -> None:
    elsewhere, old = Path("elsewhere/seed-0/PM.json"), SHOP / "metrics/Old/seed-1/PM.json"
    weights = SHOP / "adapters/Old/seed-0/cost.json"
    write(elsewhere, old, weights)
    (SHOP / "metrics/Old/seed-0").symlink_to(elsewhere.parent.resolve())
    (SHOP / "tables").symlink_to(elsewhere.parent.resolve())
    old.with_name("SA.json").symlink_to(elsewhere.resolve())
    made = shop()
    assert leftovers(made) == [weights, old]
    made.config.bases["Small"] = PathSource(source="path", path=str(weights.parent))
    assert leftovers(made) == [old]


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
