"""Checks whether the disk has room for what a run will write, as far as that is known.

Only what a run is sure to write is counted, so that no run is refused that could finish:

- of each adapter its matrices, in float32;
- of one training, the largest, two checkpoints of the matrices and of the two averages that AdamW
  keeps of each weight;
- of each base that is fetched its matrices, in bfloat16, if architectures.csv has its sizes;
- of each exported model its matrices.

Predictions, scores and tables are small beside these.
"""

import shutil
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.models.architecture import HEAD, Shape, updated_layers
from ecslm.models.bases import PathSource
from ecslm.plan.model_checks import ModelChecks, tabulated
from ecslm.plan.plan import Plan
from ecslm.reports.run_display import MAKE_ROOM

FLOAT32, BFLOAT16 = 4, 2
# Values per weight in a checkpoint, and checkpoints of one training.
CHECKPOINT_VALUES, CHECKPOINTS = 3, 2


@dataclass(frozen=True)
class Need:
    """Bytes that one job leaves in a directory, and those that it has there while it runs."""

    folder: Path
    left: int
    working: int = 0


@dataclass(frozen=True)
class Disk:
    """What a run is sure to write on a disk, and what is free there, in bytes."""

    folder: Path
    """A directory on it."""
    needed: int
    free: int

    FIX: ClassVar[str] = MAKE_ROOM

    @property
    def fits(self) -> bool:
        """Whether there is room."""
        return self.needed <= self.free

    def summary(self) -> str:
        """Both numbers."""
        return f"{self.folder}: at least {_size(self.needed)} needed, {_size(self.free)} free"

    def shortage(self) -> str:
        """What is wrong where they do not fit."""
        return (
            f"{_size(self.free)} are free on this disk, but the adapters and weights of this run "
            f"need at least {_size(self.needed)}"
        )


def check_disk(plan: Plan, due: Container[str]) -> None:
    """Refuse to start jobs whose results do not fit on the disk.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: a disk has less room than the jobs are sure to need.
    """
    problems = [
        f"{disk.folder}: {disk.shortage()}: {disk.FIX}"
        for disk in disks(plan, due)
        if not disk.fits
    ]
    if problems:
        raise InputError(*problems)


def disks(plan: Plan, due: Container[str]) -> list[Disk]:
    """The disks that jobs are sure to write on.

    Args:
        due: files that the run is going to write.
    """
    needs_of: dict[int, list[Need]] = {}
    for need in (*_adapters(plan, due), *_bases(plan, due), *_exports(plan, due)):
        needs_of.setdefault(need.folder.stat().st_dev, []).append(need)
    return [
        Disk(
            folder=needs[0].folder,
            needed=sum(need.left for need in needs) + max(need.working for need in needs),
            free=free_space(needs[0].folder),
        )
        for needs in needs_of.values()
    ]


def _adapters(plan: Plan, due: Container[str]) -> Iterator[Need]:
    rule, models = plan.rules["train_adapter"], ModelChecks(plan.study)
    for key in rule.all_keys():
        (manifest,) = rule.output_paths("manifest", key)
        model = plan.study.local_models[key.model]
        training, architecture = model.training, models.architecture(model.base)
        if manifest in due and training is not None and architecture is not None:
            layers = updated_layers(architecture, training.target_modules)
            weights = training.rank * sum(sum(shape) for shape in layers.values() if shape)
            working = CHECKPOINTS * CHECKPOINT_VALUES * FLOAT32 * weights
            yield Need(_existing(manifest), FLOAT32 * weights, working)


def _bases(plan: Plan, due: Container[str]) -> Iterator[Need]:
    rule = plan.rules["base_model"]
    for key in rule.all_keys():
        (manifest,) = rule.output_paths("manifest", key)
        fetched = not isinstance(plan.study.config.bases[key.base], PathSource)
        if manifest in due and fetched and (architecture := tabulated(plan.study, key.base)):
            # A head of its own would come on top.
            layers = {name: shape for name, shape in architecture.layers.items() if name != HEAD}
            yield Need(_existing(manifest), BFLOAT16 * sum(map(_weights, layers.values())))


def _exports(plan: Plan, due: Container[str]) -> Iterator[Need]:
    rule, models = plan.rules["export_model"], ModelChecks(plan.study)
    for key in rule.all_keys():
        (manifest,) = rule.output_paths("manifest", key)
        model = plan.study.local_models[key.model]
        architecture = models.architecture(model.base) if manifest in due else None
        if architecture is not None:
            size = BFLOAT16 if model.precision.dtype == "bfloat16" else FLOAT32
            weights = sum(map(_weights, architecture.layers.values()))
            yield Need(_existing(manifest), size * weights)


def _weights(shape: Shape) -> int:
    return shape[0] * shape[1] if shape else 0


def free_space(path: Path) -> int:
    """Bytes that are free on the disk of a directory, or of a file that need not exist yet."""
    return shutil.disk_usage(path if path.is_dir() else _existing(str(path))).free


def _existing(path: str) -> Path:
    """The nearest directory above a file that exists."""
    return next(folder for folder in Path(path).absolute().parents if folder.is_dir())


def _size(count: int) -> str:
    return f"{tqdm.format_sizeof(count, divisor=1000)}B"
