"""Broken results: what stops a run, and what it makes again.

`why.py` makes the checks of a run, before anything starts; the targets are Snakemake's own.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.broken_inputs import Run, nothing_lost, refused
from support.completed import CONFIGURATION, study_options
from support.scratch import list_jobs, snakemake
from support.scripts import run_script
from support.stated_jobs import jobs_of

from ecslm.common.errors import InputError
from ecslm.plan.study import Study
from ecslm.provenance.checks import about_target
from ecslm.provenance.dag import Job
from ecslm.provenance.results import check_bases, check_weights

STUDY = "results/generated"
GENERATED = study_options("generated")
ADAPTER = f"{STUDY}/adapters/Tiny-Exact"
PREDICTIONS = f"{STUDY}/predictions/Tiny-Exact/seed-0"
TABLE = f"{STUDY}/tables/ind"
Break = Callable[[Path], object]


def as_file(path: str) -> Break:
    """A file in place of a folder."""

    def happens(project: Path) -> None:
        shutil.rmtree(project / path)
        (project / path).write_text("garbage")

    return happens


def holding(path: str, text: str) -> Break:
    """Other text in a file."""
    return lambda project: (project / path).write_text(text)


def records_of_snakemake_garbled(project: Path) -> None:
    """What Snakemake keeps of each result is no longer what it has written."""
    for path in (project / ".snakemake/metadata").rglob("*"):
        if path.is_file():
            path.write_text("garbage")


def link_to_nothing(project: Path) -> None:
    """The disk of the results is not mounted."""
    shutil.rmtree(project / "results")
    (project / "results").symlink_to(project / "disk")


def seeds_exchanged(project: Path) -> None:
    """The adapter of another seed under the name of the first."""
    shutil.rmtree(project / ADAPTER / "seed-0")
    shutil.copytree(project / ADAPTER / "seed-1", project / ADAPTER / "seed-0")


def settings_edited(project: Path) -> None:
    """A manifest that was edited by hand."""
    path = project / f"{TABLE}.manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"settings": {}}))


def data_renamed(project: Path) -> None:
    """Records that the configuration calls by a name that there is not."""
    path = project / CONFIGURATION.name
    renamed = path.read_text().replace("path: data/records.jsonl}", "path: data/recrods.jsonl}")
    path.write_text(renamed)


GARBAGE = "garbage"
MOVE = "is a file; expected a folder: move it away (`mv {0} {0}.old`)"
SEED = f"{ADAPTER}/seed-0/adapter_model.safetensors"
# What has happened to results, and words of the line that says so.
CASES: dict[str, tuple[Break, tuple[str, ...]]] = {
    "a file in place of all results": (
        as_file("results"),
        (f"results: {MOVE.format('results')}",),
    ),
    "a file in place of those of the study": (
        as_file(STUDY),
        (f"{STUDY}: is a file; expected a folder", f"`mv {STUDY} "),
    ),
    "a file in place of the cache": (
        as_file("results/cache"),
        ("results/cache: is a file; expected a folder", "`mv results/cache "),
    ),
    "a link to a disk that is not here": (link_to_nothing, ("results: a link to ", "mount")),
    "no records of Snakemake, as after a copy": (
        lambda project: shutil.rmtree(project / ".snakemake"),
        ("not built by a run in this directory", "`make adopt STUDY=generated`"),
    ),
    "records of Snakemake that are garbage": (
        records_of_snakemake_garbled,
        ("its record of that is missing", "`make adopt STUDY=generated`"),
    ),
    "a manifest that is garbage": (
        holding(f"{TABLE}.manifest.json", GARBAGE),
        (f"{TABLE}.manifest.json: line 1: not JSON", f"`rm {TABLE}.tex "),
    ),
    "a manifest that was edited": (
        settings_edited,
        (f"{TABLE}.manifest.json: not built by a run in this directory", "`make adopt "),
    ),
    "a table that was edited": (
        holding(f"{TABLE}.tex", "edited"),
        (f"{TABLE}.tex: altered: its sha256 differs from its manifest: `rm ",),
    ),
    "predictions that are cut in half": (
        lambda project: os.truncate(project / PREDICTIONS / "PM.jsonl", 20),
        (f"{PREDICTIONS}/PM.jsonl: altered", "`rm "),
    ),
    "weights of an adapter with another byte": (
        lambda project: (project / SEED).open("ab").write(b"!"),
        ("seed-0/adapter_model.safetensors: altered", "`rm "),
    ),
    "the adapter of another seed": (
        seeds_exchanged,
        ("seed-0/manifest.json: belongs to seed 1, not 0: `rm ",),
    ),
    "records by another name, which are not there": (
        data_renamed,
        (
            f"{CONFIGURATION.name}: line 14: studies.generated.data: data/recrods.jsonl: no such",
            "the results are of records.jsonl: name that, or put the file there",
        ),
    ),
}


@pytest.fixture
def project(completed: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it."""
    copy = tmp_path / "project"
    shutil.copytree(completed, copy, symlinks=True)
    yield copy
    shutil.rmtree(copy)


def why(project: Path) -> Callable[[], Run]:
    """The checks of a run."""
    return lambda: run_script("why.py", "--configfile", CONFIGURATION.name, folder=project)


@pytest.mark.parametrize("sentence", CASES)
def test_broken_results_are_refused_in_one_line_and_left_as_they_are(
    sentence: str, project: Path
) -> None:
    happens, words = CASES[sentence]
    happens(project)
    refused(project, why(project), words)


def plan_of(project: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(project)
    return Study.read([Path(CONFIGURATION.name)], "generated")


def made_jobs_of(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    jobs = jobs_of(plan_of(project, monkeypatch))
    return [job for job in jobs if Path(job.manifest).exists()]


def test_whichever_file_of_a_job_is_missing_it_is_made_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one job of each rule the last file but the manifest."""
    first: dict[str, Job] = {}
    for job in made_jobs_of(project, monkeypatch):
        if job.results:
            first.setdefault(job.rule, job)
    for job in first.values():
        Path(job.results[-1]).unlink()
    planned = {job.rule for job in list_jobs(project, "--dry-run", *GENERATED)}
    assert planned >= first.keys()


def test_a_missing_file_that_no_job_reads_is_made_again_and_nothing_that_it_is_not_part_of(
    project: Path,
) -> None:
    (project / f"{STUDY}/scores.parquet").unlink()
    (project / f"{TABLE}.tabular.tex").unlink()
    planned = {job.name for job in list_jobs(project, "--dry-run", *GENERATED)}
    figures = {"draw_figures", "report_page"}
    assert planned == {"tidy_scores", "render_table ind", "all"} | figures


def test_a_base_without_its_manifest_stops_a_run_that_would_compute_everything_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [job for job in made_jobs_of(project, monkeypatch) if job.rule != "base_model"]
    bases = ["results/bases/Tiny/manifest.json"]
    check_bases("generated", made, bases)
    Path("results/bases/Tiny/manifest.json").unlink()
    with nothing_lost(project), pytest.raises(InputError) as caught:
        check_bases("generated", made, bases)
    (line,) = caught.value.problems
    assert line.startswith("results/bases/Tiny/manifest.json: no such file, but results were built")
    assert "`snakemake --cores all --config study=generated -- bases`" in line
    # By itself it is fetched again, and nothing else.
    planned = [job.name for job in list_jobs(project, "--dry-run", *GENERATED, "--", "bases")]
    assert planned == ["base_model Tiny", "bases"]


def test_weights_that_are_missing_are_said_to_be_by_the_target_that_asks_for_them(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = made_jobs_of(project, monkeypatch)
    check_weights(made)
    Path("weights/model/tokenizer.json").unlink()
    with pytest.raises(InputError) as caught:
        check_weights(made)
    (line,) = caught.value.problems
    assert (
        "weights/model/tokenizer.json: no such file, but results/bases/Tiny/manifest.json" in line
    )
    assert "`rm results/bases/Tiny/manifest.json`" in line


TABLES = f"{STUDY}/tables/{{table}}.tex"
NONE = "no such target or result of study generated"
TARGETS = (
    ("adapter", (f"{NONE}: did you mean `adapters`?",)),
    (".", (NONE,)),
    (
        "results/local/tables/ind.tex",
        ("a result of study local, but this run is of generated", "`--config study=local`"),
    ),
    (f"{STUDY}/tables/inx.tex", (f"{NONE}: did you mean `{TABLES}`?",)),
    ("somewhere/else.txt", (NONE, "expected one of ", "adapters")),
)


@pytest.mark.parametrize(("target", "words"), TARGETS, ids=[target for target, _ in TARGETS])
def test_of_a_target_that_nothing_makes_the_nearest_is_named(
    target: str, words: tuple[str, ...]
) -> None:
    names = ["adapters", "tables", "metrics"]
    line = about_target("generated", ["generated", "local"], names, [TABLES], target)
    assert line.startswith(f"{target}: ")
    assert "\n" not in line
    for word in words:
        assert word in line


@pytest.mark.parametrize(("target", "words"), TARGETS[:1])
def test_what_is_wrong_with_a_target_is_the_last_that_snakemake_prints(
    target: str, words: tuple[str, ...], project: Path
) -> None:
    refused(
        project,
        lambda: snakemake(project, "--cores", "1", *GENERATED, "--", target),
        words,
    )


def test_the_target_of_many_jobs_is_told_from_one_that_can_be_made(project: Path) -> None:
    words = ("the target has many jobs: name a file that it makes", "--list-target-rules")
    run = lambda: snakemake(project, "--dry-run", *GENERATED, "--", "score")  # noqa: E731
    refused(project, run, words)
