"""What is wrong in a configuration: values that do not fit the schema, names that refer to nothing,
and entries that do not fit one another; each with its key and the nearest valid name."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from ecslm.common.errors import given, in_plain_words
from ecslm.common.text import nearest
from ecslm.comparisons.settings import BEST_SIMPLE
from ecslm.config.groups import sections
from ecslm.config.models import ModelSettings, OpenAIModel, RecordedModel, TransformersModel
from ecslm.config.schema import Config, StudySettings
from ecslm.schemas.fields import NO_SECRET, may_hold_secret
from ecslm.schemas.paths import SHARED
from ecslm.schemas.references import Part
from ecslm.schemas.task import BERTSCORE_METRICS, TaskSettings, has_example
from ecslm.tables.kinds.dataset import DatasetEntry
from ecslm.tables.kinds.results import ResultsEntry

# A key of a server by the names that people give it, and the sections where they put it.
SECRET = re.compile(r"(api_?|access_?|auth_?)?(key|token|secret|password)", re.IGNORECASE)
WITH_SECRETS = frozenset({"server", "serve", "access"})
# The type of an error that says all about a name that refers to nothing.
UNKNOWN_NAME = "unknown_name"

Json = dict[str, Any]


def schema_problems(error: ValidationError, schema: type[BaseModel]) -> list[str]:
    """The first problem of each key, with its dotted path, of an error of validating against
    `schema`."""
    problems: dict[str, str] = {}
    details, whole = error.errors(include_url=False), schema.model_json_schema()
    for detail in details:
        # pydantic does not count invalid items, so it also reports that their list is too short.
        if detail["type"] == "too_short" and any(
            other["loc"][:-1][: len(detail["loc"])] == detail["loc"] for other in details
        ):
            continue
        keys, fields = _walk(detail["loc"], whole)
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
        problems.setdefault(path, f"{path}: {message}")
    return list(problems.values())


def _walk(location: Sequence[int | str], schema: Json) -> tuple[list[str], list[str]]:
    """The keys of an error's location, without what pydantic puts between them, and the fields of
    the section that holds the last key."""
    keys: list[str] = []
    fields: list[str] = []
    forms = [schema]
    for part in location:
        # The tag of one of the forms of a section, or the mark of a key that is itself invalid.
        tagged = [form for form in forms if len(forms) > 1 and part in _constants(form)]
        if tagged or part == "[key]":
            forms = tagged
            continue
        keys.append(str(part))
        fields = [name for form in forms for name in form.get("properties", ())]
        forms = [
            form
            for section in forms
            for inner in _inside(section, part)
            for form in _forms(inner, schema.get("$defs", {}))
        ]
    return keys, fields


def _constants(form: Json) -> set[Any]:
    return {field.get("const") for field in form.get("properties", {}).values()}


def _inside(form: Json, part: int | str) -> list[Json]:
    """The schemas of what a section or a list may hold at a key or an index."""
    if part in form.get("properties", ()):
        return [form["properties"][part]]
    named = (*form.get("patternProperties", {}).values(), form.get("additionalProperties"))
    items = (*form.get("prefixItems", ())[:1], form.get("items"))
    return [one for one in (*named, *items) if isinstance(one, dict)]


def _forms(schema: Json, definitions: Json) -> list[Json]:
    """The schemas of which a value must fit one."""
    if "$ref" in schema:
        return _forms(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    inner = [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
    return [form for one in inner for form in _forms(one, definitions)] if inner else [schema]


class Names:
    """The context of the validation of a configuration: what names in it may refer to.

    They are those of the configuration as read, so that an entry that is wrong is no unknown one.
    """

    def __init__(self, raw: Mapping[str, Any], templates: Path) -> None:
        """
        Args:
            templates: the directory of the prompt templates.
        """
        self._valid: dict[Part, Collection[str]] = {
            "studies": _names(raw, "studies"),
            "registered tasks": _names(raw, "tasks"),
            "bases": _names(raw, "bases"),
            "templates": [file.stem for file in templates.glob("*.jinja")],
        }

    def enter(self, study: Any) -> None:
        """What follows is in this study, as read."""
        models = sections(study, "models")
        contrasts = sections(study, "comparisons", "contrasts")
        compared = [*_names(study, "models"), *_names(study, "baselines"), BEST_SIMPLE]
        settings = _names(study, "settings")
        self._valid |= {
            "tasks": _names(study, "tasks"),
            "models": _names(study, "models"),
            "models with a base": [
                name for name, one in models.items() if "base" in one and one.get("run", True)
            ],
            "tuned models": [name for name, one in models.items() if "training" in one],
            "baselines": _names(study, "baselines"),
            "models and baselines": compared,
            "settings": settings,
            "settings of records": [*settings, *_names(study, "train_setting")],
            "contrasts": list(contrasts),
            "contrasts of settings": [
                name for name, one in contrasts.items() if one.get("kind") == "settings"
            ],
        }

    def __call__(self, part: Part, name: str) -> None:
        """
        Raises:
            PydanticCustomError: the name refers to nothing.
        """
        if name not in (valid := self._valid[part]):
            told = {"problem": f"{name} is not in {part}{nearest(name, valid)}"}
            raise PydanticCustomError(UNKNOWN_NAME, "{problem}", told)


def _names(section: Any, key: str) -> list[str]:
    """The names that stand below a key: keys of a section, items of a list, or the value."""
    found = section.get(key) if isinstance(section, dict) else None
    return [str(one) for one in (found if isinstance(found, dict | list) else [found])]


def unfit(config: Config) -> Iterator[str]:
    """A line for each entry of a valid configuration that does not fit others; it begins with the
    key."""
    for name, study in config.studies.items():
        path, tasks = f"studies.{name}", {one: config.tasks[one] for one in study.tasks}
        if name in SHARED:
            yield f"{path}: is the name of a directory that studies share: rename the study"
        yield from _study(path, study, tasks)
        for one, model in study.models.items():
            yield from _model(f"{path}.models.{one}", one, model, study, tasks)


def _study(path: str, study: StudySettings, tasks: Mapping[str, TaskSettings]) -> Iterator[str]:
    generates = [one for one, task in tasks.items() if task.metric in BERTSCORE_METRICS]
    if study.bertscore is None and generates:
        yield f"{path}.bertscore: missing: {', '.join(generates)} is scored with it"
    with_base = any(model.base for model in study.models.values())
    for name, table in study.tables.items():
        if isinstance(table, DatasetEntry) and not with_base:
            yield f"{path}.tables.{name}: needs a model with a base, whose tokenizer counts tokens"
        if isinstance(table, ResultsEntry):
            for row in table.competitors:
                model = study.models.get(row)
                if model is not None and model.limits():
                    fix = "does not compete: its answers are limited to valid ones"
                    yield f"{path}.tables.{name}.competitors: {row} {fix}"
    of_tasks = {f"task_decoding.{task}": one for task, one in study.task_decoding.items()}
    for where, one in {"decoding": study.decoding, **of_tasks}.items():
        if one.max_length <= (answer := one.max_new_tokens):
            least = f"should be greater than the {answer} tokens of max_new_tokens"
            yield f"{path}.{where}.max_length: {least}, not {one.max_length}"
    labels = study.data.labels
    if labels and labels.url and labels.sha256 is None:
        yield f"{path}.data.labels.sha256: missing: needed to verify the file from `url`"
    if labels and may_hold_secret(labels.url or ""):
        yield f"{path}.data.labels.url: {NO_SECRET}"


def _model(
    path: str,
    name: str,
    model: ModelSettings,
    study: StudySettings,
    tasks: Mapping[str, TaskSettings],
) -> Iterator[str]:
    if name in study.baselines:
        yield f"{path}: is also the name of a baseline: rename the model"
    if model.shots and model.tuned:
        yield f"{path}.shots: training records have no examples: a tuned model has `shots: 0`"
    if model.shots and not any(map(has_example, study.settings)):
        yield f"{path}.shots: 1 needs the 1-shot settings among the study's `settings`"
    if not any(model.suits(task.answer) for task in tasks.values()):
        yield f"{path}.answers: the study has no task whose answers can be limited in this way"
    if isinstance(model, RecordedModel) and model.published and study.answers is None:
        yield f"{path}.published: the study has no `answers`, among which they are"
    if isinstance(model, TransformersModel | OpenAIModel) and model.seeds != (0,):
        adapted = isinstance(model, TransformersModel) and (model.tuned or model.adapter_of)
        own, shared = model.decoding, (study.decoding, *study.task_decoding.values())
        deciding = (own,) if own and "sample" in own.model_fields_set else shared
        if not adapted and not any(one.sample for one in deciding):
            yield f"{path}.seeds: an untuned model with greedy decoding has the single seed 0"
    if isinstance(model, OpenAIModel) and model.exported:
        other = study.models[model.exported]
        if not other.run or other.template != model.template:
            yield f"{path}.exported: should be a tuned model that is run, of the same `template`"
    if isinstance(model, TransformersModel):
        open_forms = [
            code for code, task in tasks.items() if task.answer == "choice" and not task.option
        ]
        for code in open_forms if model.answers == "likelihood" else ():
            form = "letter or text, as right answers are; `answers: likelihood` needs it"
            yield f"tasks.{code}.option: missing: {form}"
        if model.adapter_of:
            other = study.models[model.adapter_of]
            if model.tuned or not (other.tuned and other.run):
                whose = "should be a tuned model that is run, and the model have no `training`"
                yield f"{path}.adapter_of: {whose}"
            if not {*model.seeds} <= {*other.seeds}:
                yield f"{path}.seeds: {model.adapter_of} has no adapters of all of them"
