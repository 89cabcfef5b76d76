"""Reading and validating a configuration."""

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ecslm.common.errors import InputError, refuse
from ecslm.config.files import Content, read_files
from ecslm.config.groups import with_groups
from ecslm.config.problems import schema_problems, unfit
from ecslm.config.schema import Config, names_in


def read_config(
    files: Sequence[Path], templates: Path, values: Mapping[str, Any]
) -> tuple[Config, Content]:
    """The configuration of files, later ones over earlier ones, as Snakemake merges them; and how
    it stands there.

    Those of a directory `studies/` beside the first file come after that one.

    Args:
        templates: as in `load_config`.
        values: what goes over the files, such as `--config` of Snakemake.

    Raises:
        InputError: a file cannot be read, or the configuration has problems. Each line has the file
            and the line of its key, if it stands in a file.
    """
    studies = sorted((files[0].parent / "studies").glob("*.yaml"))
    contents = [*read_files([files[0], *studies, *files[1:]]), Content(dict(values))]
    content = reduce(Content.with_over, contents)
    try:
        return load_config(content.values, templates), content
    except InputError as error:
        raise content.located(error) from None


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
        names = {key: names_in(raw, key) for key in ("studies", "bases")}
        names["registered tasks"] = names_in(raw, "tasks")
        names["templates"] = [file.stem for file in templates.glob("*.jinja")]
        config = Config.model_validate(raw, context=names)
    except ValidationError as error:
        raise InputError(*schema_problems(error)) from None
    refuse(dict.fromkeys(unfit(config)))
    return config
