"""Ask a model of a study from the terminal, with the study's own prompt.

With --task, the question is the input of a record of that task, with an instruction of the task and
the options that all of its test records have; otherwise it is an instruction by itself. A tuned
model knows only its tasks. Without a question, --file or --index, questions are read from the
terminal or standard input, one per line.

examples:
  python scripts/ask.py --model SmolLM2-135M-EC --task SA "The zip broke after two days."
  python scripts/ask.py --model SmolLM2-135M-EC --task PM --index 3
  python scripts/ask.py --model SmolLM2-135M-EC --task SA --file reviews.jsonl > answers.txt

A record needs "instruction" and "input", and may have "options", "output" (the right answer, which
is shown and not read) and the other fields of results/STUDY/dataset/TASK/test.jsonl.
Answers go to standard output, all else to standard error.
"""

import sys
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.logs import start_log
from ecslm.common.rows import read_jsonl
from ecslm.common.text import nearest
from ecslm.families.backend import Backend, Request, backend_class
from ecslm.plan.jobs import access, prediction_settings
from ecslm.plan.study import Choice, Study
from ecslm.schemas.paths import ADAPTER
from ecslm.schemas.record import GivenRecord, Record, read_records
from ecslm.script import Device, run_script

# Prints what is no answer.
tell = partial(print, file=sys.stderr, flush=True)


def main(
    choice: Choice,
    question: Sequence[str] = (),
    /,
    *,
    model: str,
    task: str | None = None,
    index: int | None = None,
    file: Path | None = None,
    seed: int | None = None,
    device: Device | None = None,
) -> None:
    """
    Args:
        question: a question in words
        model: a model of the study
        task: task whose instruction and limits apply (default: the longest answers)
        index: number of a test record of the task, from 0
        file: records as JSON, one a line
        seed: seed of the adapter (default: the model's first)
        device: where to compute (default: the study's)
    """
    start_log(None)
    # Between a question and its answer stands nothing that only developers want to know.
    warnings.simplefilter("ignore")
    if sum((bool(question), file is not None, index is not None)) > 1:
        raise InputError("--file and --index take the place of a question: give one of the three")
    study = choice.read()
    if model not in (models := study.settings.models):
        raise InputError(f"--model: {model} is not a model of the study{nearest(model, models)}")
    tasks = study.model_tasks(model) or study.test_tasks
    if task is not None and task not in tasks:
        raise InputError(f"--task: {task} is not a task that {model} answers{nearest(task, tasks)}")
    # Where none is named, the one with the longest answers.
    code = task or max(tasks, key=lambda one: (study.decoding(one).max_new_tokens, one))
    backend = backend_of(study, model, code, seed, device)
    known = task is not None and file is None
    records = read_records(built(study.dataset_file(code, "test"))) if known else []
    if index is not None:
        if not 0 <= index < len(records):
            raise InputError(f"--index: give --task, and a number from 0, below {len(records)}")
        tell(records[index].model_dump_json(include={"instruction", "input", "options"}, indent=2))
        asked = iter([records[index]])
    elif file is not None:
        asked = (one.record(code, "question") for one in read_jsonl(file, GivenRecord))
    else:
        lines = [" ".join(question)] if question else sys.stdin
        asked = (given(line, records).record(code, "question") for line in lines if line.strip())
    tell(f"Loading {model}, which takes seconds, and longer on a busy machine.")
    backend.load()
    for record in asked:
        (prompt,) = backend.prompts([record])
        (generated,) = backend.generate([prompt], 0)
        print(generated.text, flush=True)
        if prompt.truncated:
            tell("The end of the input was cut: the prompt was too long.")
        if generated.finish_reason == "length":
            tell(f"The answer was cut off after {generated.tokens} tokens.")
        if record.output:
            tell(f"Right answer: {record.output}")


def built(path: str) -> Path:
    """A file that a job of the study makes, if it is there."""
    if not Path(path).is_file():
        raise InputError(f"{path}: not built yet: run `make reproduce` for this study")
    return Path(path)


def backend_of(
    study: Study, model: str, task: str, seed: int | None, device: Device | None
) -> Backend[Any, Any]:
    """What answers as the job that predicts a task does.

    Raises:
        InputError: what the model is made of is not built yet.
    """
    settings, trained = prediction_settings(study, model, task), study.adapter_name(model)
    seed = study.first_seed(model) if seed is None else seed
    files = {"base": study.weights(model), "template": study.template(model)}
    if trained:
        files["adapter"] = study.path(ADAPTER, model=trained, seed=seed)
    if study.model(model).learns:
        files |= {split: study.dataset_file(task, split) for split in ("train", "val")}
    request: dict[str, Any] = {option: built(path) for option, path in files.items() if path}
    request |= {"model": model, "adapter_of": trained, "seed": seed, "settings": settings}
    request |= {"device": device or study.settings.device, "threads": study.settings.threads}
    tokens = settings.budget(study.settings.batch_tokens)
    request |= {"batch_tokens": tokens, "access": access(study, model)}
    return backend_class(settings.backend)(Request(**request))


def given(line: str, like: Sequence[Record]) -> GivenRecord:
    """A question in words as a record.

    Args:
        like: test records whose instruction, and options if all have the same, hold for words.
    """
    if not like:
        return GivenRecord(instruction=line.strip(), input="")
    options = like[0].options if all(x.options == like[0].options for x in like) else None
    return GivenRecord(instruction=like[0].instruction, input=line.strip(), options=options)


if __name__ == "__main__":
    run_script(main)
