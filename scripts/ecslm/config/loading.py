"""Reading and validating a configuration."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from ecslm.common.errors import InputError, Problem
from ecslm.common.text import nearest
from ecslm.config.backends.transformers import Seeds
from ecslm.config.files import read_files
from ecslm.config.places import Content, Place, merged
from ecslm.config.references import reference_problems
from ecslm.config.repeated_names import name_problems
from ecslm.config.schema import Config, StudySettings
from ecslm.config.schema_errors import schema_problems
from ecslm.config.values import value_problems
from ecslm.models.precision import Precision
from ecslm.prediction.backend import DEFAULT
from ecslm.prediction.settings import DecodingSettings
from ecslm.training.settings import TrainingSettings


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
    if problems := [*_merged_studies(contents)]:
        raise InputError(*problems)
    own = {} if study is None else {"study": study}
    content = merged(contents).with_values({**(values or {}), **own})
    studies = content.values.get("studies")
    if study is not None and len(files) == 1 and isinstance(studies, dict) and study not in studies:
        raise InputError(
            f"study: {study} is not in studies, and no `--configfile` is given"
            f"{nearest(study, studies)}"
        )
    try:
        config = load_config(content.values, templates)
    except InputError as error:
        raise content.located(error) from None
    changes = (
        f"{place}: studies.{name}: changes the study of this name in {first}, whose other keys "
        "stay: rename yours if it is another study"
        for name, _, place, first in _changed_studies(contents)
        if name == config.study
    )
    return config.read_from(content, changes)


def _merged_studies(contents: Sequence[Content]) -> Iterator[Problem]:
    """Complete studies with the name of another: models and tables of both would be merged."""
    needed = {name for name, field in StudySettings.model_fields.items() if field.is_required()}
    for name, study, place, before in _changed_studies(contents):
        if needed <= study.keys():
            yield Problem(
                f"studies.{name}: {before} has a study of this name: rename yours, or leave out "
                "the keys that are equal in both",
                place.path,
                place.line,
            )


def _changed_studies(
    contents: Sequence[Content],
) -> Iterator[tuple[str, Mapping[str, Any], Place, Place]]:
    """Studies with the name of one in an earlier file, but other keys: name, keys, both places."""
    before: dict[str, tuple[Place, Any]] = {}
    for content in contents:
        studies = content.values.get("studies")
        for name, study in studies.items() if isinstance(studies, dict) else ():
            # Names that are no text are refused by the schema.
            place = content.places.get(f"studies.{name}")
            if place is None:
                continue
            earlier, keys = before.get(name, (place, study))
            # Equal ones are no change, as when config.yaml itself is given as `--configfile`.
            if isinstance(study, dict) and study != keys:
                yield name, study, place, earlier
            before[str(name)] = place, study


def load_config(raw: dict[str, Any], templates: Path) -> Config:
    """Validate a configuration as read from YAML.

    `templates` is the directory of the prompt templates.

    Raises:
        InputError: one line for each problem, with the key's path and the nearest valid name.
    """
    values = dict(value_problems(raw))
    merged = _with_inherited(_with_seeds(raw))
    # References are checked even if single fields are invalid, so that one run shows all problems.
    problems = [*name_problems(raw), *reference_problems(merged, templates)]
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        problems = schema_problems(error, Config) + problems
    # Each key once: what is wrong with it as such says more than what its schema lacks.
    told = [f"{path}: {problem}" for path, problem in values.items()]
    told += [line for line in problems if line.partition(": ")[0] not in values]
    if told:
        raise InputError(*told)
    return config


def _with_seeds(raw: dict[str, Any]) -> dict[str, Any]:
    """The study to run with `seeds` in place of those of its models with adapters."""
    name, seeds, studies = str(raw.get("study")), raw.get("seeds"), _mapping(raw.get("studies"))
    study = _mapping(studies.get(name))
    models = _mapping(study.get("models"))
    try:
        TypeAdapter(Seeds).validate_python(seeds)
    except ValidationError:
        # None are given, or they are invalid, which is told once.
        return raw
    changed = {
        one: model | {"seeds": seeds}
        for one, model in models.items()
        if _mapping(model).keys() & {"training", "adapter_of"}
    }
    if not changed:
        return raw
    return raw | {"studies": studies | {name: study | {"models": models | changed}}}


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _with_inherited(raw: dict[str, Any]) -> dict[str, Any]:
    """Models and tasks inherit missing keys from the study's sections."""
    if not isinstance(raw.get("studies"), dict):
        return raw
    return raw | {
        "studies": {
            name: _study_with_inherited(study) if isinstance(study, dict) else study
            for name, study in raw["studies"].items()
        }
    }


def _study_with_inherited(study: dict[str, Any]) -> dict[str, Any]:
    merged = dict(study)
    if isinstance(study.get("models"), dict):
        merged["models"] = {
            name: _model_with_inherited(model, study) for name, model in study["models"].items()
        }
    if isinstance(study.get("task_decoding"), dict):
        merged["task_decoding"] = {
            task: _over(study.get("decoding"), own, DecodingSettings)
            for task, own in study["task_decoding"].items()
        }
    return merged


def _model_with_inherited(model: Any, study: dict[str, Any]) -> Any:
    """Models of other backends inherit nothing."""
    if not isinstance(model, dict) or model.get("backend", DEFAULT) != DEFAULT:
        return model
    return _inherit(_inherit(model, study, "training"), study, "precision", always=True)


SECTIONS: dict[str, type[BaseModel]] = {"training": TrainingSettings, "precision": Precision}


def _inherit(
    model: dict[str, Any], study: dict[str, Any], section: str, always: bool = False
) -> dict[str, Any]:
    if not (always or section in model):
        return model
    return model | {section: _over(study.get(section), model.get(section), SECTIONS[section])}


def _over(inherited: Any, own: Any, schema: type[BaseModel]) -> Any:
    """`own` merged over `inherited`, without invalid inherited keys, so these are reported once."""
    if own is not None and not isinstance(own, dict):
        return own
    known = inherited if isinstance(inherited, dict) else {}
    try:
        schema.model_validate(known)
        bad: set[Any] = set()
    except ValidationError as error:
        bad = {detail["loc"][0] for detail in error.errors()}
    return {key: value for key, value in known.items() if key not in bad} | (own or {})
