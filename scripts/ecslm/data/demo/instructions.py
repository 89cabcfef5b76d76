"""The instructions of the demo tasks."""

from pathlib import Path

from pydantic import RootModel

from ecslm.common.errors import InputError
from ecslm.data.demo.catalogue import read_yaml
from ecslm.data.demo.settings import TaskCode
from ecslm.schemas.settings import Closed


class Instructions(Closed):
    """Six instructions of a task: training uses all but `unseen`."""

    seed: str
    rewritten: tuple[str, str, str, str]
    unseen: str

    def for_setting(self, setting: str) -> tuple[str, ...]:
        """The instructions that a row of the setting may have."""
        if "Unseen" in setting:
            return (self.unseen,)
        if "Single" in setting:
            return (self.seed,)
        return (self.seed, *self.rewritten)


class InstructionFile(RootModel[dict[TaskCode, Instructions]]):
    """The instructions of all tasks by code."""


def load_instructions(path: Path, code: str) -> Instructions:
    """The instructions of one task.

    Raises:
        InputError: the file cannot be read or lacks the task.
    """
    for task, instructions in read_yaml(path, InstructionFile).root.items():
        if task == code:
            return instructions
    raise InputError(f"{path}: {code} is missing; add its seed, rewritten and unseen instructions")
