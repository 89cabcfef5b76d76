"""Reading and validating a configuration."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ecslm.common.errors import InputError, Problem
from ecslm.common.text import nearest
from ecslm.config.files import Content, read_files
from ecslm.config.groups import with_groups
from ecslm.config.problems import reference_problems, schema_problems, value_problems
from ecslm.config.schema import Config, StudySettings


def read_config(
    files: Sequence[Path],
    study: str | None,
    templates: Path,
    values: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration of files, later ones over earlier ones, as Snakemake merges them.

    Those of a directory `studies/` beside the first file come after that one.

    Args:
        study: if given, it replaces that of the files.
        templates: as in `load_config`.
        values: what goes over the files, such as `--config` of Snakemake.

    Raises:
        InputError: a file cannot be read, or the configuration has problems. Each line has the file
            and the line of its key, if it stands in a file.
    """
    content, copies = Content({}), list[Problem]()
    studies = sorted((files[0].parent / "studies").glob("*.yaml"))
    for one in read_files([files[0], *studies, *files[1:]]):
        copies += _copied_studies(content, one)
        content = content.with_over(one)
    if copies:
        raise InputError(*copies)
    content = content.with_over(Content({**(values or {}), **({"study": study} if study else {})}))
    if study and len(files) == 1 and content.studies and study not in content.studies:
        raise InputError(
            f"study: {study} is not in studies, and no `CONFIGFILE` is given"
            f"{nearest(study, content.studies)}"
        )
    try:
        return load_config(content.values, templates).read_from(content)
    except InputError as error:
        raise content.located(error) from None


def _copied_studies(before: Content, over: Content) -> Iterator[Problem]:
    """Complete studies with the name of one in an earlier file, but other keys: models and tables
    of both would be merged."""
    needed = {name for name, field in StudySettings.model_fields.items() if field.is_required()}
    for name, study in over.studies.items():
        path = f"studies.{name}"
        place, first = over.places.get(path), before.places.get(path)
        # Equal ones are no copy, as when config.yaml itself is given as `--configfile`.
        other = isinstance(study, dict) and study != before.studies.get(name)
        if place and first and other and needed <= study.keys():
            yield Problem(f"{path}: {first} has a study of this name: rename yours", *place)


def load_config(raw: dict[str, Any], templates: Path) -> Config:
    """Validate a configuration as read from YAML.

    `templates` is the directory of the prompt templates.

    Raises:
        InputError: one line for each problem, with the key's path and the nearest valid name.
    """
    told = dict(value_problems(raw))
    left = with_groups(raw)
    lost: set[str] = set()
    config: Config | None = None
    # What is wrong is left out until the rest is valid, so that one run tells all problems.
    while config is None:
        try:
            config = Config.model_validate(left)
        except ValidationError as error:
            problems = schema_problems(error, Config)
            if not lost:
                # Each key once: what is wrong with it as such says more than what its schema lacks.
                told = {".".join(keys): message for keys, message in problems.items()} | told
            for section, key in [_innermost(left, keys) for keys in problems]:
                if not key:
                    raise InputError(*_lines(told)) from None
                section.pop(key, None)
                lost.add(key)
    lines = [*_lines(told), *reference_problems(config, left, templates, lost)]
    if lines:
        raise InputError(*dict.fromkeys(lines))
    return config


def _lines(problems: Mapping[str, str]) -> list[str]:
    return [f"{path}: {problem}" for path, problem in problems.items()]


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
