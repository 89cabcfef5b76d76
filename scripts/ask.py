"""Ask a model of a study from the terminal, with the study's own prompt.

With --task, the question is the input of a record of that task, with an instruction of the task and
the options that all of its test records have; otherwise it is an instruction by itself. A tuned
model knows its tasks alone. Without a question, --file or --index, questions are read from the
terminal or standard input, one per line; a line that begins with { is a record as JSON.

examples:
  python scripts/ask.py --model SmolLM2-135M-EC --task SA "The zip broke after two days."
  python scripts/ask.py --model SmolLM2-135M-EC --task PM --index 3
  python scripts/ask.py --model SmolLM2-135M-EC --task SA --file reviews.jsonl > answers.txt

A record needs "instruction" and "input", and may have "options", "output" (the right answer, which
is shown and not read) and the other fields of results/STUDY/dataset/TASK/test.jsonl.
Answers go to standard output, all else to standard error.
"""

import logging
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.files import read_text, validated_json
from ecslm.common.logs import start_log
from ecslm.common.text import nearest
from ecslm.plan.jobs import json_parameter, prediction_settings
from ecslm.plan.study import Study
from ecslm.prediction.backend import Backend, Request, backend_class
from ecslm.schemas.paths import ADAPTER
from ecslm.schemas.record import GivenRecord, Record, read_records
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
    # Between a question and its answer stands nothing that only developers want to know.
    logging.getLogger().setLevel(logging.WARNING)
    warnings.simplefilter("ignore")
    if sum(one not in (None, [], ()) for one in (question, file, index)) > 1:
        raise InputError("--file and --index take the place of a question: give one of the three")
    if task is None and index is not None:
        raise InputError("--index: needs --task, whose test records are numbered")
    chosen = Study.read(configfile, study)
    files = ["--configfile", *map(str, configfile)] if configfile else []
    named = ["--config", f"study={study}"] if study else []
    build = shlex.join(["snakemake", "--cores", "all", *files, *named])

    def built(path: str) -> Path:
        if not Path(path).is_file():
            raise InputError(f"{path}: not built yet: `{build} -- {path}` builds it")
        return Path(path)

    code = task_of(chosen, model, task)
    backend = opened(chosen, model, seed, code, device, built)

    def test_records() -> list[Record]:
        return read_records(built(chosen.dataset_file(code, "test")))

    if index is None:
        asked = asked_in(question, file, code, None if task is None else test_records)
    else:
        asked = iter([shown(test_records(), index, code)])
    for number, record in enumerate(asked):
        if backend.LOCAL and number == 0:
            tell(f"Loading {model}, which takes seconds, and longer on a busy machine.")
        (prompt,) = backend.prompts([record])
        if number == 0:
            backend.load()
        (generated,) = backend.generate([prompt], 0)
        print(generated.text, flush=True)
        if prompt.truncated:
            tell("The end of the input was cut: the prompt was too long.")
        if generated.finish_reason == "length":
            tell(f"The answer was cut off after {generated.tokens} tokens.")
        if record.output:
            tell(f"Right answer: {record.output}")


def task_of(study: Study, model: str, named: str | None) -> str:
    """The task whose settings hold for a question: that with the longest answers if none is named.

    Raises:
        InputError: the study has no such model or task, or the model cannot answer it.
    """
    models = study.settings.models
    if model not in models:
        raise InputError(
            f"--model: {model} is not a model of the study {study.name}{nearest(model, models)}"
        )
    tasks = [task for task in study.test_tasks if models[model].suits(study.task(task).answer)]
    if named is None:
        return max(tasks, key=lambda task: (study.decoding(task).max_new_tokens, task))
    if named not in tasks:
        raise InputError(f"--task: {named} is no task that {model} answers{nearest(named, tasks)}")
    return named


def opened(
    study: Study,
    name: str,
    seed: int | None,
    task: str,
    device: Device | None,
    built: Callable[[str], Path],
) -> Backend[Any, Any]:
    """The backend as the job that predicts the task opens it; it has not loaded the model.

    Args:
        built: returns a file that jobs of the study make, if it is there.

    Raises:
        InputError: the model's answers exist already, it has no such seed, its adapter or base is
            not built yet, or the backend refuses them.
    """
    model, settings = study.model(name), prediction_settings(study, name, task)
    seed = study.first_seed(name) if seed is None else seed
    if seed not in model.seeds:
        raise InputError(f"--seed: {name} has the seeds {', '.join(map(str, model.seeds))}")
    backend = backend_class(settings.backend)
    if backend.KNOWS_RECORDS:
        raise InputError(f"--model: {name} consists of answers in files: it cannot be asked")
    trained, template, access = study.adapter_name(name), study.template(name), model.reached()
    files = {"base": study.base(model.base)} if model.base else {}
    if trained:
        files["adapter"] = study.path(ADAPTER, model=trained, seed=seed)
    if model.learns:
        files |= {split: study.dataset_file(task, split) for split in ("train", "val")}
    request: Request[Any] = Request(
        **{option: built(path) for option, path in files.items()},  # type: ignore[arg-type]
        model=name,
        adapter_of=trained,
        template=Path(template) if template else None,
        settings=settings,
        batch_tokens=settings.budget(study.settings.batch_tokens),
        seed=seed,
        device=device or study.settings.device,
        threads=study.settings.threads,
        access=json_parameter(access) if access else None,
    )
    found = backend(request)
    # Only now adapter and base are checked.
    found.identity()
    return found


def asked_in(
    question: Sequence[str],
    file: Path | None,
    task: str,
    test_records: Callable[[], list[Record]] | None,
) -> Iterator[Record]:
    """What is asked in words or records, one a line.

    Args:
        test_records: of the task whose instruction and options hold, if there is one.
    """
    found = iter([" ".join(question)]) if question else typed()
    if file is not None and str(file) != "-":
        found = iter(read_text(file).split("\n"))
    like: list[Record] = []
    for number, line in enumerate(filter(None, map(str.strip, found)), start=1):
        if line.startswith("{") or file is not None:
            given = validated_json(GivenRecord, line, f"{file or 'question'}: line {number}")
        elif test_records is None:
            given = GivenRecord(instruction=line, input="")
        else:
            like = like or test_records()
            first = like[0]
            options = first.options if all(one.options == first.options for one in like) else None
            given = GivenRecord(instruction=first.instruction, input=line, options=options)
        yield given.record(task, NAME)


def typed() -> Iterator[str]:
    """The lines of the terminal, until Ctrl-D, or of standard input: UTF-8 whatever the locale."""
    while True:
        if sys.stdin.isatty():
            print("> ", end="", file=sys.stderr, flush=True)
        if not (line := sys.stdin.buffer.readline()):
            return
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(f"standard input: {line!r} is not UTF-8 text") from None


def shown(records: Sequence[Record], index: int, task: str) -> Record:
    """One of some test records, whose fields are printed."""
    if not 0 <= index < len(records):
        raise InputError(f"--index: {task} has the test records 0 to {len(records) - 1}")
    record = records[index]
    parts = {"Instruction": record.instruction, "Input": record.input, "Options": record.options}
    for name, value in parts.items():
        if value:
            tell(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
    return record


def tell(text: str) -> None:
    """Print what is no answer."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_script(main)
