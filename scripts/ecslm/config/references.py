"""Checks of the references in a configuration: names that refer to nothing."""

import difflib
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from ecslm.common.text import nearest
from ecslm.comparisons.settings import BEST_SIMPLE
from ecslm.config.labels import label_problems
from ecslm.data.relevance import LABELLED_SETTINGS
from ecslm.prediction.backend import DEFAULT
from ecslm.prediction.settings import DecodingSettings
from ecslm.prediction.transformers_settings import ANSWERED
from ecslm.schemas.paths import SHARED
from ecslm.schemas.task import BERTSCORE_METRICS, has_example
from ecslm.tables.kind import table_kinds
from ecslm.tables.references import Part, names_in


def reference_problems(raw: Mapping[str, Any], templates: Path) -> list[str]:
    """A line for each name that refers to nothing. Other problems are reported by the schema.

    `templates` is the directory of the prompt templates.
    """
    if not templates.is_dir():
        return [f"{templates}: no such directory: run this in the project's directory"]
    return list(_references(raw, templates))


def _references(raw: Mapping[str, Any], templates: Path) -> Iterator[str]:
    studies, bases, tasks = (_mapping(raw.get(key)) for key in ("studies", "bases", "tasks"))
    yield from _known(raw.get("study"), studies, "study", "studies")
    for name in sorted(studies.keys() & SHARED):
        yield f"studies.{name}: is the name of a directory that studies share: rename the study"
    for name in _mapping(raw.get("licenses")):
        yield from _known(name, bases, "licenses", "bases")
    for name, study in studies.items():
        yield from _study_references(f"studies.{name}", _mapping(study), bases, tasks, templates)


def _study_references(
    path: str,
    study: Mapping[str, Any],
    bases: Mapping[str, Any],
    tasks: Mapping[str, Any],
    templates: Path,
) -> Iterator[str]:
    own_tasks = _names(study.get("tasks"))
    for task in own_tasks:
        yield from _known(task, tasks, f"{path}.tasks", "tasks")
    for section in ("tasks", "settings"):
        names = _names(study.get(section))
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{path}.{section}: {name} is listed twice"
    for task in _mapping(study.get("task_decoding")):
        yield from _known(task, tasks, f"{path}.task_decoding", "tasks")
    encoder = _mapping(study.get("bertscore"))
    yield from _known(encoder.get("encoder"), bases, f"{path}.bertscore.encoder", "bases")
    generates = [
        task for task in own_tasks if _mapping(tasks.get(task)).get("metric") in BERTSCORE_METRICS
    ]
    if generates and not encoder:
        yield f"{path}.bertscore: missing: {', '.join(generates)} is scored with it"
    models = _mapping(study.get("models"))
    yield from _known(study.get("described_with"), models, f"{path}.described_with", "models")
    described = study.get("described_with")
    if _mapping(models.get(str(described))).get("run") is False:
        yield f"{path}.described_with: {described} is not run"
    yield from _undescribed(path, study)
    for name in _mapping(study.get("architectures")):
        yield from _known(name, bases, f"{path}.architectures", "bases")
    entries = {task: _mapping(tasks.get(task)) for task in own_tasks}
    yield from _data_references(path, study, entries)
    for name, entry in entries.items():
        if "option" not in entry and entry.get("answer") == "choice" and _by_likelihood(models):
            yield (
                f"tasks.{name}.option: missing: letter or text, as right answers are; models with "
                "`answers: likelihood` need it"
            )
    decoding = (study.get("decoding"), *_mapping(study.get("task_decoding")).values())
    sampled = any(_mapping(section).get("sample") for section in decoding)
    for name, model in _mapping(study.get("models")).items():
        yield from _model_references(f"{path}.models.{name}", _mapping(model), bases, templates)
        own = _mapping(model)
        tuned = "training" in own
        yield from _adapter_problems(f"{path}.models.{name}", own, models)
        types = {str(_mapping(tasks.get(task)).get("answer")) for task in own_tasks}
        yield from _limit_problems(f"{path}.models.{name}", str(name), own, types)
        if tuned and not any(_mapping(tasks.get(task)).get("train", True) for task in own_tasks):
            yield f"{path}.models.{name}.training: none of the study's tasks has `train: true`"
        if own.get("shots") == 1:
            yield from _shot_problems(f"{path}.models.{name}", tuned, _names(study.get("settings")))
        yield from _decoding_problems(f"{path}.models.{name}.decoding", own, study)
        own_sample = _mapping(own.get("decoding")).get("sample", sampled)
        adapted = tuned or "adapter_of" in own
        if not adapted and not own_sample and own.get("seeds", [0]) not in ([0], (0,)):
            yield (
                f"{path}.models.{name}.seeds: an untuned model with greedy decoding has the "
                "single seed 0"
            )
        for section in ("tasks", "settings"):
            valid = dict.fromkeys(_names(study.get(section)))
            for one in _names(own.get(section)):
                where = f"{path}.models.{name}.{section}"
                yield from _known(one, valid, where, f"the study's {section}")
        if "published" in own and "path" not in own and not study.get("answers"):
            yield f"{path}.answers: missing: {name} has `published`"
        if name in _names(study.get("baselines")):
            yield f"{path}.models.{name}: is also the name of a baseline: rename the model"
    for name in _names(_mapping(study.get("export")).get("models")):
        yield from _known(name, models, f"{path}.export.models", "the study's models")
        if name in models and "training" not in _mapping(models[name]):
            yield f"{path}.export.models: {name} is not tuned: it has no adapter to merge"
    yield from _contrast_references(f"{path}.comparisons.contrasts", study)
    for name, table in _mapping(study.get("tables")).items():
        yield from _table_references(f"{path}.tables.{name}", _mapping(table), study)


def _adapter_problems(
    path: str, own: Mapping[str, Any], models: Mapping[str, Any]
) -> Iterator[str]:
    """A model that cannot use the adapters of another."""
    name = own.get("adapter_of")
    if not isinstance(name, str):
        return
    yield from _known(name, models, f"{path}.adapter_of", "the study's models")
    if "training" in own:
        yield f"{path}.adapter_of: has `training`, thus adapters of its own: leave one of them out"
    if name not in models:
        return
    other = _mapping(models[name])
    if "training" not in other:
        yield f"{path}.adapter_of: {name} is not tuned: it has no adapters"
    if other.get("run") is False:
        yield f"{path}.adapter_of: {name} is not run"
    for key in ("base", "template", "precision"):
        if own.get(key) != other.get(key):
            yield f"{path}.{key}: is not that of {name}, whose adapters it uses"
    seeds = _sequence(other.get("seeds", [0]))
    if missing := [seed for seed in _sequence(own.get("seeds", [0])) if seed not in seeds]:
        yield f"{path}.seeds: {name} has no adapter of seed {', '.join(map(str, missing))}"


def _limit_problems(path: str, name: str, own: Mapping[str, Any], types: Set[str]) -> Iterator[str]:
    """A model whose answers are not free, but whose rows would not say so, or that has no task."""
    mode = own.get("answers")
    if mode not in ("constrained", "likelihood"):
        return
    if mode not in name:
        yield f"{path}: its answers are not free: rename it so that its rows say so: {name}-{mode}"
    if not types & set(ANSWERED[mode]):
        valid = " or ".join(ANSWERED[mode])
        yield f"{path}.answers: no task of the study has {valid} as its `answer`, as {mode} needs"


def _by_likelihood(models: Mapping[str, Any]) -> bool:
    return any(_mapping(model).get("answers") == "likelihood" for model in models.values())


def _decoding_problems(
    path: str, model: Mapping[str, Any], study: Mapping[str, Any]
) -> Iterator[str]:
    """Keys of a model that leave no room for prompts, with those of a task that they do not
    replace."""
    if model.get("backend", DEFAULT) != DEFAULT:
        # A server cuts no prompt.
        return
    own = _mapping(model.get("decoding"))
    sections = {"decoding": study.get("decoding")}
    sections |= {
        f"task_decoding.{task}": section
        for task, section in _mapping(study.get("task_decoding")).items()
    }
    fields = ("max_new_tokens", "max_length")
    for name, section in sections.items() if own.keys() & set(fields) else ():
        merged = {**_mapping(section), **own}
        answer, length = (
            merged.get(field, DecodingSettings.model_fields[field].default) for field in fields
        )
        if isinstance(answer, int) and isinstance(length, int) and length <= answer:
            yield (
                f"{path}.max_length: {length} should be greater than the {answer} tokens of "
                f"max_new_tokens, with the keys of {name}"
            )
            return


def _undescribed(path: str, study: Mapping[str, Any]) -> Iterator[str]:
    """Models without a known tokenizer that would have to describe the data."""
    models = _mapping(study.get("models"))
    with_base = [name for name, model in models.items() if "base" in _mapping(model)]
    named = study.get("described_with")
    if isinstance(named, str) and named in models and named not in with_base:
        fix = nearest(named, with_base) if with_base else ""
        yield f"{path}.described_with: {named} has no base, whose tokenizer is needed{fix}"
    if models and not with_base:
        for name, table in _mapping(study.get("tables")).items():
            if _mapping(table).get("kind") == "dataset":
                yield (
                    f"{path}.tables.{name}: shows lengths in tokens, but none of the study's "
                    "models has a base, whose tokenizer is needed: leave the table out"
                )


def _data_references(
    path: str, study: Mapping[str, Any], tasks: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Settings and labels that do not suffice for the test records of the study's `tasks`."""
    data = _mapping(study.get("data"))
    labels = _mapping(data.get("labels"))
    settings = _names(study.get("settings"))
    yield from label_problems(f"{path}.data", labels)
    tested = {code: task for code, task in tasks.items() if task.get("test") is not False}
    if settings and all(setting.startswith("OOD_") for setting in settings):
        for code in (code for code, task in tested.items() if task.get("ood") is False):
            yield f"{path}.settings: none has test records of {code}, whose `ood` is false"
    ranked = [code for code, task in tested.items() if task.get("answer") == "ranking"]
    if ranked and labels and settings and not set(LABELLED_SETTINGS).intersection(settings):
        yield (
            f"{path}.settings: {', '.join(ranked)} needs {' or '.join(LABELLED_SETTINGS)}: the "
            "relevance labels are in their row order"
        )


def _shot_problems(path: str, tuned: bool, settings: Sequence[str]) -> Iterator[str]:
    if tuned:
        yield f"{path}.shots: training records have no examples: a tuned model has `shots: 0`"
    if not any(map(has_example, settings)):
        yield f"{path}.shots: 1 needs the 1-shot settings among the study's `settings`"


def _model_references(
    path: str, model: Mapping[str, Any], bases: Mapping[str, Any], templates: Path
) -> Iterator[str]:
    yield from _known(model.get("base"), bases, f"{path}.base", "bases")
    files = {file.stem: file for file in templates.glob("*.jinja")}
    yield from _known(model.get("template"), files, f"{path}.template", str(templates))


def _contrasts(study: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(study.get("comparisons")).get("contrasts"))


def _contrast_references(path: str, study: Mapping[str, Any]) -> Iterator[str]:
    models = _mapping(study.get("models"))
    settings = dict.fromkeys(_names(study.get("settings")))
    for name, contrast in _contrasts(study).items():
        of_settings = _mapping(contrast).get("kind") == "settings"
        rows = {**models, **dict.fromkeys(_names(study.get("baselines"))), BEST_SIMPLE: None}
        paired, other = (settings, models) if of_settings else (rows, settings)
        where, elsewhere = "the study's models", "the study's settings"
        if of_settings:
            where, elsewhere = elsewhere, where
        for pair in _sequence(_mapping(contrast).get("pairs")):
            for side in _names(pair):
                yield from _known(side, paired, f"{path}.{name}.pairs", where)
        section = "models" if of_settings else "settings"
        for side in _names(_mapping(contrast).get(section)):
            yield from _known(side, other, f"{path}.{name}.{section}", elsewhere)


def _table_references(
    path: str, table: Mapping[str, Any], study: Mapping[str, Any]
) -> Iterator[str]:
    """References in a table's entry; a misspelt kind is taken for the nearest one."""
    kinds = table_kinds()
    close = difflib.get_close_matches(str(table.get("kind") or ""), kinds, n=1)
    if not close:
        return
    kind = kinds[close[0]]
    models, contrasts = _mapping(study.get("models")), _contrasts(study)
    settings = dict.fromkeys(_names(study.get("settings")))
    parts: dict[Part, tuple[str, Mapping[str, Any]]] = {
        "tasks": ("tasks", dict.fromkeys(_names(study.get("tasks")))),
        "models": ("models", models),
        "tuned models": ("models", models),
        "baselines": ("baselines", dict.fromkeys(_names(study.get("baselines")))),
        "settings": ("settings", settings),
        "settings of records": (
            "settings",
            settings | dict.fromkeys(_names([study.get("train_setting")])),
        ),
        "contrasts": ("contrasts", contrasts),
        "contrasts of settings": ("contrasts", contrasts),
    }
    best_of = {
        row: _names(members)
        for group in _sequence(table.get("rows"))
        for row, members in _mapping(_mapping(group).get("best_of")).items()
    }
    for row in _names(table.get("competitors")):
        for name in best_of.get(row, (row,)):
            if (mode := _mapping(models.get(name)).get("answers", "free")) != "free":
                whose = "its answers" if name == row else f"the answers of {name}"
                yield f"{path}.competitors: {row} does not compete: {whose} are {mode}, not free"
    for named in names_in(table, kind.entry):
        part, where = named.reference.part, f"{path}.{named.field}"
        section, valid = parts[part]
        yield from _known(named.name, valid, where, f"the study's {section}")
        found = _mapping(valid.get(named.name))
        if part == "tuned models" and named.name in valid and "training" not in found:
            yield f"{where}: {named.name} is not tuned: it has no trainable parameters"
        if part == "contrasts of settings" and found.get("kind") == "models":
            yield f"{where}: {named.name} compares models: name one of `kind: settings`"


def _known(name: Any, valid: Mapping[str, Any], path: str, where: str) -> Iterator[str]:
    if isinstance(name, str) and name not in valid:
        yield f"{path}: {name} is not in {where}{nearest(name, valid)}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _names(value: Any) -> list[str]:
    """The names in a list, or the keys of a mapping."""
    listed = value if isinstance(value, dict) else _sequence(value)
    return [name for name in listed if isinstance(name, str)]
