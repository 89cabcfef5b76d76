"""The same faults for the options of every script, as a job of a finished study has them."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from support.broken_inputs import assert_refused, nothing_lost
from support.completed import CONFIGURATION, script_of
from support.graphs import commands_of
from support.project import SCRIPTS
from support.scripts import parser_of, run_script

from ecslm.script import output_file

# What a run sets, so that nobody types it.
OF_RUNS = {"--code", "--content", "--location", "--log", "--template-digest", "--worker-code"}
PINNED = '{"commit": "c0ffee00", "folder": "results", "answers": []}'
# Of scripts that no job runs, or not of every study.
BY_HAND: Mapping[str, Sequence[str]] = {
    "archive.py": ["--output", "a.zip"],
    "ask.py": ["--model", "Tiny", "a question"],
    "check_node.py": ["--folder", "."],
    "config_schema.py": ["--output", "schema.json"],
    "diff_results.py": ["before", "after"],
    "fetch_answers.py": ["--archive", "a.tar.gz", "--settings", PINNED, "--output", "answers"],
}
DIRECTORIES = {"--results", "--bases"}
# What these jobs do not read: a table of settings alone, where a node may write, and files that
# LaTeX finds itself.
NOT_READ = {
    ("render_table.py", "--results"),
    ("check_node.py", "--folder"),
    ("report_pdf.py", "--parts"),
}
# A cache that is no directory is not used; a configuration file is another chapter.
OTHERWISE = {"--cache", "--configfile"}
# A job takes a lock that the study's own has left.
LOCKS = ("results/generated/latency/work/",)
BAD = "bad"


@pytest.fixture(scope="module")
def project(completed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of a project with a finished study, and broken files in a directory of it."""
    copy = tmp_path_factory.mktemp("catalogue") / "project"
    shutil.copytree(completed, copy)
    broken = copy / BAD
    (broken / "a directory").mkdir(parents=True)
    (broken / "binary").write_bytes(bytes(range(256)))
    yield copy
    shutil.rmtree(copy)


@pytest.fixture(scope="module")
def commands(project: Path) -> dict[str, list[str]]:
    """The options of a job of each script: of the job that gives the most."""
    found = {path.name: list(BY_HAND.get(path.name, [])) for path in SCRIPTS.glob("*.py")}
    targets = ("all", "export", "latency", "report")
    for study in ("generated", "local"):
        for command in commands_of(project, CONFIGURATION.name, study, *targets):
            script, words = script_of(command)
            words = without(words, *OF_RUNS)
            found[script] = max(found[script], words, key=lambda own: str(own).count("'--"))
    return found


def without(words: Sequence[str], *options: str) -> list[str]:
    """A command line without some options and their values."""
    left, skip = [], False
    for word in words:
        if word.startswith("--"):
            skip = word in options
        if not skip:
            left.append(word)
    return left


def replaced(words: Sequence[str], option: str, value: str) -> list[str]:
    """A command line with another first value of an option."""
    place = words.index(option) + 1
    return [*words[:place], value, *words[place + 1 :]]


def faults(script: str, words: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Command lines with something wrong, and a part of the answer."""
    # Of a script that needs words, these are missed first.
    unknown = "unrecognized arguments: --no-such-option"
    yield [*words, "--no-such-option"], unknown if words else "arguments"
    given = {
        option: action
        for action in parser_of(script)._actions
        for option in action.option_strings
        if option in words
    }
    inputs = [one for one, action in given.items() if action.type is Path and one != "--output"]
    for option, action in given.items():
        if action.required:
            yield without(words, option), "are required: "
        if action.choices:
            yield replaced(words, option, "x"), f"{option}: invalid choice: 'x'"
        if action.type is output_file:
            folder = f"{BAD}/a directory"
            yield replaced(words, option, folder), "is a directory; name a file to write"
    for option in set(inputs) - OTHERWISE:
        if (script, option) not in NOT_READ:
            yield replaced(words, option, f"{BAD}/no such file"), ""
            if option not in DIRECTORIES:
                yield replaced(words, option, f"{BAD}/binary"), ""


ALL = sorted(path.name for path in SCRIPTS.glob("*.py"))


@pytest.mark.parametrize("script", ALL)
def test_whatever_is_wrong_with_its_options_a_script_says_it_and_loses_nothing(
    script: str, project: Path, commands: dict[str, list[str]]
) -> None:
    needed = [one for one in parser_of(script)._actions if one.required and one.option_strings]
    assert commands[script] or not needed, f"add {script} to BY_HAND"
    with nothing_lost(project, but=LOCKS):
        for words, part in faults(script, commands[script]):
            run = run_script(script, *words, folder=project)
            lines = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
            assert lines, f"{words}: {run.returncode} {run.stdout[-500:]} {run.stderr[-500:]}"
            assert_refused(run, [part], problems=len(lines))
            assert len(set(lines)) == len(lines), words
