"""What a study asks of the files that it names, checked before anything runs or is deleted."""

import json
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from ecslm.common.errors import InputError, all_of, refuse
from ecslm.models.architecture import (
    Architecture,
    llama_architecture,
    read_architecture,
    unknown_targets,
)
from ecslm.models.prompts import PromptTemplate
from ecslm.plan.inputs import files_of_base, source_of
from ecslm.plan.study import Study
from ecslm.plan.tables import check_tables
from ecslm.schemas.record import GivenRecord
from ecslm.scoring.settings import rescaling_problem


def check_named_files(study: Study) -> None:
    """Check what the configuration says against the files that it names.

    Raises:
        InputError: all problems, a line each.
    """
    run = {name: one for name, one in study.settings.models.items() if one.run}
    asked = dict.fromkeys((study.template(name), one.shots) for name, one in run.items())
    try:
        all_of(
            source_of(study).check,
            partial(check_tables, study),
            lambda: refuse([*_unfit_to_bases(study), *_missing_answers(study)]),
            *(partial(_check_template, path, shots) for path, shots in asked if path),
        )
    except InputError as error:
        raise study.content.located(error) from None


def _unfit_to_bases(study: Study) -> Iterator[str]:
    """Settings of adapters and of BERTScores that do not fit their base, as far as it is known:
    jobs would say so after hours."""

    def known(base: str) -> Architecture | None:
        if folder := files_of_base(study, base):
            return read_architecture(folder)
        row = study.architecture_row(base)
        return None if row is None else llama_architecture(row)

    path = f"studies.{study.name}"
    for name, model in study.local_models.items():
        training = model.training
        if training and model.run and (found := known(model.base)):
            for problem in unknown_targets(found, model.base, training.target_modules):
                yield f"{path}.models.{name}.training.{problem}"
    settings = study.settings.bertscore
    if settings is None or not study.generation_tasks:
        return
    encoder, layer, language = settings.encoder, settings.layer, settings.rescale_language
    found = known(encoder)
    if found and found.depth and layer > found.depth:
        yield f"{path}.bertscore.layer: {layer}, but {encoder} has {found.depth} layers"
    if language and (wrong := rescaling_problem(encoder, layer, language)):
        yield f"{path}.bertscore.rescale_language: {wrong}"


def _missing_answers(study: Study) -> Iterator[str]:
    """Files of models' answers that are not where the configuration says."""
    for name in study.settings.models:
        files = chain(*(study.answer_files(name, task) for task in study.model_tasks(name)))
        # Published ones are fetched.
        own = (path for path in files if not path.startswith(f"{study.results}/"))
        if missing := [path for path in own if not Path(path).is_file()]:
            fix = "put it there, or name what the model has in `settings` and `tasks`"
            yield f"studies.{study.name}.models.{name}.path: there is no {missing[0]}: {fix}"


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
