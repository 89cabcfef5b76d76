"""Ask a model of a study from the terminal, with the study's own prompt.

The question is used as the instruction or, with --task, as the input for an instruction of that
task. Without a question, --file or --index, questions are read from the terminal or standard input,
one per line; a line that begins with { is a record as JSON.

examples:
  python scripts/ask.py --model SmolLM2-135M-EC "Name three uses of a desk lamp."
  python scripts/ask.py --model SmolLM2-135M-EC --task PM --index 3
  python scripts/ask.py --model SmolLM2-135M-EC --task SA --file reviews.jsonl > answers.txt

A record needs "instruction" and "input", and may have "options", "output" (the right answer, which
is shown and not read) and the other fields of results/STUDY/dataset/TASK/test.jsonl.
Answers go to standard output, all else to standard error.
"""

import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.logs import start_log
from ecslm.common.validation import validated_json
from ecslm.plan.asking import Asking
from ecslm.plan.study import Study
from ecslm.schemas.record import GivenRecord, Record
from ecslm.script import Device, run_script

# The id of a record that has none; no answer depends on it.
NAME = "question"


def main(
    question: Sequence[str] = (),
    /,
    *,
    model: str,
    task: str | None = None,
    index: int | None = None,
    file: Path | None = None,
    seed: int | None = None,
    device: Device | None = None,
    configfile: Sequence[Path] = (),
    study: str | None = None,
) -> None:
    """
    Args:
        question: a question in words
        model: a model of the study
        task: task whose instruction and limits hold (default: the longest answers)
        index: number of a test record of the task, from 0
        file: records as JSON, one a line; - for stdin
        seed: seed of the adapter (default: the model's first)
        device: where to compute (default: the study's)
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
    """
    start_log(None)
    # Warnings of libraries are for developers, not for those who ask.
    warnings.simplefilter("ignore")
    if sum(one not in (None, [], ()) for one in (question, file, index)) > 1:
        raise InputError("--file and --index take the place of a question: give one of the three")
    if task is None and index is not None:
        raise InputError("--index: needs --task, whose test records are numbered")
    plan = Study.read(configfile, study)
    asking = Asking(plan, model, seed, how_to_build(configfile, study))
    code = asking.task(task)
    asking.open(code, device)
    if index is not None:
        found = asking.test_records(code)
        if not 0 <= index < len(found):
            raise InputError(f"--index: {code} has the test records 0 to {len(found) - 1}")
        show_record(found[index])
        answer(asking, found[index])
        return
    instruction = ""
    for number, line in enumerate(lines(question, file), start=1):
        if line.lstrip().startswith("{") or file is not None:
            given = validated_json(GivenRecord, line, f"{file or 'question'}: line {number}")
        elif task is None:
            given = GivenRecord(instruction=line, input="")
        else:
            instruction = instruction or asking.test_records(code)[0].instruction
            given = GivenRecord(instruction=instruction, input=line)
        answer(asking, given.record(code, NAME))


def how_to_build(configfile: Sequence[Path], study: str | None) -> str:
    """The command that makes files of the study, without their names."""
    files = ["--configfile", *map(str, configfile)] if configfile else []
    named = ["--config", f"study={study}"] if study else []
    return shlex.join(["snakemake", "--cores", "all", *files, *named])


def lines(question: Sequence[str], file: Path | None) -> Iterator[str]:
    """The lines that are questions; empty ones are none."""
    if question:
        found: Iterator[str] = iter([" ".join(question)])
    elif file is not None and str(file) != "-":
        found = iter(read_text(file).split("\n"))
    else:
        found = typed()
    return (line for text in found if (line := text.strip()))


def typed() -> Iterator[str]:
    """The lines of the terminal, until Ctrl-D, or of standard input: UTF-8 whatever the locale."""
    asks = sys.stdin.isatty()
    while True:
        if asks:
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.buffer.readline()
        if not line:
            return
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(f"standard input: {line!r} is not UTF-8 text") from None


def show_record(record: Record) -> None:
    """What is asked."""
    parts = {"Instruction": record.instruction, "Input": record.input, "Options": record.options}
    for name, value in parts.items():
        if value:
            tell(f"{name}: {', '.join(value) if isinstance(value, list) else value}")


def answer(asking: Asking, record: Record) -> None:
    """Print the answer, and what a reader must know of it."""
    prompt, generated = asking.answer(record)
    print(generated.text, flush=True)
    if prompt.truncated:
        tell("The end of the input was cut: the prompt was too long.")
    if generated.finish_reason == "length":
        tell(f"The answer was cut off after {generated.tokens} tokens.")
    if record.output:
        tell(f"Right answer: {record.output}")


def tell(text: str) -> None:
    """Print what is no answer."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_script(main)
