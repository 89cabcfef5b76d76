"""Results that are damaged on disk: noticed and named, never used."""

import os
import shlex
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from support.completed import CONFIGURATION, script_of, study_options
from support.model_examples import run_here
from support.scratch import ListJobs, snakemake

from ecslm.common.errors import InputError
from ecslm.common.manifests import read_manifest
from ecslm.provenance.dag import Job, read_dag
from ecslm.provenance.integrity import check_results
from ecslm.provenance.snakemake_records import check_recorded

RESULTS = Path("results/generated")
GENERATED = study_options("generated")

Damage = Callable[[Path], None]


def keeping_dates(damage: Damage, path: Path) -> None:
    """A damage that the file's date does not tell."""
    before = path.stat()
    damage(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def flipped(path: Path) -> None:
    """One bit in the middle of the file is another."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncated(path: Path) -> None:
    """The last line is cut in half, as a full disk leaves it."""
    content = path.read_bytes()
    os.truncate(path, len(content) - len(content.splitlines()[-1]) // 2 - 1)


def edited(path: Path) -> None:
    """Another text in the first row, in a file that is still sound."""
    content = path.read_text(encoding="utf-8")
    assert '"input": "' in content
    path.write_text(content.replace('"input": "', '"input": "New: ', 1), encoding="utf-8")


def shortened(path: Path) -> None:
    """A file that was open for writing when the machine went off."""
    os.truncate(path, path.stat().st_size // 2)


ADAPTER = "adapters/Tiny-Chat/seed-0"
# A result, what happens to it, and jobs that read it.
DAMAGES = (
    (f"{ADAPTER}/adapter_model.safetensors", flipped, ("predict Tiny-Chat/seed-0/QPR",)),
    # What people read, and no job.
    ("report.html", flipped, ()),
    ("data_card.md", flipped, ("report_page",)),
    ("figures/intervals_ind_PM.svg", flipped, ("report_page",)),
    ("figures/rule_graph.svg", flipped, ("report_page",)),
    ("figures/loss.pdf", flipped, ("report_pdf",)),
    ("scores.parquet", flipped, ()),
    ("tables/texts.tex", flipped, ("report_pdf",)),
    (f"{ADAPTER}/adapter_config.json", shortened, ("predict Tiny-Chat/seed-0/QPR",)),
    ("dataset/PM/train.jsonl", edited, ("train_adapter Tiny-Chat/seed-0",)),
    ("dataset/PM/val.jsonl", edited, ("train_adapter Tiny-Exact/seed-1",)),
    (
        "dataset/PM/test.jsonl",
        edited,
        ("predict Tiny/seed-0/PM", "score_baseline random/seed-0/PM"),
    ),
    ("data_check.json", flipped, ("data_card", "render_table dataset")),
    ("descriptions/PM.json", flipped, ("data_card", "render_table dataset")),
    ("leakage/PM.json", flipped, ("data_card", "render_table dataset")),
    (
        "predictions/Tiny-Exact/seed-0/SA.jsonl",
        truncated,
        ("score Tiny-Exact/seed-0/SA", "report_page"),
    ),
    ("predictions/Tiny/seed-0/AG.jsonl", flipped, ("bertscore Tiny/seed-0/AG",)),
    ("bertscore/Tiny/seed-0/AG.jsonl", truncated, ("score Tiny/seed-0/AG",)),
    ("metrics/Tiny/seed-0/PM.json", flipped, ("render_table ind", "draw_figures", "report_page")),
    (
        "metrics/Tiny-Exact/seed-0/PM.records.jsonl",
        flipped,
        ("report_page", "score_over_seeds Tiny-Exact/PM", "differences PM"),
    ),
    (
        "metrics/Tiny-Exact/over-seeds/PM.json",
        flipped,
        ("render_table ind", "render_table reproduction"),
    ),
    ("differences/PM.json", flipped, ("compare",)),
    ("comparisons/PM.json", flipped, ("render_table differences",)),
    ("tables/ind.json", flipped, ("report_page",)),
    ("tables/ind.tex", flipped, ("report_pdf",)),
    ("report.tex", flipped, ("report_pdf",)),
)
MANIFESTS = (
    f"{ADAPTER}/manifest.json",
    "dataset/PM/test.manifest.json",
    "predictions/Tiny/seed-0/SA.manifest.json",
    "metrics/Tiny/seed-0/PM.manifest.json",
    "tables/ind.manifest.json",
)


def errors(text: str) -> list[str]:
    assert "Traceback" not in text, text
    return [line for line in text.splitlines() if line.startswith("error: ")]


def remove(project: Path, error: str) -> None:
    """Type what the message says; that of another result of the same job may have been it."""
    program, *paths = shlex.split(error.split("`")[1])
    assert program == "rm"
    for path in paths:
        if path != "-f":
            (project / path).unlink(missing_ok=True)


# As many at a time as a run names.
@pytest.mark.parametrize("damages", (DAMAGES[::3], DAMAGES[1::3], DAMAGES[2::3]))
def test_damaged_results_stop_the_next_run_and_each_message_tells_how_to_rebuild_one(
    project: Path, list_jobs: ListJobs, damages: tuple[tuple[str, Damage, tuple[str, ...]], ...]
) -> None:
    for file, damage, _ in damages:
        keeping_dates(damage, project / RESULTS / file)
    run = snakemake(project, *GENERATED, "--", "all", "report")
    assert run.returncode == 1
    found = {error.removeprefix("error: ").split(": ")[0]: error for error in errors(run.stderr)}
    assert found.keys() == {str(RESULTS / file) for file, *_ in damages}
    for file, error in found.items():
        assert error.startswith(f"error: {file}: altered: its sha256 differs from its manifest")
        remove(project, error)
    jobs = list_jobs(project, "--dry-run", *GENERATED, "--", "all", "report")
    assert {job.name for job in jobs} >= {reader for *_, readers in damages for reader in readers}
    reasons = " ".join(job.reason for job in jobs)
    assert [file for file in found if file not in reasons] == []


@pytest.fixture(scope="module")
def commands(completed: Path, list_jobs: ListJobs) -> dict[str, str]:
    """The command of each job of the study, by the job's name."""
    jobs = list_jobs(completed, "--dry-run", "--forceall", *GENERATED, "--", "all", "report")
    return {job.name: job.command for job in jobs if job.command}


@pytest.mark.parametrize(("file", "damage", "readers"), DAMAGES, ids=[file for file, *_ in DAMAGES])
def test_a_damage_during_a_run_is_found_by_every_job_that_reads_the_result(
    project: Path,
    commands: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    damage: Damage,
    readers: tuple[str, ...],
) -> None:
    keeping_dates(damage, project / RESULTS / file)
    monkeypatch.chdir(project)
    for reader in readers:
        capsys.readouterr()
        assert run_here(monkeypatch, *script_of(commands[reader])) == 1
        (error,) = errors(capsys.readouterr().err)
        assert str(RESULTS / file) in error
        assert "altered" in error
        assert "`rm " in error


@pytest.mark.parametrize("file", MANIFESTS)
def test_a_half_written_manifest_stops_the_next_run_and_the_message_tells_how_to_rebuild_it(
    project: Path, list_jobs: ListJobs, file: str
) -> None:
    shortened(project / RESULTS / file)
    run = snakemake(project, *GENERATED)
    assert run.returncode == 1
    (error,) = errors(run.stderr)
    assert error.startswith(f"error: {RESULTS / file}: ")
    assert "not JSON" in error
    remove(project, error)
    assert list_jobs(project, "--dry-run", *GENERATED)


def test_whichever_file_is_altered_with_its_date_kept_or_exchanged_it_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    with read_dag([Path(CONFIGURATION.name)], "generated") as dag:
        jobs = [job for job in dag.jobs if Path(job.manifest).exists()]
    accepted = []
    for job in jobs:
        assert not is_refused(job), job.manifest
        listed = read_manifest(Path(job.manifest)).files
        for path in (path for path in job.results if Path(path).name in listed):
            before, state = Path(path).read_bytes(), Path(path).stat()
            keeping_dates(flipped, Path(path))
            accepted += [] if is_refused(job) else [f"{path} altered"]
            Path(path).write_bytes(before)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    for one, other in pairwise(jobs):
        if one.rule == other.rule:
            exchange(one, other)
            both = is_refused(one) and is_refused(other)
            accepted += [] if both else [f"{one.manifest} and {other.manifest} exchanged"]
            exchange(one, other)
    assert accepted == []


def exchange(one: Job, other: Job) -> None:
    """The results of one job in the places of another's, as `mv` does it."""
    for first, second in zip(one.files, other.files, strict=True):
        between = Path(first).with_name("between")
        Path(first).rename(between)
        Path(second).rename(first)
        between.rename(second)


def is_refused(job: Job) -> bool:
    """Whether a run refuses the results of a job."""
    try:
        check_results([job], ())
        check_recorded("generated", [job], ())
    except InputError:
        return True
    return False


def test_an_adapter_of_another_seed_copied_over_is_refused(project: Path) -> None:
    adapters = project / RESULTS / "adapters/Tiny-Exact"
    shutil.rmtree(adapters / "seed-0")
    shutil.copytree(adapters / "seed-1", adapters / "seed-0")
    run = snakemake(project, "--dry-run", *GENERATED)
    (first,) = errors(run.stderr)
    manifest = RESULTS / "adapters/Tiny-Exact/seed-0/manifest.json"
    assert f"{manifest}: belongs to seed 1, not 0: `rm " in first
