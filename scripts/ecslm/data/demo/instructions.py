"""The instructions of the demo tasks."""

from pathlib import Path

from pydantic import RootModel

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

    def of_task(self, code: str) -> Instructions | None:
        """The instructions of one task; None if the file lacks them."""
        return {str(task): instructions for task, instructions in self.root.items()}.get(code)


def load_instructions(path: Path) -> InstructionFile:
    """Read the instructions.

    Raises:
        InputError: the file cannot be read.
    """
    return read_yaml(path, InstructionFile)
