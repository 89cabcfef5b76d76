"""What is wrong in a configuration: values that do not fit the schema, names that refer to nothing,
and entries that do not fit one another; each with its key and the nearest valid name."""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from ecslm.common.errors import given, in_plain_words
from ecslm.common.text import nearest, shown
from ecslm.comparisons.settings import BEST_SIMPLE
from ecslm.config.models import ModelSettings, OpenAIModel, RecordedModel, TransformersModel
from ecslm.config.schema import Config, StudySettings
from ecslm.prediction.settings import DecodingSettings
from ecslm.schemas.fields import NO_SECRET, may_hold_secret
from ecslm.schemas.paths import SHARED
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import BERTSCORE_METRICS, TaskSettings, has_example
from ecslm.training.settings import TrainingSettings

# A key of a server by the names that people give it, and the sections where they put it.
SECRET = re.compile(r"(api_?|access_?|auth_?)?(key|token|secret|password)", re.IGNORECASE)
WITH_SECRETS = frozenset({"server", "access"})
# Keys of what is asked for elsewhere, as an argument of a command or a part of an address.
ASKED_FOR = frozenset({"id", "package", "revision", "version"})
# These and keys of files and folders must say something.
NEEDED = ASKED_FOR | {"archive", "path", "published_numbers", "url", "weights"}
# The type of an error that says all about a name that refers to nothing.
UNKNOWN_NAME = "unknown_name"
# Control characters, and halves of characters.
NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

Json = dict[str, Any]


def schema_problems(error: ValidationError, schema: type[BaseModel]) -> dict[tuple[str, ...], str]:
    """The first problem of each key, by its path, of an error of validating against `schema`."""
    problems: dict[tuple[str, ...], str] = {}
    details = error.errors(include_url=False)
    whole = schema.model_json_schema()
    for detail in details:
        # pydantic does not count invalid items, so it also reports that their list is too short.
        if detail["type"] == "too_short" and any(
            other["loc"][:-1][: len(detail["loc"])] == detail["loc"] for other in details
        ):
            continue
        keys, fields = _walk(detail["loc"], whole)
        if detail["type"] == "extra_forbidden" and _may_be_secret(keys):
            message = "unknown key: name the variable that holds it in `access: {key: VARIABLE}`"
        elif detail["type"] == "extra_forbidden":
            message = f"unknown key{nearest(keys[-1], fields)}"
        elif detail["type"].startswith("union_tag"):
            keys.append(detail["ctx"]["discriminator"].strip("'"))
            message = _wrong_tag(keys[-1], detail)
        elif detail["type"] == UNKNOWN_NAME:
            message = detail["msg"]
        else:
            hidden = WITH_SECRETS.intersection(keys)
            message = f"{in_plain_words(detail)}{'' if hidden else given(detail)}"
        problems.setdefault(tuple(keys), message)
    return problems


def _may_be_secret(keys: Sequence[str]) -> bool:
    return "models" in keys and SECRET.fullmatch(keys[-1]) is not None


def _wrong_tag(key: str, detail: Any) -> str:
    """A section whose kind is missing or unknown."""
    if detail["type"] == "union_tag_not_found":
        return "missing"
    valid = [tag.strip(" '") for tag in detail["ctx"]["expected_tags"].split(",")]
    return f"unknown {key} {detail['ctx']['tag']}{nearest(detail['ctx']['tag'], valid)}"


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


def value_problems(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The dotted path and the problem of each value that no key may have, whatever its schema."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from value_problems(inner, f"{path}.{key}" if path else str(key))
    elif problem := _value_problem(value, path.rpartition(".")[2]):
        yield path, problem


def _value_problem(value: Any, key: str) -> str:
    match value:
        case float() if not math.isfinite(value):
            return f"should be a number, not {value}"
        case str() if key in NEEDED and not value.strip():
            return "is empty"
        case str() if key in ASKED_FOR and value.startswith("-"):
            return f"begins with -, as options of commands do: {shown(value)}"
        case str() if NO_TEXT.search(value):
            return "has a control character: remove it"
    return ""


def reference_problems(
    config: Config, raw: Mapping[str, Any], templates: Path, lost: Collection[str]
) -> Iterator[str]:
    """A line for each problem of a configuration that is valid by its schema; it begins with the
    key.

    Args:
        raw: the configuration before its validation.
        templates: the directory of the prompt templates.
        lost: names of entries that are not in the configuration since they are invalid.
    """
    if not templates.is_dir():
        yield f"{templates}: no such directory: run this in the project's directory"
        return
    yield from _shared_aliases(config.tasks)
    if config.study not in config.studies and config.study not in lost:
        yield f"study: {_unknown(config.study, 'studies', config.studies)}"
    for base in config.licenses:
        if base not in config.bases and base not in lost:
            yield f"licenses: {_unknown(base, 'bases', config.bases)}"
    for name, study in config.studies.items():
        path = f"studies.{name}"
        valid = _valid_names(config, study, templates)
        yield from _unknown_names(path, study, raw["studies"][name], valid, lost)
        if name in SHARED:
            yield f"{path}: is the name of a directory that studies share: rename the study"
        tasks = {one: config.tasks[one] for one in study.tasks if one in config.tasks}
        yield from _study(path, study, tasks, lost)
        for one, model in study.models.items():
            yield from _model(f"{path}.models.{one}", one, model, study, tasks)


# Where a name must be, in words, and the names that are there.
Valid = tuple[str, Collection[str]]


def _unknown(name: str, where: str, valid: Collection[str]) -> str:
    """What is wrong with a name that refers to nothing."""
    return f"{name} is not in {where}{nearest(name, valid)}"


def _unknown_names(
    path: str,
    study: StudySettings,
    raw: Mapping[str, Any],
    valid: Mapping[str, Valid],
    lost: Collection[str],
) -> Iterator[str]:
    """Names in a study, as read, that refer to nothing."""

    def check(part: str, name: str) -> None:
        if name not in valid[part][1] and name not in lost:
            told = {"problem": _unknown(name, *valid[part])}
            raise PydanticCustomError(UNKNOWN_NAME, "{problem}", told)

    yield from _invalid(path, raw, StudySettings, check)
    for key, one in _contrasts(study).items():
        of_settings = one.kind == "settings"
        field, others = ("models", one.models) if of_settings else ("settings", one.settings)
        compared = "settings" if of_settings else "compared"
        every = {"pairs": (compared, chain(*one.pairs)), field: (field, others)}
        for name_of, (part, names) in every.items():
            for name in names:
                if name not in valid[part][1] and name not in lost:
                    where = f"{path}.comparisons.contrasts.{key}.{name_of}"
                    yield f"{where}: {_unknown(name, *valid[part])}"


def _contrasts(study: StudySettings) -> Mapping[str, Any]:
    return {} if study.comparisons is None else study.comparisons.contrasts


def _valid_names(config: Config, study: StudySettings, templates: Path) -> Mapping[str, Valid]:
    contrasts = _contrasts(study)
    of_settings = [name for name, one in contrasts.items() if one.kind == "settings"]
    tuned = [name for name, model in study.models.items() if model.tuned]
    return {
        "registered tasks": ("tasks", config.tasks),
        "bases": ("bases", config.bases),
        "templates": (str(templates), [file.stem for file in templates.glob("*.jinja")]),
        "tasks": ("the study's tasks", study.tasks),
        "models": ("the study's models", study.models),
        "tuned models": ("the study's tuned models", tuned),
        "baselines": ("the study's baselines", study.baselines),
        "compared": ("the study's models", (*study.models, *study.baselines, BEST_SIMPLE)),
        "settings": ("the study's settings", study.settings),
        "settings of records": ("the study's settings", (*study.settings, study.train_setting)),
        "contrasts": ("the study's contrasts", contrasts),
        "contrasts of settings": ("the study's contrasts of `kind: settings`", of_settings),
    }


def _study(
    path: str, study: StudySettings, tasks: Mapping[str, TaskSettings], lost: Collection[str]
) -> Iterator[str]:
    generates = [one for one, task in tasks.items() if task.metric in BERTSCORE_METRICS]
    if study.bertscore is None and generates and "bertscore" not in lost:
        yield f"{path}.bertscore: missing: {', '.join(generates)} is scored with it"
    with_base = [name for name, model in study.models.items() if model.base is not None]
    named = study.described_with
    if named in study.models and not (named in with_base and study.models[named].run):
        fix = nearest(named, [name for name in with_base if study.models[name].run])
        yield f"{path}.described_with: {named} is not run, or has no base with a tokenizer{fix}"
    for name, table in study.tables.items():
        if table.kind == "dataset" and not with_base:
            yield (
                f"{path}.tables.{name}: shows lengths in tokens, but none of the study's models "
                "has a base, whose tokenizer is needed: leave the table out"
            )
        if table.kind == "results":
            yield from _competing(f"{path}.tables.{name}", table, study)
    labels = study.data.labels
    if labels and labels.url and labels.sha256 is None:
        yield f"{path}.data.labels.sha256: missing: needed to verify the file from `url`"
    if labels and may_hold_secret(labels.url or ""):
        yield f"{path}.data.labels.url: {NO_SECRET}"
    models = [model for model in study.models.values() if isinstance(model, TransformersModel)]
    if any(model.answers == "likelihood" for model in models):
        for name, task in tasks.items():
            if task.answer == "choice" and task.option is None:
                yield (
                    f"tasks.{name}.option: missing: letter or text, as right answers are; "
                    "models with `answers: likelihood` need it"
                )
    sections = {"decoding": study.decoding} | {
        f"task_decoding.{task}": section for task, section in study.task_decoding.items()
    }
    for name, section in sections.items():
        yield from _unfit(f"{path}.{name}", section, DecodingSettings)


def _competing(path: str, table: Any, study: StudySettings) -> Iterator[str]:
    """Rows that would compete although their answers are limited."""
    for row in table.competitors:
        model = study.models.get(row)
        if model is not None and model.limits() is not None:
            fix = "does not compete: its answers are limited to valid ones"
            yield f"{path}.competitors: {row} {fix}"


def _unfit(path: str, settings: Closed, schema: type[Closed]) -> Iterator[str]:
    """Keys that do not fit one another, now that those of several sections are together."""
    yield from _invalid(path, settings.model_dump(), schema)


def _invalid(
    path: str, raw: Mapping[str, Any], schema: type[Closed], context: Any = None
) -> Iterator[str]:
    try:
        schema.model_validate(raw, context=context)
    except ValidationError as error:
        for keys, message in schema_problems(error, schema).items():
            yield f"{'.'.join((path, *keys))}: {message}"


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
    if tasks and not any(model.suits(task.answer) for task in tasks.values()):
        yield f"{path}.answers: the study has no task whose answers can be limited in this way"
    if isinstance(model, RecordedModel) and model.published and study.answers is None:
        yield f"{path}.published: the study has no `answers`, among which they are"
    if isinstance(model, TransformersModel | OpenAIModel):
        yield from _idle_seeds(path, model, study)
    if isinstance(model, TransformersModel):
        if model.training is not None:
            yield from _unfit(f"{path}.training", model.training, TrainingSettings)
            if tasks and not any(task.train for task in tasks.values()):
                yield f"{path}.training: none of the study's tasks has `train: true`"
        if model.decoding is not None:
            together = map(model.decoded, (study.decoding, *study.task_decoding.values()))
            found = (_unfit(f"{path}.decoding", one, DecodingSettings) for one in together)
            yield from dict.fromkeys(chain(*found))
        if model.adapter_of in study.models:
            yield from _adapter(path, model, model.adapter_of, study.models[model.adapter_of])


def _adapter(path: str, model: TransformersModel, name: str, other: ModelSettings) -> Iterator[str]:
    """A model that cannot use the adapters of another."""
    if model.tuned:
        yield f"{path}.adapter_of: has `training`, thus adapters of its own: leave one of them out"
    if not (other.tuned and other.run):
        yield f"{path}.adapter_of: {name} is not tuned, or not run: it has no adapters"
    for key in ("base", "template", "precision"):
        if getattr(model, key) != getattr(other, key, None):
            yield f"{path}.{key}: is not that of {name}, whose adapters it uses"
    if missing := [str(seed) for seed in model.seeds if seed not in other.seeds]:
        yield f"{path}.seeds: {name} has no adapter of seed {', '.join(missing)}"


def _idle_seeds(
    path: str, model: TransformersModel | OpenAIModel, study: StudySettings
) -> Iterator[str]:
    """Seeds of a model that draws nothing."""
    adapted = isinstance(model, TransformersModel) and (model.tuned or model.adapter_of)
    sampled = any(one.sample for one in (study.decoding, *study.task_decoding.values()))
    if model.decoding is not None and "sample" in model.decoding.model_fields_set:
        sampled = model.decoding.sample
    if not adapted and not sampled and model.seeds != (0,):
        yield f"{path}.seeds: an untuned model with greedy decoding has the single seed 0"


def _shared_aliases(tasks: Mapping[str, TaskSettings]) -> Iterator[str]:
    """Names by which the data's rows would be of several tasks."""
    owners = {code: code for code in tasks}
    for code, task in tasks.items():
        for alias in dict.fromkeys(task.aliases):
            if (owner := owners.setdefault(alias, code)) != code:
                key = f"tasks.{owner}" if owner == alias else f"tasks.{owner}.aliases"
                yield (
                    f"tasks.{code}.aliases: {alias} is a name of `{key}` too, and a row has one "
                    "task: remove it from one of them"
                )
