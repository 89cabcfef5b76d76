"""Reading and validating a configuration."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ecslm.common.errors import InputError, Problem
from ecslm.common.text import nearest
from ecslm.config.files import Content, read_files
from ecslm.config.groups import sections, with_groups
from ecslm.config.problems import Names, schema_problems, unfit
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
    known = sections(content.values, "studies")
    if study and len(files) == 1 and known and study not in known:
        what = f"study: {study} is not in studies, and no `CONFIGFILE` is given"
        raise InputError(f"{what}{nearest(study, known)}")
    try:
        return load_config(content.values, templates).read_from(content)
    except InputError as error:
        raise content.located(error) from None


def _copied_studies(before: Content, over: Content) -> Iterator[Problem]:
    """Complete studies with the name of one in an earlier file, but other keys: models and tables
    of both would be merged."""
    needed = {name for name, field in StudySettings.model_fields.items() if field.is_required()}
    earlier = sections(before.values, "studies")
    for name, study in sections(over.values, "studies").items():
        # Equal ones are no copy, as when config.yaml itself is given as `--configfile`.
        if name in earlier and study != earlier[name] and needed <= {*study}:
            path = f"studies.{name}"
            there = f"{before.places[path][0]} has a study of this name"
            yield Problem(f"{path}: {there}: rename yours", *over.places[path])


def load_config(raw: dict[str, Any], templates: Path) -> Config:
    """Validate a configuration as read from YAML.

    `templates` is the directory of the prompt templates.

    Raises:
        InputError: one line for each problem, with the key's path and the nearest valid name. What
            does not fit other entries is told once each is valid by itself.
    """
    if not templates.is_dir():
        raise InputError(f"{templates}: no such directory: run this in the project's directory")
    raw = with_groups(raw)
    try:
        config = Config.model_validate(raw, context=Names(raw, templates))
    except ValidationError as error:
        raise InputError(*schema_problems(error, Config)) from None
    if lines := dict.fromkeys(unfit(config)):
        raise InputError(*lines)
    return config
