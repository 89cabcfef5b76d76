"""Ask a model of a study from the terminal, with the study's own prompt.

The question is used as the instruction or, with --task, as the input for an instruction of that
task. Without a question, --file or --index, questions are read from the terminal or standard input,
one per line; a line that begins with { is a record as JSON.
"""

import argparse
import shlex
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.logs import start_log
from ecslm.config.options import add_study_options
from ecslm.plan.asking import Asking
from ecslm.plan.plan import Plan
from ecslm.prediction.asking import AskedModel, read_question
from ecslm.schemas.record import GivenRecord, Record

EPILOG = """\
examples:
  %(prog)s --model SmolLM2-135M-EC "Name three uses of a desk lamp."
  %(prog)s --model SmolLM2-135M-EC --task PM --index 3
  %(prog)s --model SmolLM2-135M-EC --task SA --file reviews.jsonl > answers.txt

A record needs "instruction" and "input", and may have "options", "output" (the right answer, which
is shown and not read) and the other fields of results/STUDY/dataset/TASK/test.jsonl.
Answers go to standard output, all else to standard error.
"""

# The id of a record that has none; no answer depends on it.
NAME = "question"


def main(arguments: argparse.Namespace) -> None:
    """Answer each question in turn."""
    start_log(None)
    # Warnings of libraries are for developers, not for those who ask.
    warnings.simplefilter("ignore")
    if arguments.question and (arguments.file is not None or arguments.index is not None):
        raise InputError("--file and --index take the place of a question: leave one out")
    plan = Plan.read(arguments.configfile, arguments.study)
    asking = Asking(plan, arguments.model, arguments.seed, how_to_build(arguments))
    task = asking.task(arguments.task)
    if arguments.task is None and arguments.index is not None:
        raise InputError("--index: needs --task, whose test records are numbered")
    model = AskedModel(asking.request(task, arguments.device))
    for record in records(arguments, asking, task):
        if arguments.index is not None:
            show_record(record)
        answer(model, record)


def how_to_build(arguments: argparse.Namespace) -> str:
    """The command that makes files of the study, without their names."""
    files = ["--configfile", *map(str, arguments.configfile)] if arguments.configfile else []
    study = ["--config", f"study={arguments.study}"] if arguments.study else []
    return shlex.join(["snakemake", "--cores", "all", *files, *study])


def records(arguments: argparse.Namespace, asking: Asking, task: str) -> Iterator[Record]:
    """The records to answer."""
    if arguments.index is not None:
        found = asking.test_records(task)
        if not 0 <= arguments.index < len(found):
            raise InputError(f"--index: {task} has the test records 0 to {len(found) - 1}")
        yield found[arguments.index]
        return
    instruction = None
    for number, line in enumerate(lines(arguments), start=1):
        if line.lstrip().startswith("{") or arguments.file is not None:
            where = f"{arguments.file or 'question'}: line {number}"
            yield read_question(line, where).record(task, NAME)
            continue
        if arguments.task is not None and instruction is None:
            instruction = asking.test_records(task)[0].instruction
        yield GivenRecord(
            instruction=line if instruction is None else instruction,
            input="" if instruction is None else line,
        ).record(task, NAME)


def lines(arguments: argparse.Namespace) -> Iterator[str]:
    """The lines that are questions; empty ones are none."""
    if arguments.question:
        found: Iterator[str] = iter([" ".join(arguments.question)])
    elif arguments.file is not None and str(arguments.file) != "-":
        found = iter(read_text(arguments.file).split("\n"))
    else:
        found = typed() if sys.stdin.isatty() else piped()
    return (line for text in found if (line := text.strip()))


def piped() -> Iterator[str]:
    """The lines of standard input, which are UTF-8 whatever the locale."""
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(f"standard input: line {number}: not UTF-8 text") from None


def typed() -> Iterator[str]:
    """Lines that are typed, until Ctrl-D."""
    while True:
        try:
            yield input("> ")
        except EOFError:
            print(file=sys.stderr)
            return


def show_record(record: Record) -> None:
    """What is asked."""
    parts = {"Instruction": record.instruction, "Input": record.input, "Options": record.options}
    for name, value in parts.items():
        if value:
            tell(f"{name}: {', '.join(value) if isinstance(value, list) else value}")


def answer(model: AskedModel, record: Record) -> None:
    """Print the answer, and what a reader must know of it."""
    prompt, generated = model.answer(record)
    print(generated.text, flush=True)
    if prompt.truncated:
        tell("The end of the input was cut: the prompt was too long.")
    if generated.stopped is False:
        tell(f"The answer was cut off after {generated.tokens} tokens.")
    if record.output:
        tell(f"Right answer: {record.output}")


def tell(text: str) -> None:
    """Print what is no answer."""
    print(text, file=sys.stderr, flush=True)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("question", nargs="*", help="a question in words")
    add("--model", required=True, help="a model of the study")
    add("--task", help="task whose instruction and limits hold (default: the longest answers)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--index", type=int, help="number of a test record of the task, from 0")
    source.add_argument("--file", type=Path, help="records as JSON, one a line; - for stdin")
    add("--seed", type=int, help="seed of the adapter (default: the model's first)")
    add("--device", choices=("cpu", "cuda"), help="where to compute (default: the study's)")
    add_study_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
