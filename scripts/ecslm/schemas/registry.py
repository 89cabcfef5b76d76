"""The task registry in config.yaml, for scripts that run outside of a study."""

from pathlib import Path

import yaml

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.validation import validated
from ecslm.schemas.task import TaskKind, TaskSettings

CONFIG_FILE = Path(__file__).resolve().parents[3] / "config.yaml"


def registered_kind(code: str, config_file: Path = CONFIG_FILE) -> TaskKind:
    """How task `code` of the registry is scored, for scripts that got no settings.

    Raises:
        InputError: the configuration cannot be read or has no such task.
    """
    try:
        registry = yaml.safe_load(read_text(config_file)).get("tasks", {})
        entry = registry[code]
    except yaml.YAMLError as error:
        raise InputError(f"{config_file}: not YAML ({' '.join(str(error).split())})") from None
    except KeyError:
        raise InputError(
            f"--task {code}: not in `tasks:` of {config_file}: expected one of "
            f"{', '.join(registry)}, or say with `--settings` how it is scored: docs/own-task.md"
        ) from None
    return validated(TaskSettings, entry, f"{config_file}: tasks.{code}").kind()
