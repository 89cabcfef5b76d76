"""What a study asks of the files that it names, checked before anything runs or is deleted."""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

from ecslm.common.errors import InputError, all_of
from ecslm.common.files import read_csv
from ecslm.common.text import nearest
from ecslm.config.models import RecordedModel, TransformersModel
from ecslm.models.architecture import (
    Architecture,
    adapter_problems,
    readable_tokens,
)
from ecslm.models.prompts import PromptTemplate
from ecslm.plan.comparisons import warn_of_idle_contrasts
from ecslm.plan.inputs import architecture, source_of
from ecslm.plan.study import Study
from ecslm.plan.tables import check_tables
from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.schemas.record import GivenRecord
from ecslm.scoring.settings import rescaling_baseline, rescaling_problem

log = logging.getLogger(__name__)

# Columns of study.csv beside those of tasks.
OTHERS = ("table", "model", "doubled")


def check_named_files(study: Study) -> None:
    """Check what the configuration says against the files that it names.

    Of contrasts that compare nothing, prompts that are going to be cut, and trainings beyond the
    window of a base that can read them, it only warns.

    Raises:
        InputError: all problems, a line each.
    """
    models = study.settings.models
    checks = _unfit_trainings, _unfit_encoder, _missing_answers, _wrong_scores
    templates = {study.template(name): model.shots for name, model in models.items() if model.run}
    try:
        all_of(
            source_of(study).check,
            lambda: check_tables(study),
            *(partial(_refuse, problems(study)) for problems in checks),
            *(partial(_check_template, path, shots) for path, shots in templates.items() if path),
        )
    except InputError as error:
        raise study.config.with_places(error) from None
    for warning in dict.fromkeys(_long_prompts(study)):
        log.warning("warning: %s", study.config.with_places(InputError(warning)))
    warn_of_idle_contrasts(study)


def _refuse(problems: Iterable[str]) -> None:
    if lines := list(problems):
        raise InputError(*lines)


def _known(study: Study) -> Iterator[tuple[str, TransformersModel, Architecture]]:
    """The models that run here and of whose bases something is known."""
    for name, model in study.local_models.items():
        if model.run and (known := architecture(study, model.base)):
            yield name, model, known


def _unfit_trainings(study: Study) -> Iterator[str]:
    """Target modules, ranks and lengths that do not fit a base, and budgets that need a GPU."""
    for name, model in study.local_models.items():
        automatic = model.training is not None and model.training.batch_tokens == "auto"
        if model.run and automatic and study.settings.device == "cpu":
            key = _training_key(study, name, "batch_tokens")
            yield f"{key}: auto measures the memory of a GPU: set a number for `device: cpu`"
    for name, model, known in _known(study):
        if (training := model.training) is not None:
            fitted = training.rank, training.target_modules, training.max_length
            for field, problem in adapter_problems(known, model.base, *fitted):
                yield f"{_training_key(study, name, field)}: {problem}"


def _training_key(study: Study, name: str, field: str) -> str:
    """The key of a model's training setting: its own, or the study's that it inherits."""
    own, shared = study.local_models[name].training, study.settings.training
    inherited = getattr(own, field) == getattr(shared, field)
    return f"studies.{study.name}.{'' if inherited else f'models.{name}.'}training.{field}"


def _long_prompts(study: Study) -> Iterator[str]:
    """Lengths beyond what a base reads well. Rotary positions have no end."""
    for name, model, known in _known(study):
        if model.training and known.window and model.training.max_length > known.window:
            yield (
                f"{_training_key(study, name, 'max_length')}: {model.training.max_length} tokens, "
                f"but {model.base} was trained on texts of at most {known.window}: answers to "
                "longer prompts may be poor"
            )
        decoded = [model.decoded(study.decoding(task)) for task in study.test_tasks]
        longest = max((one.max_length for one in decoded), default=0)
        training = study.adapted(name)
        trained = None if training is None else training.max_length
        if (most := readable_tokens(known, longest, trained)) < longest:
            yield (
                f"studies.{study.name}.models.{name}: {longest} tokens (`max_length` of its "
                f"decoding), but it reads at most {most}: inputs of longer prompts are cut, and "
                "counted in cost.json"
            )


def _unfit_encoder(study: Study) -> Iterator[str]:
    """A layer of the encoder of BERTScores that it lacks, or for which there is no baseline."""
    settings, path = study.settings.bertscore, f"studies.{study.name}.bertscore"
    if settings is None or not study.generation_tasks:
        return
    encoder, layer = settings.encoder, settings.layer
    known = architecture(study, encoder)
    # One that was chosen for the encoder, or that bert-score knows of it.
    chosen = "layer" in settings.model_fields_set or layer in rescaling_baseline(encoder, "en")
    if known is not None and known.depth is not None:
        if layer > known.depth:
            has = f"{encoder} has {known.depth} layers"
            yield f"{path}.layer: {layer}, but {has}: at most {known.depth}"
    elif not chosen:
        default = f"the default {layer} is that of roberta-large"
        yield f"{path}.layer: missing: {default}: set a layer of {encoder}, such as its last"
    language = settings.rescale_language
    if language is not None and (problem := rescaling_problem(encoder, layer, language)):
        yield f"{path}.rescale_language: {problem}"


def _missing_answers(study: Study) -> Iterator[str]:
    """Files of models' answers that are not where the configuration says."""
    for name, model in study.settings.models.items():
        if not isinstance(model, RecordedModel) or model.path is None or not model.run:
            continue
        every = (study.answer_files(name, task) for task in study.model_tasks(name))
        if missing := [path for path in chain(*every) if not Path(path).is_file()]:
            yield (
                f"studies.{study.name}.models.{name}.path: there is no {missing[0]}: put it there, "
                "or name what the model has in `settings` and `tasks`"
            )


def _wrong_scores(study: Study) -> Iterator[str]:
    """Columns of the published scores that no table can show, and values that are no scores."""
    path, tasks = study.published(PUBLISHED_SCORES), study.config.tasks
    rows = read_csv(Path(path), OTHERS, OTHERS[:2]) if path else []
    for column in sorted(rows[0].keys() - {*OTHERS, *tasks}) if rows else ():
        yield f"{path}: line 1: {column}: the column is of no task{nearest(column, tasks)}"
    for line, row in enumerate(rows, start=2):
        for task in row.keys() & {*tasks}:
            if row[task] and not _is_score(row[task], 2 if task in row["doubled"].split() else 1):
                yield (
                    f"{path}: line {line}: {task}: {row[task]} is no score: write a number from 0 "
                    "to 1, the best, with a point, or leave the field empty"
                )


def _is_score(text: str, most: int) -> bool:
    with suppress(ValueError):
        return 0 <= float(text) <= most
    return False


def _check_template(path: str, shots: int) -> None:
    """Refuse a template that cannot be rendered, or whose prompts do not show the input."""
    template = PromptTemplate(Path(path))
    shown = set()
    for text in ("one", "two"):
        fields = {"input": json.dumps({"text": text}), "options": ["A: first", "B: second"]}
        example = json.dumps({**fields, "output": "A"}) if shots else None
        given = GivenRecord(instruction="Choose.", few_shot_example=example, **fields)
        shown.add(template.render(given.record("task", "id"), shots))
    if len(shown) == 1:
        raise InputError(
            f"{path}: does not show the input of a record: write {{{{ input }}}} where it belongs"
        )
