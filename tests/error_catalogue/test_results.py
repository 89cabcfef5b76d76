"""Broken results: what stops a run, and what it makes again.

`why.py` makes the checks of a run, before anything starts; the targets are Snakemake's own.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.broken_inputs import refused
from support.completed import CONFIGURATION, study_options
from support.scratch import planned_jobs, snakemake
from support.scripts import run_script
from support.stated_jobs import jobs_of

from ecslm.common.errors import InputError
from ecslm.plan.study import Choice
from ecslm.provenance.dag import Job
from ecslm.provenance.results import check_bases

STUDY = "results/generated"
GENERATED = study_options("generated")
TABLE = f"{STUDY}/tables/ind"
Break = Callable[[Path], object]


def holding(path: str) -> Break:
    """Other text in a file."""
    return lambda project: (project / path).write_text("garbage")


def link_to_nothing(project: Path) -> None:
    """The disk of the results is not mounted."""
    shutil.rmtree(project / "results")
    (project / "results").symlink_to(project / "disk")


def data_renamed(project: Path) -> None:
    """Records that the configuration calls by a name that there is not."""
    path = project / CONFIGURATION.name
    path.write_text(path.read_text().replace("path: data/records.jsonl}", "path: data/recrods}"))


NO_FOLDER = "results: no folder, nor a link to one that is here: move it away, or mount its disk"
NOT_JSON = "ind.manifest.json: not JSON (expected value at line 1"
EDITED = f"{TABLE}.tex: altered: its sha256 differs"
RENAMED = "line 14: studies.generated.data: data/recrods: no such file"
RENAME = "the results are of records.jsonl: name that, or put the file there"
# What has happened to results, and words of the line that says so.
CASES: dict[str, tuple[Break, str, str]] = {
    "a link to a disk that is not here": (link_to_nothing, NO_FOLDER, ""),
    "a manifest that is garbage": (holding(f"{TABLE}.manifest.json"), NOT_JSON, "`rm "),
    "a table that was edited": (holding(f"{TABLE}.tex"), EDITED, ": `rm "),
    "records by another name, which are not there": (data_renamed, RENAMED, RENAME),
}


@pytest.mark.parametrize("sentence", CASES)
def test_broken_results_are_refused_in_one_line_and_left_as_they_are(
    sentence: str, finished: Path
) -> None:
    happens, *words = CASES[sentence]
    happens(finished)
    arguments = ("--configfile", CONFIGURATION.name)
    refused(finished, lambda: run_script("why.py", *arguments, folder=finished), words)


@pytest.fixture
def made(finished: Path, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs of the project that are done."""
    monkeypatch.chdir(finished)
    jobs = jobs_of(Choice([Path(CONFIGURATION.name)], "generated").read())
    return [job for job in jobs if Path(job.manifest).exists()]


def due(project: Path, *targets: str) -> dict[str, int]:
    """How many jobs of each rule a run would do."""
    run = snakemake(project, "--dry-run", *GENERATED, *targets)
    assert run.returncode == 0, run.stderr
    return planned_jobs(run.stdout + run.stderr)


def test_whichever_file_of_a_job_is_missing_it_is_made_again_and_nothing_that_it_is_not_part_of(
    finished: Path, made: list[Job]
) -> None:
    (finished / f"{STUDY}/scores.parquet").unlink()
    (finished / f"{TABLE}.tabular.tex").unlink()
    rules = ("tidy_scores", "render_table", "report_page", "all")
    # All that reads scores, and the other table.
    assert due(finished) == dict.fromkeys(rules, 1) | {"render_table": 5, "draw_figures": 1}
    # Of one job of each rule the last file but the manifest.
    first = {job.rule: job for job in reversed(made) if job.results}
    for job in first.values():
        Path(job.results[-1]).unlink(missing_ok=True)
    assert due(finished).keys() >= first.keys()


def test_a_base_without_its_manifest_stops_a_run_that_would_compute_everything_again(
    finished: Path, made: list[Job]
) -> None:
    base = "results/bases/Tiny/manifest.json"
    made = [job for job in made if job.rule != "base_model"]
    check_bases("generated", made, [base])
    Path(base).unlink()
    with pytest.raises(InputError, match=f"^{base}: no such file, but results were built") as told:
        check_bases("generated", made, [base])
    assert "`snakemake --cores all --config study=generated -- bases`" in str(told.value)
    # By itself it is fetched again, and nothing else.
    assert due(finished, "--", "bases") == {"base_model": 1, "bases": 1}


def test_what_is_wrong_with_a_target_is_the_last_that_snakemake_prints(finished: Path) -> None:
    for options, target, words in (
        (("--cores", "1"), "adapter", "No rule to produce adapter"),
        (("--dry-run",), "score", "Target rules may not contain wildcards"),
    ):
        command = (*options, *GENERATED, "--", target)
        refused(finished, lambda words=command: snakemake(finished, *words), [words])
