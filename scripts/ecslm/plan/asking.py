"""Asking a model of a study a question, as its prediction jobs would."""

from functools import cached_property
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.text import nearest
from ecslm.plan.jobs import prediction_settings
from ecslm.plan.parameters import json_parameter
from ecslm.plan.study import Study
from ecslm.prediction.backend import Backend, Generated, Prompt, Request, backend_class
from ecslm.schemas.paths import ADAPTER
from ecslm.schemas.record import Record, read_records


class Asking:
    """A model of a study, with the files that it needs."""

    def __init__(self, study: Study, model: str, seed: int | None, how_to_build: str) -> None:
        """
        Args:
            seed: of its adapter; None: the first.
            how_to_build: the command that makes files of the study, without their names.

        Raises:
            InputError: the study has no such model or seed.
        """
        self._study, self._build = study, how_to_build
        models = study.settings.models
        if model not in models:
            raise InputError(
                f"--model: {model} is not a model of the study {study.name}{nearest(model, models)}"
            )
        seeds = models[model].seeds
        if seed is not None and seed not in seeds:
            raise InputError(f"--seed: {model} has the seeds {', '.join(map(str, seeds))}")
        self._model = model
        self._seed = study.first_seed(model) if seed is None else seed

    def task(self, named: str | None) -> str:
        """The task whose settings hold for a question: that with the longest answers if none is
        named.

        Raises:
            InputError: the study has no such task, or the model cannot answer it.
        """
        study, model = self._study, self._study.model(self._model)
        tasks = [task for task in study.test_tasks if model.suits(study.task(task).answer)]
        if named is None:
            return max(tasks, key=lambda task: (study.decoding(task).max_new_tokens, task))
        if named not in tasks:
            raise InputError(
                f"--task: {named} is no task that {self._model} answers{nearest(named, tasks)}"
            )
        return named

    def open(self, task: str, device: str | None) -> None:
        """Open the backend as the job that predicts the task does.

        Raises:
            InputError: the model's answers exist already, its adapter or base is not built yet, or
                the backend refuses them.
        """
        study, model = self._study, self._study.model(self._model)
        settings = prediction_settings(study, self._model, task)
        backend = backend_class(settings.backend)
        if backend.KNOWS_RECORDS:
            message = f"--model: {self._model} consists of answers in files: it cannot be asked"
            raise InputError(message)
        trained, template = model.adapter_name(self._model), study.template(self._model)
        names, access = {"model": trained, "seed": self._seed}, model.reached()
        train, val = (
            self._built(study.dataset_file(task, split)) if model.LEARNS else None
            for split in ("train", "val")
        )
        request: Request[Any] = Request(
            model=self._model,
            base=None if model.base is None else self._built(study.base(model.base)),
            adapter=None if trained is None else self._built(study.path(ADAPTER, **names)),
            adapter_of=trained,
            train=train,
            val=val,
            template=None if template is None else Path(template),
            settings=settings,
            batch_tokens=settings.budget(study.settings.batch_tokens),
            seed=self._seed,
            device=device or study.settings.device,
            threads=study.settings.threads,
            access=None if access is None else json_parameter(access),
        )
        self._backend = backend(request)
        self._backend.identity()

    @cached_property
    def _loaded(self) -> Backend[Any, Any]:
        self._backend.load()
        return self._backend

    def answer(self, record: Record) -> tuple[Prompt, Generated]:
        """The prompt of a record, and the answer; the model is loaded when it is first asked.

        Raises:
            InputError: the prompt does not fit, or the model cannot be loaded or cannot answer.
        """
        (prompt,) = self._backend.prompts([record])
        (generated,) = self._loaded.generate([prompt], 0)
        return prompt, generated

    def test_records(self, task: str) -> list[Record]:
        """The test records of a task.

        Raises:
            InputError: the file is not built yet, or was altered.
        """
        return read_records(self._built(self._study.dataset_file(task, "test")))

    def _built(self, path: str) -> Path:
        """A file that jobs of the study make."""
        if not Path(path).is_file():
            raise InputError(f"{path}: not built yet: `{self._build} -- {path}` builds it")
        return Path(path)
