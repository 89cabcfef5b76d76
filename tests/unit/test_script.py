"""The command line of every script: its help, and what it says of what is wrong."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel
from support.project import SCRIPTS
from support.scripts import function_of, parser_of

from ecslm.common.errors import InputError
from ecslm.common.manifests import read_manifest
from ecslm.script import Origin, OutputFile, command_line, job, output_file
from ecslm.script import run_script as run

ALL = sorted(path.name for path in SCRIPTS.glob("*.py"))


@pytest.mark.parametrize("script", ALL)
def test_the_help_of_a_script_says_what_it_does_and_what_each_option_is_and_writes(
    script: str,
) -> None:
    parser = parser_of(script)
    assert parser.description
    for action in parser._actions:
        assert action.help, f"{script}: {action.option_strings or action.dest}"
        # It is checked before the work.
        written = "to write" in str(action.help) and "directory to write" not in str(action.help)
        assert not written or action.type is output_file, action.option_strings
    assert "options:" in parser.format_help()


class Settings(BaseModel):
    """Settings of a script."""

    metric: str = "f1"


def example(
    words: list[str],
    /,
    text: str,
    settings: Settings,
    number: int = 0,
    share: float | None = None,
    colour: Literal["red", "blue"] = "red",
    loud: bool = False,
    size: Annotated[int, lambda text: int(text) * 10] | None = None,
    inputs: Sequence[Path] = (),
    folder: Path | None = None,
    output: OutputFile | None = None,
    other: OutputFile | None = None,
) -> None:
    """
    Args:
        words: some words
        text: a text of
            two lines
        settings: settings
        number: a number, 100% whole
        share: a share
        colour: a colour
        loud: loud
        size: a size
        inputs: files
        folder: a folder
        output: a file
        other: another
    """


def parsed(monkeypatch: pytest.MonkeyPatch, *words: str) -> argparse.Namespace:
    monkeypatch.setattr(sys, "argv", ["script.py", *words])
    return command_line(example, "What it does.\n\nMore of it.").parse_args()


def test_a_signature_is_a_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    given = parsed(
        monkeypatch, "a", "b", "--text", "t", "--size", "2", "--inputs", "x", "--inputs", "y"
    )
    assert (given.words, given.text, given.number, given.share) == (["a", "b"], "t", 0, None)
    assert (given.size, given.inputs, given.loud) == (20, [Path("x"), Path("y")], False)
    assert given.settings == Settings()
    given = parsed(monkeypatch, "a", "--text", "t", "--loud", "--settings", '{"metric": "x"}')
    assert (given.loud, given.settings.metric) == (True, "x")
    # What is read may be read twice.
    assert parsed(monkeypatch, "a", "--text", "t", "--inputs", "x", "x", "--folder", "x").folder
    shown = command_line(example, "What it does.\n\nMore of it.").format_help()
    shown = " ".join(shown.split())
    parts = ("What it does.", "a text of two lines", "More of it.")
    assert sorted(parts, key=shown.index) == [*parts]
    assert "100% whole (default: 0)" in shown


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "--text"),
        (["--text", "a", "--textt", "a"], "unrecognized arguments: --textt a"),
        (["--text", "a", "--colour", "green"], "--colour: invalid choice: 'green'"),
        (["--text", "a", "--settings", "x.json"], "@x.json would be the name of a file"),
        (["--text", "a", "--output", "."], "--output: .: is a directory; name a file to write"),
        (["--text", "a", "--inputs", "a", "b", "--output", "./b"], "--output: b is also --inputs:"),
        (["--text", "a", "--output", "b", "--other", "./b"], "--output: b is also --other:"),
    ],
)
def test_what_is_wrong_with_a_command_line_is_one_line(
    options: list[str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        parsed(monkeypatch, "word", *options)
    assert len(caught.value.problems) == 1


@dataclass
class Ending:
    """
    Args:
        end: what a text ends with
    """

    end: str = "."


@job(["numpy"], needs=["end"])
def work(origin: Origin, ending: Ending, source: Path, output: OutputFile) -> None:
    """
    Args:
        source: a file
        output: a file
    """
    origin.reads(source)
    text = source.read_text()
    if "changes" in text:
        source.write_text("changed")
    origin.writes({output: text.upper() + ending.end, output.with_suffix(".bin"): b"\0"})


def test_a_job_writes_what_it_made_and_from_what(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, output = tmp_path / "source", tmp_path / "made.txt"
    source.write_text("a text")
    words = ["s", "--source", str(source), "--output", str(output)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(InputError, match="--end"):
        command_line(work, "").parse_args()
    monkeypatch.setattr(sys, "argv", [*words, "--end", "!"])
    run(work)
    assert output.read_text() == "A TEXT!"
    made = read_manifest(tmp_path / "made.manifest.json")
    assert (list(made.inputs), list(made.files)) == ([str(source)], ["made.txt", "made.bin"])
    assert (list(made.versions), made.code) == (["numpy"], None)


def test_nothing_is_written_of_a_changed_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source.bin"
    source.write_text("it changes")
    words = ["s", "--source", str(source), "--output", str(tmp_path / "made.txt"), "--end", "!"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        run(work)
    assert ended.value.code == 1
    assert "changed while it was being read" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [source]


def test_every_rules_script_has_the_ritual() -> None:
    jobs = [name for name in ALL if getattr(function_of(name), "ritual", None)]
    assert len(jobs) == 26
    assert all({"code"} <= {one.dest for one in parser_of(name)._actions} for name in jobs)


PRINTS = """
import sys
sys.path.insert(0, {scripts!r})
from ecslm.script import run_script
def main():
    {body}
    return 3
run_script(main)
"""


def printing(body: str, tmp_path: Path) -> list[str]:
    """A script whose function has a body."""
    script = tmp_path / "prints.py"
    script.write_text(PRINTS.format(scripts=str(SCRIPTS), body=body), encoding="utf-8")
    return [sys.executable, str(script)]


@pytest.mark.parametrize("text", ['"short"', '"long " * 99_999'])
def test_a_script_ends_quietly_when_nobody_reads_what_it_prints(text: str, tmp_path: Path) -> None:
    command = printing(f"print({text})", tmp_path)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (0, 3)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ('open("/missing/file")', "/missing/file: No such file or directory"),
        ("[0] * 10**18", "memory: exhausted"),
        ('raise OSError(28, "No space left on device", "x")', "x: No space left on device: make"),
        ("raise KeyboardInterrupt", "interrupted: run again"),
    ],
)
def test_what_a_person_can_mend_is_one_line(body: str, line: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        printing(body, tmp_path), capture_output=True, text=True, env={}, check=False
    )
    assert ended.returncode == (130 if "Interrupt" in body else 1)
    assert ended.stderr.startswith(f"error: {line}")
    assert ended.stderr.count("\n") == 1
