"""Predict one task with one model, from a dataset file to a predictions file.

Prompts and answers are made by a `Session`: in the job's own process, or in the one that holds the
model for the jobs of a run, see `common/worker.py`. All else is done in the job.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter

from ecslm.common.devices import lease_devices
from ecslm.common.environment import LOCK_FILE, require_locked
from ecslm.common.errors import InputError, Problem
from ecslm.common.files import read_json, write_json, write_jsonl
from ecslm.common.hashing import canonical_json, sha256_of_file, sha256_of_text
from ecslm.common.manifests import made_from, manifest_of, require_unchanged
from ecslm.common.rows import Numbered, read_jsonl, read_rows, repeated_ids
from ecslm.common.workdir import Outputs, work_folder
from ecslm.common.worker import WorkerLostError, join
from ecslm.families.backend import UNUSABLE, Generated, Request, backend_class
from ecslm.families.kept_lines import KeptLine, add_line, sound_lines
from ecslm.families.settings import PredictionSettings
from ecslm.models.cost import job_cost, total
from ecslm.models.manifests import run_fields
from ecslm.models.prompts import as_parameter
from ecslm.schemas.prediction import ScoredPrediction, of_record
from ecslm.schemas.record import GivenRecord, Record
from ecslm.script import OutputFile, job

log = logging.getLogger(__name__)

REQUEST = TypeAdapter(Request)
BATCHES = "batches.jsonl"
SECONDS_BETWEEN_LINES = 20.0

Result = TypeVar("Result")
Ask = Callable[[Sequence[Any]], Any]
"""Returns the answer to a message, see `Session`."""


class AnsweredRecord(GivenRecord):
    """A record with its right answer, which predictions are compared with."""

    output: str


@job(log=True)
def predict(
    request: Request,
    *,
    dataset: Path,
    output: OutputFile,
    task: str | None = None,
    cost: OutputFile | None = None,
    manifest: OutputFile | None = None,
    code: str | None = None,
) -> None:
    """Predict; write the predictions, their cost and their manifest.

    A killed job continues after its last finished batch, if `code`, the digest of the prediction
    code, is given: otherwise it is unknown whether this code generated the batches. Predictions
    that were finished, by any study, are taken from the cache: the backend is opened only if there
    are none. Those of a local model are found by what it sees, so that a corrected right answer is
    joined with them. In a run, jobs whose code is known share a process with the model.

    Raises:
        InputError: bad input, an unknown backend, a request that the backend refuses, or libraries
            that differ from the lock file.

    Args:
        dataset: records to answer (JSON Lines), see below
        output: predictions file (JSON Lines) to write
        task: code of the task of records that name none, for example SA
        cost: cost file to write (default: OUTPUT with .cost.json)
        manifest: manifest to write: what the result was made from (default: OUTPUT with
            .manifest.json)
        code: set by a run: digest of the code, which is recorded; other code refuses to run
    """
    cost, manifest = cost or output.with_suffix(".cost.json"), manifest or manifest_of(output)
    settings: PredictionSettings = request.settings
    kind = backend_class(settings.backend)
    versions = require_locked(settings.libraries_for(request.adapter))
    prompt = None if request.template is None else request.prompt_template().sha256
    given = dataset, request.base, request.adapter, *request.answers, request.train, request.val
    inputs = [path for path in given if path is not None]
    origin = made_from(inputs, settings, code, versions, prompt)
    batch_tokens = settings.budget(request.batch_tokens)
    pinned = prompt and as_parameter(prompt)
    request = replace(request, template_digest=pinned, batch_tokens=batch_tokens)
    records = [record for record in given_records(dataset, task) if settings.asks(record)]
    if not records:
        raise InputError(f"{dataset}: no records for `shots: {settings.shots}`")
    backend = kind(request)
    require_unchanged(origin)

    local, precision = request.device if kind.LOCAL else None, getattr(settings, "precision", None)
    known = run_fields(request.model, request.seed, local, request.threads, precision)
    action = {
        "step": "predict",
        "dataset": _seen_digest(records) if kind.LOCAL else origin["inputs"][str(dataset)],
        "model": backend.identity(),
        "seed": request.seed,
    }
    if kind.LOCAL:
        action |= {"batch_tokens": batch_tokens, "device": local, "threads": known["threads"]}
    outputs = Outputs(manifest, {"predictions": output}, {"cost": cost})
    with work_folder(outputs, action, origin, known) as work:
        if work.restored(lambda files: _join(files["predictions"], records)):
            return
        if kind.LOCAL:
            lease_devices(request.device, shared=True)
        shown = records if kind.KNOWS_RECORDS else list(map(_seen, records))
        made = with_session(
            code if kind.LOCAL else None,
            request,
            lambda ask: _predicted(ask, opening(request, shown), records, work.folder),
        )
        # A fault of a server that passes may give answers that cannot be used.
        keep = not read_json(made["cost"]).get("unusable_answers")
        work.publish(made, found={}, keep=keep)


def given_records(path: Path, task: str | None) -> list[Record]:
    """Read the records of a file.

    Defaults: `id` is the line number, `sample_id` the `id`, and `setting` is in-domain.

    Args:
        task: the task of records that name none.

    Raises:
        InputError: the file is missing, empty, altered or invalid, a record has no task, or two
            have the same id.
    """

    def check(rows: Numbered[AnsweredRecord]) -> Iterator[Problem]:
        for line, row in rows:
            if not row.task and task is None:
                message = "missing: set it on each line, or give --task"
                yield Problem(message, line=line, field="task")
        yield from repeated_ids((line, row.id or str(line)) for line, row in rows)

    rows = read_rows(path, AnsweredRecord, check, "records")
    return [row.record(row.task or task or "", str(line)) for line, row in rows]


class Session:
    """Answers the messages of a job. They are JSON, as are the answers:

    - what `opening` returns: text and `truncated` of all prompts, and the batches; the model is
      loaded then.
    - `["generate", number]`: the fields of `Generated` of each answer to a batch.
    - `["cost"]`: what `Backend.cost` returns.
    """

    def answer(self, message: Sequence[Any]) -> Any:
        """The answer to a message.

        Raises:
            InputError: as the backend.
        """
        match message:
            case ["open", given, rows]:
                backend = backend_class(given["settings"]["backend"])
                settings = backend.SETTINGS.model_validate(given["settings"])
                self._backend = backend(REQUEST.validate_python(given | {"settings": settings}))
                self._prompts = self._backend.prompts([Record(**row) for row in rows])
                self._batches = self._backend.batches(self._prompts)
                self._backend.load()
                return [[one.text, one.truncated] for one in self._prompts], self._batches
            case ["generate", number]:
                prompts = [self._prompts[index] for index in self._batches[number]]
                return [asdict(one) for one in self._backend.generate(prompts, number)]
            case ["cost"]:
                return dict(self._backend.cost())
        raise AssertionError(f"unknown message: {message}")


def opening(request: Request, records: Sequence[Record]) -> list[Any]:
    """The message that has the records answered."""
    given = REQUEST.dump_python(request, mode="json")
    return ["open", given, [record.model_dump(mode="json") for record in records]]


def with_session(code: str | None, asked: Request, work: Callable[[Ask], Result]) -> Result:
    """Do work with a session: in the process of the run or, if there is none, in this one.

    Both sides run the same code, since that process is a fork of a job, and is joined only by jobs
    with its code, libraries and device. If it ends, the work is done again in this process.

    Args:
        code: digest of the code of the process; None: the job loads the model itself.
    """
    if code is not None:
        process = {
            "code": code,
            # A job needs some of the libraries alone, but its process serves others too.
            "lock": sha256_of_file(LOCK_FILE),
            "device": asked.device,
            "threads": asked.threads,
            "folder": str(Path.cwd()),
        }
        try:
            if worker := join(canonical_json(process), lambda: Session().answer):
                return work(worker.ask)
        except WorkerLostError as error:
            log.warning("%s: this job loads the model itself", error)
    return work(Session().answer)


class FinishedBatch(KeptLine):
    """The answers to the prompts of a batch, in their order, and how long they took."""

    model_config = ConfigDict(strict=True)

    batch: int
    seconds: float
    answers: list[Generated]


def finished_batches(path: Path, batches: Sequence[Sequence[int]]) -> dict[int, FinishedBatch]:
    """The batches of a job that are in a file, one a line, by their number; a killed run left it.

    Args:
        batches: of the job, as lists of prompts.
    """
    sizes = dict(enumerate(map(len, batches)))
    lines = sound_lines(path, FinishedBatch)
    return {one.batch: one for one in lines if sizes.get(one.batch) == len(one.answers)}


def _predicted(
    ask: Ask, message: Sequence[Any], records: Sequence[Record], work: Path
) -> dict[str, Path]:
    """Predict in the directory of the work; returns the files, by the names of the outputs.

    Args:
        message: opens the session.
    """
    start = time.perf_counter()
    prompts, batches = ask(message)
    load_seconds = time.perf_counter() - start
    finished = finished_batches(work / BATCHES, batches)
    resumed = bool(finished)
    done, told = sum(len(batches[number]) for number in finished), time.monotonic()
    log.info("%d prompts in %d batches, %d already done", len(prompts), len(batches), done)
    answers: dict[int, Generated] = {}
    for number, members in enumerate(batches):
        if number not in finished:
            start = time.perf_counter()
            found = [Generated(**one) for one in ask(["generate", number])]
            seconds = time.perf_counter() - start
            finished[number] = FinishedBatch(batch=number, seconds=seconds, answers=found)
            add_line(work / BATCHES, finished[number])
            done += len(members)
            if time.monotonic() - told >= SECONDS_BETWEEN_LINES:
                told = time.monotonic()
                log.info("%d of %d prompts", done, len(prompts))
        answers |= zip(members, finished[number].answers, strict=True)
    rows = [
        ScoredPrediction(
            **of_record(record),
            prediction=answers[index].text,
            prompt_sha256=None if text is None else sha256_of_text(text),
            prompt_tokens=answers[index].prompt_tokens,
            generated_tokens=answers[index].tokens,
            finish_reason=answers[index].finish_reason,
        )
        for index, (record, (text, _)) in enumerate(zip(records, prompts, strict=True))
    ]
    known = {
        # Next to none if another job had loaded the model.
        "load_seconds": load_seconds,
        # Those of killed runs count.
        "seconds": float(sum(one.seconds for one in finished.values())),
        "prompts": len(rows),
        "prompt_tokens": total([row.prompt_tokens for row in rows]),
        "generated_tokens": total([row.generated_tokens for row in rows]),
        "truncated_inputs": total([truncated for _, truncated in prompts]),
    }
    cost = job_cost([ask(["cost"])], resumed, **known)
    if "unusable_answers" in cost:
        # Those of killed runs count, too; the backend may not know them.
        cost["unusable_answers"] = [*answers.values()].count(UNUSABLE)
    made = {name: work / "made" / name for name in ("predictions", "cost")}
    write_jsonl(made["predictions"], rows)
    write_json(made["cost"], cost)
    return made


def _seen(record: Record) -> Record:
    """What a model may see of a record; messages name its id."""
    unseen = {"sample_id": "", "setting": "", "output": "", "relevance": None}
    return record.model_copy(update=unseen)


def _seen_digest(records: Sequence[Record]) -> str:
    """Digest of all that a local model may see; their order decides batches and draws."""
    # An id depends on the right answer.
    seen = [_seen(record).model_dump(mode="json", exclude={"id"}) for record in records]
    return sha256_of_text(canonical_json(seen))


def _join(predictions: Path, records: Sequence[Record]) -> None:
    """Give answers that were found the fields of the records that no model sees."""
    rows = read_jsonl(predictions, ScoredPrediction)
    pairs = zip(rows, records, strict=True)
    write_jsonl(predictions, (row.model_copy(update=of_record(record)) for row, record in pairs))
