"""What is wrong in a configuration: values that do not fit the schema, and entries that do not fit
one another; each with its key and the nearest valid name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ecslm.common.errors import given, in_plain_words
from ecslm.common.text import nearest
from ecslm.config.models import ModelSettings, OpenAIModel, RecordedModel, TransformersModel
from ecslm.config.schema import Config, StudySettings
from ecslm.schemas.fields import NO_SECRET, may_hold_secret
from ecslm.schemas.paths import SHARED
from ecslm.schemas.references import UNKNOWN_NAME
from ecslm.schemas.task import BERTSCORE_METRICS, TaskSettings
from ecslm.tables.kinds.dataset import DatasetEntry

# A key of a server by the names that people give it, and the sections where they put it.
SECRET = re.compile(r"(api_?|access_?|auth_?)?(key|token|secret|password)", re.IGNORECASE)
WITH_SECRETS = frozenset({"server", "serve", "access"})


def schema_problems(error: ValidationError) -> list[str]:
    """The first problem of each key, with its dotted path, of an error of validating `Config`."""
    problems: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        keys, fields = _walk(detail["loc"])
        if detail["type"] == UNKNOWN_NAME:
            message = detail["msg"]
        elif detail["type"] != "extra_forbidden":
            hidden = WITH_SECRETS.intersection(keys)
            message = f"{in_plain_words(detail)}{'' if hidden else given(detail)}"
        elif SECRET.fullmatch(keys[-1]):
            message = "unknown key: name the variable that holds it in `access: {key: VARIABLE}`"
        else:
            message = f"unknown key{nearest(keys[-1], fields)}"
        path = ".".join(keys)
        # pydantic does not count invalid items, so it also reports that their list is too short.
        if detail["type"] != "too_short" or not any(one.startswith(f"{path}.") for one in problems):
            problems.setdefault(path, f"{path}: {message}")
    return list(problems.values())


def _walk(location: Sequence[int | str]) -> tuple[list[str], list[str]]:
    """The keys of an error's location, without what pydantic puts between them, and the fields of
    the section that holds the last key."""
    keys: list[str] = []
    fields: list[str] = []
    sections: list[type[BaseModel]] = [Config]
    for part in location:
        # The tag of one of the forms of a section, or the mark of a key that is itself invalid.
        tagged = [form for form in sections if len(sections) > 1 and part in _constants(form)]
        if tagged or part == "[key]":
            sections = tagged
            continue
        keys.append(str(part))
        fields = [name for form in sections for name in form.model_fields]
        if held := [form.model_fields[part] for form in sections if part in form.model_fields]:
            sections = [section for field in held for section in _sections(field.annotation)]
    return keys, fields


def _constants(form: type[BaseModel]) -> set[Any]:
    """The only values that fields of a section may have."""
    values = (get_args(field.annotation) for field in form.model_fields.values())
    return {one[0] for one in values if len(one) == 1}


def _sections(of: Any) -> Iterator[type[BaseModel]]:
    """The classes that a type is made of."""
    if isinstance(of, type) and issubclass(of, BaseModel):
        yield of
    for part in get_args(of):
        yield from _sections(part)


def unfit(config: Config) -> Iterator[str]:
    """A line for each entry of a valid configuration that does not fit others; it begins with the
    key."""
    for name, study in config.studies.items():
        path, tasks = f"studies.{name}", {one: config.tasks[one] for one in study.tasks}
        if name in SHARED:
            yield f"{path}: is the name of a directory that studies share: rename the study"
        generates = [one for one, task in tasks.items() if task.metric in BERTSCORE_METRICS]
        if study.bertscore is None and generates:
            yield f"{path}.bertscore: missing: {', '.join(generates)} is scored with it"
        with_base = any(model.base for model in study.models.values())
        for table, entry in study.tables.items():
            if isinstance(entry, DatasetEntry) and not with_base:
                needed = "a model with a base, whose tokenizer counts tokens"
                yield f"{path}.tables.{table}: needs {needed}"
        of_tasks = {f"task_decoding.{task}": one for task, one in study.task_decoding.items()}
        for where, one in {"decoding": study.decoding, **of_tasks}.items():
            if one.max_length <= (answer := one.max_new_tokens):
                least = f"should be greater than the {answer} tokens of max_new_tokens"
                yield f"{path}.{where}.max_length: {least}, not {one.max_length}"
        labels = study.data.labels
        if labels and labels.url and (labels.sha256 is None or may_hold_secret(labels.url)):
            yield f"{path}.data.labels.url: needs `sha256` to verify the file, and {NO_SECRET}"
        for model, own in study.models.items():
            if model in study.baselines:
                yield f"{path}.models.{model}: is also the name of a baseline: rename the model"
            if not any(own.answered(code, task, study.settings) for code, task in tasks.items()):
                what = "no task and setting of the study are answered by such a model"
                yield f"{path}.models.{model}: {what}"
            for line in _model(own, study, tasks):
                yield f"{path}.models.{model}.{line}"


def _model(
    model: ModelSettings, study: StudySettings, tasks: Mapping[str, TaskSettings]
) -> Iterator[str]:
    """The keys of a model that do not fit its study, each with what is wrong."""
    if isinstance(model, RecordedModel) and model.published and study.answers is None:
        yield "published: the study has no `answers`, among which they are"
    if isinstance(model, TransformersModel | OpenAIModel) and model.seeds != (0,):
        own, shared = model.decoding, (study.decoding, *study.task_decoding.values())
        deciding = (own,) if own and "sample" in own.model_fields_set else shared
        if not (model.tuned or model.adapter_of or any(one.sample for one in deciding)):
            yield "seeds: an untuned model with greedy decoding has the single seed 0"
    if (other := model.adapter_of) and not {*model.seeds} <= {*study.models[other].seeds}:
        yield f"seeds: {other} has no adapters of all of them"
    served = isinstance(model, OpenAIModel) and model.exported
    if served and study.models[served].template != model.template:
        yield f"template: {served}, which is served, has another"
    if isinstance(model, TransformersModel) and model.answers == "likelihood":
        choices = [code for code, task in tasks.items() if task.answer == "choice"]
        if unknown := [code for code in choices if tasks[code].option is None]:
            how = "as right answers are: letter or text"
            yield f"answers: likelihood needs `option` of the tasks {', '.join(unknown)}, {how}"
