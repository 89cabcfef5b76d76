"""Reading and validating a configuration."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ecslm.common.errors import InputError, Problem
from ecslm.common.text import nearest
from ecslm.config.files import read_files
from ecslm.config.places import Content, merged
from ecslm.config.references import References
from ecslm.config.schema import Config, StudySettings
from ecslm.config.schema_errors import schema_problems
from ecslm.config.values import value_problems
from ecslm.prediction.backend import DEFAULT


def read_config(
    files: Sequence[Path],
    study: str | None,
    templates: Path,
    values: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration of files, later ones over earlier ones, as Snakemake merges them.

    Args:
        study: if given, it replaces that of the files.
        templates: as in `load_config`.
        values: what goes over the files, such as `--config` of Snakemake.

    Raises:
        InputError: a file cannot be read, or the configuration has problems. Each line has the file
            and the line of its key, if it stands in a file.
    """
    contents = read_files(files)
    changes = dict(_changed_studies(contents))
    if copies := [problem for problem in changes.values() if problem.kind == "copy"]:
        raise InputError(*copies)
    own = {} if study is None else {"study": study}
    content = merged(contents).with_values({**(values or {}), **own})
    studies = content.values.get("studies")
    if study is not None and len(files) == 1 and isinstance(studies, dict) and study not in studies:
        raise InputError(
            f"study: {study} is not in studies, and no `CONFIGFILE` is given"
            f"{nearest(study, studies)}"
        )
    try:
        config = load_config(content.values, templates)
    except InputError as error:
        raise content.located(error) from None
    change = changes.get(config.study)
    return config.read_from(content, () if change is None else (str(change),))


def _changed_studies(contents: Sequence[Content]) -> Iterator[tuple[str, Problem]]:
    """Studies with the name of one in an earlier file, but other keys.

    A complete one is a copy, with which models and tables of both would be merged: its problem is
    of the kind `copy`.
    """
    needed = {name for name, field in StudySettings.model_fields.items() if field.is_required()}
    earlier: dict[str, tuple[Content, Any]] = {}
    for content in contents:
        studies = content.values.get("studies")
        for name, study in studies.items() if isinstance(studies, dict) else ():
            before, keys = earlier.get(name, (content, study))
            path = f"studies.{name}"
            place, first = content.places.get(path), before.places.get(path)
            # Equal ones are no change, as when config.yaml itself is given as `--configfile`.
            if isinstance(study, dict) and study != keys and place is not None:
                if needed <= study.keys():
                    kind, message = "copy", f"{first} has a study of this name: rename yours"
                else:
                    kind = "change"
                    message = (
                        f"changes the study of this name in {first}, whose other keys stay: rename "
                        "yours if it is another study"
                    )
                yield name, Problem(f"{path}: {message}", place.path, place.line, kind=kind)
            earlier[name] = content, study


def load_config(raw: dict[str, Any], templates: Path) -> Config:
    """Validate a configuration as read from YAML.

    `templates` is the directory of the prompt templates.

    Raises:
        InputError: one line for each problem, with the key's path and the nearest valid name.
    """
    inherited = _with_inherited(raw)
    told = dict(value_problems(raw))
    lost: set[str] = set()
    try:
        config: Config | None = Config.model_validate(inherited).with_seeds()
    except ValidationError as error:
        # Each key once: what is wrong with it as such says more than what its schema lacks.
        for keys, message in _once(schema_problems(error, Config)):
            told.setdefault(".".join(keys), message)
        config = _sound_part(inherited, lost)
    lines = [f"{path}: {problem}" for path, problem in told.items()]
    if config is not None:
        lines += References(config, templates, lost).problems()
    if lines:
        raise InputError(*dict.fromkeys(lines))
    assert config is not None
    return config


Problems = list[tuple[tuple[str, ...], str]]


def _once(problems: Problems) -> Problems:
    """Problems without those that models and tasks have inherited from their study."""
    keys = {one for one, _ in problems}
    return [
        (one, message)
        for one, message in problems
        if not (
            (one[2:3] == ("models",) and (*one[:2], *one[4:]) in keys)
            or (one[2:3] == ("task_decoding",) and (*one[:2], "decoding", *one[4:]) in keys)
        )
    ]


def _sound_part(raw: dict[str, Any], lost: set[str]) -> Config | None:
    """The configuration without what its schema refuses, so that one run tells all problems; None
    if too little is left.

    Args:
        lost: gets the keys that were left out, which exist although they are not in it.
    """
    left = copy.deepcopy(raw)
    while True:
        try:
            return Config.model_validate(left).with_seeds()
        except ValidationError as error:
            wrong = {keys for keys, _ in schema_problems(error, Config)}
            for section, key in [_innermost(left, keys) for keys in wrong]:
                if section is left:
                    return None
                section.pop(key, None)
                lost.add(key)


def _innermost(raw: dict[str, Any], keys: Sequence[str]) -> tuple[dict[str, Any], str]:
    """The innermost of some nested keys that there is, and the section that has it; that of the
    whole file if it has none of them."""
    section, found = raw, ""
    inside: Any = raw
    for key in keys:
        if not isinstance(inside, dict) or key not in inside:
            break
        section, found, inside = inside, key, inside[key]
    return section, found


def _with_inherited(raw: dict[str, Any]) -> dict[str, Any]:
    """Models and tasks inherit missing keys from the study's sections."""
    studies = {
        name: _study_with_inherited(study) if isinstance(study, dict) else study
        for name, study in _mapping(raw.get("studies")).items()
    }
    return raw | {"studies": studies} if studies else raw


def _study_with_inherited(study: dict[str, Any]) -> dict[str, Any]:
    inherited: dict[str, Any] = {}
    if models := _mapping(study.get("models")):
        inherited["models"] = {
            name: _model_with_inherited(model, study) for name, model in models.items()
        }
    if tasks := _mapping(study.get("task_decoding")):
        inherited["task_decoding"] = {
            task: _over(study.get("decoding"), own) for task, own in tasks.items()
        }
    return study | inherited


def _model_with_inherited(model: Any, study: dict[str, Any]) -> Any:
    """Models of other backends inherit nothing."""
    if not isinstance(model, dict) or model.get("backend", DEFAULT) != DEFAULT:
        return model
    sections = ("precision", "training") if "training" in model else ("precision",)
    return model | {name: _over(study.get(name), model.get(name)) for name in sections}


def _over(inherited: Any, own: Any) -> Any:
    """The keys of a section, over those that it inherits."""
    return _mapping(inherited) | (own or {}) if own is None or isinstance(own, dict) else own


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
