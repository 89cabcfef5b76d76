"""Results that are damaged on disk: noticed and named, never used."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from support.completed import script_of, study_options
from support.model_examples import run_here
from support.scratch import ListJobs, snakemake

RESULTS = Path("results/generated")
GENERATED = study_options("generated")

Damage = Callable[[Path], None]


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
    ("metrics/Tiny/seed-0/PM.json", flipped, ("render_table ind", "render_table validity")),
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
by_damage = pytest.mark.parametrize(
    ("file", "damage", "readers"), DAMAGES, ids=[file for file, *_ in DAMAGES]
)


def errors(text: str) -> list[str]:
    assert "Traceback" not in text, text
    return [line for line in text.splitlines() if line.startswith("error: ")]


def repaired(project: Path, list_jobs: ListJobs, error: str) -> set[str]:
    """Type what the message says, and see what the next run would do."""
    program, *paths = shlex.split(error.split("`")[1])
    assert program == "rm"
    for path in paths:
        if path != "-f":
            (project / path).unlink()
    return {job.name for job in list_jobs(project, "--dry-run", *GENERATED)}


@by_damage
def test_a_damaged_result_stops_the_next_run_and_the_message_tells_how_to_mend_it(
    project: Path, list_jobs: ListJobs, file: str, damage: Damage, readers: tuple[str, ...]
) -> None:
    damage(project / RESULTS / file)
    run = snakemake(project, *GENERATED, "--", "all", "report")
    assert run.returncode == 1
    (error,) = errors(run.stderr)
    assert error.startswith(
        f"error: {RESULTS / file}: altered: its sha256 differs from its manifest"
    )
    planned = repaired(project, list_jobs, error)
    assert planned >= {reader for reader in readers if reader != "report_pdf"}
    assert planned


@by_damage
def test_a_damage_that_left_no_date_is_found_by_every_job_that_reads_the_result(
    project: Path,
    list_jobs: ListJobs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    damage: Damage,
    readers: tuple[str, ...],
) -> None:
    before = (project / RESULTS / file).stat()
    damage(project / RESULTS / file)
    os.utime(project / RESULTS / file, ns=(before.st_atime_ns, before.st_mtime_ns))
    jobs = list_jobs(project, "--dry-run", "--forceall", *GENERATED, "--", "all", "report")
    commands = {job.name: job.command for job in jobs}
    monkeypatch.chdir(project)
    for reader in readers:
        command = commands[reader]
        assert command is not None
        capsys.readouterr()
        assert run_here(monkeypatch, *script_of(command)) == 1
        (error,) = errors(capsys.readouterr().err)
        assert str(RESULTS / file) in error
        assert "altered" in error
        assert "`rm " in error


@pytest.mark.parametrize("file", MANIFESTS)
def test_a_half_written_manifest_stops_the_next_run_and_the_message_tells_how_to_mend_it(
    project: Path, list_jobs: ListJobs, file: str
) -> None:
    shortened(project / RESULTS / file)
    run = snakemake(project, *GENERATED)
    assert run.returncode == 1
    (error,) = errors(run.stderr)
    assert error.startswith(f"error: {RESULTS / file}: ")
    assert "not JSON" in error
    assert repaired(project, list_jobs, error)
