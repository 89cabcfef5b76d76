"""Checks of models against the files of their bases, before anything runs or is deleted."""

import logging
from collections.abc import Iterator
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.validation import read_model
from ecslm.config.backends.transformers import TransformersModel
from ecslm.models.architecture import (
    Architecture,
    adapter_problems,
    length_problems,
    llama_architecture,
    read_architecture,
    readable_tokens,
)
from ecslm.models.bases import BaseManifest, PathSource, fix_of_base
from ecslm.plan.study import Study
from ecslm.scoring.bertscore.rescaling import rescaling_baseline, rescaling_problem

log = logging.getLogger(__name__)


class ModelChecks:
    """What the study asks of its bases, against what is known of these.

    A base is known by its files or, while they are not there, by its row of architectures.csv.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._path = f"studies.{study.name}"
        models = study.local_models.items()
        self._running = {name: model for name, model in models if model.run}
        self._known: dict[str, Architecture | None] = {}

    def check(self) -> None:
        """Check target modules, ranks, lengths, budgets, and the encoder's layer and rescaling.

        A training beyond the window of a base that can read it, and prompts that are going to be
        cut, are only warned of.

        Raises:
            InputError: a line for each setting that does not fit a base.
        """
        if problems := dict.fromkeys((*self._training_problems(), *self._encoder_problems())):
            raise InputError(*problems)
        for warning in dict.fromkeys(self._warnings()):
            log.warning("warning: %s", self._study.config.with_places(InputError(warning)))

    def architecture(self, base: str) -> Architecture | None:
        """What is known of a base.

        Raises:
            InputError: its files are damaged.
        """
        if base not in self._known:
            folder = files_of_base(self._study, base)
            self._known[base] = (
                tabulated(self._study, base) if folder is None else self._read(base, folder)
            )
        return self._known[base]

    def _read(self, base: str, folder: Path) -> Architecture:
        try:
            return read_architecture(folder)
        except InputError as error:
            source = self._study.config.bases[base]
            fix = fix_of_base(base, source, Path(self._study.base(base)))
            raise InputError(*(f"{problem}: {fix}" for problem in error.problems)) from None

    def _training_problems(self) -> Iterator[str]:
        for name, model in self._running.items():
            architecture, settings = self.architecture(model.base), model.training
            if settings is None:
                continue
            if architecture is not None:
                for field, problem in (
                    *adapter_problems(
                        architecture, model.base, settings.rank, settings.target_modules
                    ),
                    *length_problems(architecture, model.base, settings.max_length),
                ):
                    yield f"{self._training(name, field)}: {problem}"
            if settings.batch_tokens == "auto" and self._study.settings.device == "cpu":
                field = self._training(name, "batch_tokens")
                yield f"{field}: auto measures the memory of a GPU: set a number for `device: cpu`"

    def _warnings(self) -> Iterator[str]:
        for name, model in self._running.items():
            architecture, training = self.architecture(model.base), model.training
            if architecture is None:
                continue
            window = architecture.window
            if training is not None and window is not None and training.max_length > window:
                yield (
                    f"{self._training(name, 'max_length')}: {training.max_length} tokens, but "
                    f"{model.base} was trained on texts of at most {window}: answers to longer "
                    "prompts may be poor"
                )
            trained = self._study.trained_length(name)
            for task in self._study.test_tasks:
                length = model.decoded(self._study.decoding(task)).max_length
                most = readable_tokens(architecture, length, trained)
                if most < length:
                    yield (
                        f"{self._decoding(name, model, task)}.max_length: {length} tokens, but "
                        f"{name} reads at most {most}: inputs of longer prompts are cut, and "
                        "counted in cost.json"
                    )

    def _encoder_problems(self) -> Iterator[str]:
        settings = self._study.settings.bertscore
        if settings is None or not any(map(self._study.is_generation, self._study.test_tasks)):
            return
        encoder, path = settings.encoder, f"{self._path}.bertscore"
        architecture = self.architecture(encoder)
        depth = None if architecture is None else architecture.depth
        # One that was chosen for the encoder, or that bert-score knows of it.
        chosen = "layer" in settings.model_fields_set
        if depth is not None and settings.layer > depth:
            has = f"{encoder} has {depth} layers"
            yield f"{path}.layer: {settings.layer}, but {has}: at most {depth}"
        elif depth is None and not (chosen or settings.layer in rescaling_baseline(encoder, "en")):
            default = f"the default {settings.layer} is that of roberta-large"
            yield f"{path}.layer: missing: {default}: set a layer of {encoder}, such as its last"
        if settings.rescale_language is not None:
            problem = rescaling_problem(encoder, settings.layer, settings.rescale_language)
            if problem is not None:
                yield f"{path}.rescale_language: {problem}"

    def _decoding(self, name: str, model: TransformersModel, task: str) -> str:
        """The section that a model's `max_length` for a task comes from."""
        settings = self._study.settings
        if model.decoding is not None and "max_length" in model.decoding.model_fields_set:
            return f"{self._path}.models.{name}.decoding"
        inherited = self._study.decoding(task).max_length == settings.decoding.max_length
        return f"{self._path}.{'decoding' if inherited else f'task_decoding.{task}'}"

    def _training(self, name: str, field: str) -> str:
        """The key of a model's training setting: its own, or the study's that it inherits."""
        own, shared = self._study.local_models[name].training, self._study.settings.training
        inherited = getattr(own, field) == getattr(shared, field)
        return f"{self._path}.{'' if inherited else f'models.{name}.'}training.{field}"


def files_of_base(study: Study, base: str) -> Path | None:
    """The directory of a base's files if all of them are there, as configured now.

    Raises:
        InputError: the manifest is invalid.
    """
    source, manifest = study.config.bases[base], Path(study.base(base))
    if isinstance(source, PathSource) and any(Path(source.path).glob("*.safetensors")):
        return Path(source.path)
    if not manifest.exists():
        return None
    made = read_model(manifest, BaseManifest)
    folder = made.location(manifest)
    # Weights of another source are fetched again.
    fetched = made.source == source and all((folder / name).exists() for name in made.files)
    return folder if fetched else None


def tabulated(study: Study, base: str) -> Architecture | None:
    """The architecture of a base by its row of architectures.csv, None if it has none.

    Raises:
        InputError: the file is missing or invalid.
    """
    row = study.architecture_row(base)
    return None if row is None else llama_architecture(row)
