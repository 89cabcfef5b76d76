"""Results of the GPU steps that no model made, in the form that the steps after them read.

Answers are the references, at random replaced by that of another record or by a text that is no
answer, so that scores are neither perfect nor trivial. The same seed gives the same files.
"""

import contextlib
import json
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies import main_files
from support.stated_jobs import all_jobs_of, job_of

from ecslm.common.files import write_json, write_jsonl, write_text
from ecslm.common.hashing import sha256_of_file, sha256_of_text
from ecslm.common.manifests import MadeBy, made_from, write_manifest
from ecslm.models.bases import FETCHED, REQUIRED_FILES, BaseManifest
from ecslm.plan.jobs import versions_in
from ecslm.plan.study import Study
from ecslm.provenance.dag import Job
from ecslm.schemas import paths
from ecslm.schemas.cost import LatencyFile
from ecslm.schemas.metrics_file import BertScoreRow
from ecslm.schemas.prediction import ScoredPrediction, read_predictions
from ecslm.schemas.record import Record, read_records

RIGHT, WRONG = 0.7, 0.97  # up to the first an answer is right, up to the second it is wrong
BERTSCORE = "bertscore/{model}/seed-{seed}/{task}.jsonl"
NO_ANSWER = "I cannot tell."
GPU_RULES = frozenset({"train_adapter", "predict", "measure_latency", "bertscore"})
COST = {"seconds": 1.0, "device": "none"}
LATENCY = LatencyFile(
    device="none",
    load_seconds=1.0,
    seconds=1.0,
    p50_seconds=0.1,
    p95_seconds=0.2,
    peak_memory_bytes=1.0,
    answers=[],
)
STEPS, EPOCHS = 3900, 3


@dataclass(frozen=True)
class FakeResults:
    """Writes what bases, training, prediction and BERTScore would; dataset files must be made."""

    project: Path
    plan: Study

    def files(self) -> list[str]:
        """One file of each GPU job; a job's other files are made with it."""
        return main_files(self.plan, "base_model", *sorted(GPU_RULES))

    def write(self, processes: int) -> None:
        """Write everything."""
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(self.write_base, main_files(self.plan, "base_model")))
            list(pool.map(self.write_row, *zip(*self._rows(), strict=True)))
        jobs = (job for job in all_jobs_of(self.plan) if job.rule in GPU_RULES)
        write_manifests(self.project, jobs)

    def write_row(self, model: str, seed: int) -> None:
        """Everything of one model and seed."""
        study = self.plan
        if study.model(model).tuned:
            self.write_adapter(model, seed)
        if model in study.local_models:
            write_json(self._path(paths.LATENCY, model=model), LATENCY.model_dump())
        for task in study.test_tasks:
            self.write_predictions(model, seed, task)
            if task in study.generation_tasks:
                self.write_bertscore(model, seed, task)

    def write_base(self, manifest: str) -> None:
        """A tiny base: the dataset table counts tokens, and layers to tune are looked up."""
        # Here, since it imports torch.
        from support.tiny import write_tiny_model

        write_tiny_model((self.project / manifest).parent)
        write_base_manifest(self.project, self.plan, manifest)

    def write_adapter(self, model: str, seed: int) -> None:
        """An adapter without weights."""
        path = self._path(paths.ADAPTER, model=model, seed=seed)
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            write_text(path.parent / name, "{}\n")
        write_jsonl(path.parent / "log.jsonl", training_log(f"{model}/{seed}"))
        write_json(path.parent / "cost.json", COST)

    def write_predictions(self, model: str, seed: int, task: str) -> None:
        """Answers to the test records of a task."""
        path = self._path(paths.PREDICTIONS, model=model, seed=seed, task=task)
        shots = self.plan.model(model).shots
        records = [
            record
            for record in read_records(self._path(paths.DATASET, task=task, split="test"))
            if (record.few_shot_example is not None) == bool(shots)
        ]
        rng = random.Random(f"{model}/{seed}/{task}")
        rows = [prediction(record, answer(record, records, rng)) for record in records]
        write_jsonl(path, rows)
        tokens = {
            name: sum(int(getattr(row, name) or 0) for row in rows)
            for name in ("prompt_tokens", "generated_tokens")
        }
        write_json(path.with_suffix(".cost.json"), {**COST, "prompts": len(rows), **tokens})

    def write_bertscore(self, model: str, seed: int, task: str) -> None:
        """Scores of answers: 1 for the reference itself, otherwise by chance."""
        path = self._path(BERTSCORE, model=model, seed=seed, task=task)
        rng = random.Random(f"{model}/{seed}/{task}")
        predictions = read_predictions(
            self._path(paths.PREDICTIONS, model=model, seed=seed, task=task)
        )
        write_jsonl(path, (bertscore(one, rng) for one in predictions))

    def _rows(self) -> Iterator[tuple[str, int]]:
        models = self.plan.settings.models.items()
        yield from ((name, seed) for name, one in models if one.run for seed in one.seeds)

    def _path(self, pattern: str, **names: object) -> Path:
        return self.project / self.plan.path(pattern, **names)


def training_log(name: str) -> Iterator[dict[str, Any]]:
    """Losses that fall, of as many steps as the paper's trainings have, with an evaluation after
    each epoch."""
    rng = random.Random(name)
    for step in range(1, STEPS + 1):
        epoch = EPOCHS * step / STEPS
        done = {"step": step, "epoch": epoch, "records": 64 * step}
        yield done | {"loss": (0.3 + rng.random()) / (0.5 + epoch)}
        if not step % (STEPS // EPOCHS):
            yield done | {"eval_loss": 1 / (0.5 + epoch)}


def write_base_manifest(project: Path, plan: Study, manifest: str) -> None:
    """The manifest of a base, with the digests of those of its files that are there."""
    name, folder = Path(manifest).parent.name, (project / manifest).parent
    folder.mkdir(parents=True, exist_ok=True)
    there = (
        path.name for path in folder.iterdir() if path.name not in (Path(manifest).name, FETCHED)
    )
    files = [folder / file for file in {*REQUIRED_FILES, "model.safetensors", *there}]
    job = job_of(plan, "base_model", base=name)
    write_json(folder / FETCHED, MadeBy(code=job.code, versions={}).model_dump())
    settings = json.loads(job.settings)
    content = BaseManifest(
        base=name,
        source=plan.config.bases[name],
        revision="none",
        folder=".",
        files={
            path.name: sha256_of_file(path) if path.is_file() else sha256_of_text("")
            for path in files
        },
        **made_from([], settings, code=None, versions={}),
    )
    with contextlib.chdir(project):
        write_json(Path(manifest), content.model_dump(mode="json"))


def write_manifests(project: Path, jobs: Iterable[Job]) -> None:
    """The manifests of jobs whose results are there, as the jobs would write them."""
    with contextlib.chdir(project):
        for job in jobs:
            given = job.params
            settings = json.loads(given.get("settings", "{}"))
            template = (given.get("template") or "").removeprefix("template:") or None
            versions = versions_in(given.get("versions"))
            origin = made_from(map(Path, job.inputs), settings, given["code"], versions, template)
            origin |= {"content": given.get("source")}
            if job.rule == "train_adapter":
                origin |= _training(job)
            write_manifest(Path(job.manifest), origin, map(Path, _listed(job)))


def _listed(job: Job) -> list[str]:
    """The results without those that have measured times."""
    timed = {"cost", "history", "training_cost"}
    names = (name for name in job.outputs if name not in {"manifest", *timed})
    return [path for name in names for path in job.outputs[name]]


def _training(job: Job) -> dict[str, object]:
    """What the manifest of an adapter says of its training."""
    fraction = json.loads(job.params["settings"])["training"]["train_fraction"]
    files = [Path(path) for path in job.inputs if path.endswith("/train.jsonl")]
    records = {path.parent.name: round(fraction * path.read_bytes().count(b"\n")) for path in files}
    nothing = dict.fromkeys(records, 0)
    folder = Path(job.manifest).parent
    return {
        **{"model": folder.parent.name, "seed": int(folder.name.removeprefix("seed-"))},
        **{"source": "none", "revision": "none", "base_sha256": sha256_of_text("")},
        **{"best_step": STEPS, "records": records, "truncated": nothing},
        **{"tokens": nothing, "answer_tokens": nothing},
    }


def answer(record: Record, others: list[Record], rng: random.Random) -> str:
    """What a model of middling skill says."""
    luck = rng.random()
    if luck < RIGHT:
        return record.output
    return rng.choice(others).output if luck < WRONG else NO_ANSWER


def prediction(record: Record, text: str) -> ScoredPrediction:
    """The row of a predictions file."""
    return ScoredPrediction(
        id=record.id,
        sample_id=record.sample_id,
        task=record.task,
        setting=record.setting,
        prediction=text,
        reference=record.output,
        options=record.options,
        relevance=record.relevance,
        prompt_sha256=sha256_of_text(record.input),
        prompt_tokens=len(record.input) // 4,
        generated_tokens=len(text) // 4,
        finish_reason="length" if text == NO_ANSWER else "stop",
    )


def bertscore(one: ScoredPrediction, rng: random.Random) -> BertScoreRow:
    """The row of a BERTScore file."""
    score = 1.0 if one.prediction == one.reference else rng.uniform(0.7, 0.95)
    return BertScoreRow(
        id=one.id, setting=one.setting, precision=score, recall=score, f1=score, f1_rescaled=score
    )
