"""The command line of every script: its help, and what it says of what is wrong."""

import argparse
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support import warm
from support.project import SCRIPTS

from ecslm.common.cli import run_script
from ecslm.common.usage import output_file

ALL = sorted(path.stem for path in SCRIPTS.glob("*.py"))
# What argparse says, in its words.
JARGON = ("argument", "invalid", "expected", "unrecognized", "usage:")


def parser_of(script: str) -> argparse.ArgumentParser:
    """The options of a script."""
    parser = runpy.run_path(str(SCRIPTS / f"{script}.py"))["command_line"]()
    assert isinstance(parser, argparse.ArgumentParser)
    return parser


@pytest.mark.parametrize("script", ALL)
def test_the_help_of_a_script_says_what_it_does_and_what_each_option_is(script: str) -> None:
    parser = parser_of(script)
    assert parser.description
    for action in parser._actions:
        assert action.help, f"{script}: {action.option_strings or action.dest}"
    text = parser.format_help()
    # What is shown when an option is missing is not expanded.
    assert all("%" not in str(action.help) for action in parser._actions if action.required)
    assert max(map(len, (parser.epilog or "").splitlines()), default=0) < 400
    assert "example" in text or "option" in text


@pytest.mark.parametrize("script", ALL)
def test_what_a_script_writes_is_checked_before_its_work(script: str) -> None:
    for action in parser_of(script)._actions:
        written = "to write" in str(action.help) and "directory to write" not in str(action.help)
        assert not written or action.type is output_file, action.option_strings


def small_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add = parser.add_argument
    add("--text", required=True, help="words")
    add("--number", type=int, help="a number")
    add("--share", type=float, help="a share")
    add("--colour", choices=("red", "blue"), help="a colour")
    add("--input", type=Path, help="a file")
    add("--inputs", type=Path, nargs="+", help="files")
    add("--output", type=output_file, help="a file to write")
    add("--other", type=output_file, help="a file to write")
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--loud", action="store_true", help="loud")
    one.add_argument("--quiet", action="store_true", help="quiet")
    return parser


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ([], ["--text: missing: words"]),
        (["--textt", "a"], ["--textt: unknown option: did you mean `--text`?"]),
        (["--text", "a", "--nmber", "1"], ["--nmber: unknown option: did you mean `--number`?"]),
        (["--text", "a", "-x=1"], None),
        (["--text", "a", "b"], ["'b': belongs to no option: see --help"]),
        (["--text"], ["--text: a value must follow"]),
        (["--text", "a", "--inputs"], ["--inputs: one or more values must follow"]),
        (["--text", "a", "--number", "1.5"], ["--number: '1.5' is not a whole number"]),
        (["--text", "a", "--share", "half"], ["--share: 'half' is not a number"]),
        (
            ["--text", "a", "--colour", "green"],
            ["--colour: 'green' is unknown: choose one of 'red', 'blue'"],
        ),
        (
            ["--text", "a", "--loud", "--quiet"],
            ["--quiet: cannot be given together with --loud: leave one out"],
        ),
        (["--text", "a", "--loud=1"], ["--loud: takes no value"]),
        (
            ["--text", "a", "--in", "x"],
            ["--in: could mean --input, --inputs: write it out"],
        ),
        (["--text", "a", "--output", "."], ["--output: .: is a directory; name a file to write"]),
        (
            ["--text", "a", "--output", f"{__file__}/x"],
            [f"--output: {__file__}/x: {__file__} is a file, not a directory"],
        ),
        (
            ["--text", "a", "--inputs", "a", "b", "--output", "b"],
            ["--output: b is also --inputs: choose another file"],
        ),
        (
            ["--text", "a", "--output", "b", "--other", "./b"],
            ["--other: b is also --output: choose another file"],
        ),
        (
            ["--text", "a", "--output", 300 * "n", "--number", "1"],
            [f"--output: {300 * 'n'}: File name too long"],
        ),
    ],
)
def test_what_is_wrong_with_a_command_line_is_said_in_plain_words(
    options: list[str],
    problems: list[str] | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", *options])
    with pytest.raises(SystemExit) as ended:
        run_script(lambda _: pytest.fail("the work has begun"), small_parser())
    assert ended.value.code == 1
    printed = capsys.readouterr().err.splitlines()
    if problems is not None:
        assert printed == [f"error: {problem}" for problem in problems]
    assert not any(word in line for word in JARGON for line in printed)


PRINTS = """
import argparse, sys
sys.path.insert(0, {scripts!r})
from ecslm.common.cli import run_script
def main(arguments):
    print({text})
    sys.exit(3)
run_script(main, argparse.ArgumentParser(description="help " * 9999))
"""


def printing(text: str, tmp_path: Path) -> list[str]:
    """A script that prints the value of an expression and ends with 3."""
    script = tmp_path / "prints.py"
    script.write_text(PRINTS.format(scripts=str(SCRIPTS), text=text), encoding="utf-8")
    return [sys.executable, str(script)]


@pytest.mark.parametrize("text", ['"short"', '"long " * 99_999'])
@pytest.mark.parametrize("option", [[], ["--help"]], ids=["output", "help"])
def test_a_script_ends_quietly_when_nobody_reads_what_it_prints(
    text: str, option: list[str], tmp_path: Path
) -> None:
    with subprocess.Popen(
        [*printing(text, tmp_path), *option],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == (3 if text == '"short"' and not option else 0)


@pytest.mark.parametrize("text", ['"short"', '"long " * 99_999'])
def test_a_full_disk_below_what_a_script_prints_is_one_line(text: str, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            printing(text, tmp_path), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert run.returncode == 1
    assert run.stderr.decode().splitlines()[0].startswith("error: ")
    assert run.stderr.count(b"\n") == 1
    assert b"space left" in run.stderr


def test_a_full_disk_does_not_hide_why_a_script_failed(tmp_path: Path) -> None:
    fails = '[print("short"), open("/missing/file")]'
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            printing(fails, tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            # What is printed is written at the end.
            env={"PATH": os.environ["PATH"]},
            check=False,
        )
    assert run.returncode == 1
    assert run.stderr.decode() == "error: /missing/file: No such file or directory\n"


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1:strict"},
    ],
    ids=["ascii", "no locale", "latin-1"],
)
def test_a_script_prints_any_text_whatever_the_locale(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    run = subprocess.run(
        printing(r'"\u2603 \ud83d"', tmp_path),
        capture_output=True,
        env={"PATH": os.environ["PATH"], **environment},
        check=False,
    )
    assert (run.returncode, run.stderr) == (3, b"")
    assert run.stdout == "\u2603 \\ud83d\n".encode()


def test_settings_are_read_as_utf_8_whatever_the_locale() -> None:
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for settings, problem in (('{"é": 1}'.encode(), "é"), (b'{"\xff": 1}', "not UTF-8 text")):
        command = [sys.executable, str(SCRIPTS / "score.py"), "--predictions", "p", "--settings"]
        run = subprocess.run(
            [*command, settings],
            capture_output=True,
            env={"PATH": os.environ["PATH"], **environment},
            check=False,
        )
        assert run.returncode == 1
        assert run.stderr.decode().startswith(f"error: --settings: {problem}")


def test_a_broken_command_line_needs_no_configuration_and_starts_no_work(tmp_path: Path) -> None:
    """In a process of its own, as users start it."""
    run = warm.run([str(SCRIPTS / "score.py"), "--predictions"], tmp_path)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "error: --predictions: a value must follow\n"
    assert list(tmp_path.iterdir()) == []
