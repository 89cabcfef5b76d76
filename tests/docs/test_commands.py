"""Commands of the pages name what there is: targets, variables, scripts, options, results."""

import contextlib
import io
import re
import subprocess
from functools import cache

import pytest
import snakemake.cli
from support.pages import Command, pages
from support.project import ROOT, SCRIPTS
from support.scripts import parser_of
from support.stated_jobs import all_jobs_of

from ecslm.common.errors import InputError
from ecslm.plan.study import Choice

COMMANDS = [command for page in pages() for command in page.commands]
# Words that stand for something else.
ELLIPSIS = "..."
PROFILE = "--workflow-profile"
RULES = {
    name
    for path in (ROOT / "Snakefile", *ROOT.glob("rules/*.smk"))
    for name in re.findall(r"^rule (\w+):", path.read_text("utf-8"), re.MULTILINE)
}


def of(*programs: str) -> list[Command]:
    return [c for c in COMMANDS if c.program in programs and ELLIPSIS not in c.words]


def script_problem(words: tuple[str, ...]) -> str:
    """What a script of the project would not know."""
    found = re.fullmatch(r"scripts/(\w+\.py)", words[0]) if words else None
    if found is None:
        return ""
    if not (SCRIPTS / found[1]).is_file():
        return f"no script {found[1]}"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        try:
            parser_of(found[1]).parse_args(words[1:])
        except InputError as error:
            # Settings may name a metric that the page's reader is to add.
            return "" if str(error).startswith("--settings: ") else str(error)
    return ""


def make_problem(words: tuple[str, ...]) -> str:
    """What make would not know: a target, or a variable of it."""
    command = ["make", "--dry-run", *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    # A folder is no target.
    return run.stderr or "".join(re.findall("Nothing to be done for '(?!setup').*", run.stdout))


@cache
def planned_files(study: str | None) -> set[str]:
    return {path for job in all_jobs_of(Choice((), study).read()) for path in job.files}


def snakemake_problem(words: tuple[str, ...]) -> str:
    """What Snakemake would not know: a profile, an option, or a target."""
    if PROFILE in words:
        at = words.index(PROFILE)
        # Snakemake would also load the profile's executor, which may not be installed.
        if not (ROOT / words[at + 1] / "config.yaml").is_file():
            return f"no profile {words[at + 1]}"
        words = (*words[:at], *words[at + 2 :])
    if {"--help", "--version"}.intersection(words):
        return ""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            _, parsed = snakemake.cli.parse_args(list(words))
        except SystemExit:
            return said.getvalue()
    study = dict(one.split("=", 1) for one in parsed.config or ()).get("study")
    # Results of a reader's own studies are not known.
    files = set() if parsed.configfile else planned_files(study)
    unknown = [one for one in parsed.targets if one not in RULES | files]
    return "".join(one for one in unknown if files or not one.startswith("results/"))


PROBLEMS = {"make": make_problem, "python": script_problem, "snakemake": snakemake_problem}


@pytest.mark.parametrize("command", of(*PROBLEMS), ids=str)
def test_a_command_names_targets_options_and_variables_that_there_are(command: Command) -> None:
    assert PROBLEMS[command.program](command.words[1:]) == ""
