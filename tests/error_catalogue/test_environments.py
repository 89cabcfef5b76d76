"""Broken environments: permissions, disks, caches, profiles, and a network that is not there."""

import errno
import os
from pathlib import Path

import pytest
from support import warm
from support.broken_inputs import DIGESTS, Run, assert_refused, nothing_lost, refused
from support.completed import CONFIGURATION, study_options
from support.project import ROOT
from support.scratch import snakemake
from support.scripts import run_script

GENERATED = study_options("generated")
RESULTS = "results/generated"
# Root may read and write whatever permissions say, unless it gives that up.
NO_PRIVILEGES = {"PYTHONPATH": str(ROOT / "tests/support/no_privileges")}
OPTIONS = ("--configfile", CONFIGURATION.name, "--study")


def checked(project: Path, study: str = "generated") -> Run:
    """The checks of a run, in this process."""
    return run_script("why.py", *OPTIONS, study, folder=project)


# A path whose permissions are others, and the words of the line that says so.
PERMISSIONS = {
    "results": (0o555, "results: permission denied: `chmod -R u+rwX results`"),
    f"{RESULTS}/report.html": (0o000, "report.html: permission denied: `chmod -R u+rwX "),
}


def test_what_may_not_be_read_or_written_is_named_with_the_command_that_permits_it(
    finished: Path,
) -> None:
    command = ["scripts/why.py", *OPTIONS, "generated"]
    for path, (mode, words) in PERMISSIONS.items():
        before = (finished / path).stat().st_mode
        (finished / path).chmod(mode)
        try:
            assert_refused(warm.run(command, finished, os.environ | NO_PRIVILEGES), [words])
        finally:
            (finished / path).chmod(before)


def test_a_full_disk_stops_a_run_and_a_garbled_cache_is_made_anew(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("ecslm.provenance.run.save_digests", full)
        words = ["results: No space left on device: make room"]
        refused(finished, lambda: checked(finished), words)
    checked(finished, "local")
    (finished / DIGESTS).write_text("garbage")
    with nothing_lost(finished):
        assert checked(finished, "local").returncode == 0


def test_a_run_that_would_pass_over_changes_is_refused_though_nothing_seems_to_be_due(
    finished: Path,
) -> None:
    words = ["--rerun-triggers: edits would be ignored: leave it out"]
    command = ("--cores", "1", "--rerun-triggers", "mtime", *GENERATED)
    refused(finished, lambda: snakemake(finished, *command), words)
    # Of a run of files, where something is.
    page = f"{RESULTS}/report.html"
    (finished / page).unlink()
    refused(finished, lambda: snakemake(finished, *command, "--", page), words)


def test_why_a_job_failed_is_the_last_line_of_a_run(finished: Path) -> None:
    template = finished / "report/report.html.jinja"
    template.write_text(template.read_text() + "{% if %}")
    run = snakemake(finished, "--cores", "1", *GENERATED)
    assert_refused(run, ["Report page: report/report.html.jinja: line ", "Expected an expression"])
