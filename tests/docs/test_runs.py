"""Commands of the pages that take seconds are run, on the results of a tiny study.

They run as they are written but for names: of the study, its models and tasks, and of files, which
are made for them. The commands of a block run one after the other in one folder.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.completed import CONFIGURATION
from support.pages import Block, Command, commands_of, pages
from support.scripts import run_script

STUDY = "generated"
RESULTS = Path("results") / STUDY
# Scripts that are run, and the statuses that are no failure.
OTHERS = ("score.py", "differences.py", "compare.py", "why.py", "ask.py", "cache.py", "clean.py")
RUN = {"diff_results.py": {0, 3, 4}} | {name: {0} for name in OTHERS}
OF_A_STUDY = {"why.py", "ask.py", "clean.py"}
# A metric that a page adds to a copy of the project: see test_own_task.py.
ADDED = "yes_no_accuracy"
# What the tiny study calls what the pages name.
NAMES = {
    r"^(results/)(demo|mine|paper)\b": rf"\g<1>{STUDY}",
    r"^(demo|paper)$": STUDY,
    r"\bSmolLM2-135M-(EC|tuned)\b": "Tiny-Chat",
    r"\bSmolLM2-135M\b": "Tiny",
    r"/(AP|PSI)\.": "/PM.",
    r"^(AP|PSI|Fraud)$": "PM",
}
LOOP = re.compile(r"for (\w+) in ([^;]+);")


def runs(command: Command) -> bool:
    own = command.program.startswith("python") and script_of(command.words) in RUN
    return own and ADDED not in " ".join(command.words)


def script_of(words: Sequence[str]) -> str:
    return Path(words[1]).name if words[1:] else ""


BLOCKS = [block for page in pages() for block in page.blocks if any(map(runs, commands_of(block)))]


def renamed(word: str) -> str:
    for pattern, name in NAMES.items():
        word = re.sub(pattern, name, word)
    return word


def unrolled(block: Block) -> Iterator[list[str]]:
    """The words of each command, those of a loop for each of its values."""
    loops = {name: values.split() for name, values in LOOP.findall(block.text)}
    for command in commands_of(block):
        text = "\0".join(map(renamed, command.words))
        used = [name for name in loops if f"${name}" in text]
        for value in loops[used[0]] if used else [""]:
            yield (text.replace(f"${used[0]}", value) if used else text).split("\0")


def lay_out(project: Path) -> None:
    """The files of their own that readers of the pages have."""
    predictions = project / RESULTS / "predictions"
    for name, model, task in (("P", "Tiny", "QPR"), ("A", "Tiny", "PM"), ("B", "Tiny-Chat", "PM")):
        shutil.copy(predictions / model / f"seed-0/{task}.jsonl", project / f"{name}.jsonl")
    shutil.copy(project / RESULTS / "dataset/SA/test.jsonl", project / "mine.jsonl")


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_commands_of_a_block_run(block: Block, project: Path) -> None:
    lay_out(project)
    for words in unrolled(block):
        if words[0] == "cp":
            subprocess.run(words, cwd=project, check=True)
        script = script_of(words)
        if not words[0].endswith("python") or script not in RUN:
            continue
        arguments = words[2:]
        if "--index" in arguments:
            arguments[arguments.index("--index") + 1] = "0"
        if script in OF_A_STUDY and "--configfile" not in arguments:
            arguments = ["--configfile", CONFIGURATION.name, "--study", STUDY, *arguments]
        ran = run_script(script, *arguments, folder=project)
        assert ran.returncode in RUN[script], f"{words}: {ran.stdout}{ran.stderr}"
        assert "Traceback" not in ran.stderr
