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

from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.models.architecture import HEAD, Architecture, updated_layers
from ecslm.models.bases import PathSource
from ecslm.plan.model_checks import ModelChecks, tabulated
from ecslm.plan.plan import Plan
from ecslm.plan.study import Study
from ecslm.reports.run_display import MAKE_ROOM
from ecslm.schemas import paths

FLOAT32, BFLOAT16 = 4, 2
# Values per weight in a checkpoint, and checkpoints of one training.
CHECKPOINT_VALUES, CHECKPOINTS = 3, 2


@dataclass(frozen=True)
class Need:
    """Bytes that one job leaves at a path, and those that it has there while it runs."""

    path: str
    left: int
    working: int = 0


@dataclass(frozen=True)
class Disk:
    """What a run is sure to write on a disk, and what is free there, in bytes."""

    folder: Path
    """A directory on it."""
    needed: int
    free: int

    @property
    def fits(self) -> bool:
        """Whether there is room."""
        return self.needed <= self.free

    @property
    def summary(self) -> str:
        """Both numbers."""
        return f"{self.folder}: at least {_size(self.needed)} needed, {_size(self.free)} free"

    @property
    def shortage(self) -> str:
        """What is wrong where they do not fit, and what to do."""
        return (
            f"{_size(self.free)} are free on this disk, but the adapters and weights of this run "
            f"need at least {_size(self.needed)}: {MAKE_ROOM}"
        )


def check_disk(plan: Plan, due: Container[str]) -> None:
    """Refuse to start jobs whose results do not fit on the disk.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: a disk has less room than the jobs are sure to need.
    """
    found = disks(plan.study, due)
    if problems := [f"{disk.folder}: {disk.shortage}" for disk in found if not disk.fits]:
        raise InputError(*problems)


def disks(study: Study, due: Container[str]) -> list[Disk]:
    """The disks that jobs are sure to write on.

    Args:
        due: files that the run is going to write.
    """
    needs_of: dict[int, list[Need]] = {}
    for need in _needs(study, due):
        needs_of.setdefault(_existing(need.path).stat().st_dev, []).append(need)
    return [
        Disk(
            folder=_existing(needs[0].path),
            needed=sum(need.left for need in needs) + max(need.working for need in needs),
            free=free_space(Path(needs[0].path)),
        )
        for needs in needs_of.values()
    ]


def _needs(study: Study, due: Container[str]) -> Iterator[Need]:
    models = ModelChecks(study)
    for name, model in study.local_models.items():
        adapters = [study.path(paths.ADAPTER, model=name, seed=seed) for seed in model.seeds]
        export = study.path(paths.EXPORT, model=name)
        if not any(path in due for path in (*adapters, export)):
            continue
        architecture = models.architecture(model.base)
        if architecture is None or model.training is None:
            continue
        layers = updated_layers(architecture, model.training.target_modules)
        trained = model.training.rank * sum(sum(shape) for shape in layers.values() if shape)
        working = CHECKPOINTS * CHECKPOINT_VALUES * FLOAT32 * trained
        yield from (Need(path, FLOAT32 * trained, working) for path in adapters if path in due)
        if export in due:
            size = BFLOAT16 if model.precision.dtype == "bfloat16" else FLOAT32
            yield Need(export, size * _weights(architecture))
    for base, source in study.config.bases.items():
        fetched = study.base(base) in due and not isinstance(source, PathSource)
        if fetched and (architecture := tabulated(study, base)):
            # A head of its own would come on top.
            yield Need(study.base(base), BFLOAT16 * _weights(architecture, but=HEAD))


def _weights(architecture: Architecture, but: str = "") -> int:
    """Weights of all matrices whose sizes are known, but for one."""
    layers = architecture.layers.items()
    return sum(shape[0] * shape[1] for name, shape in layers if shape and name != but)


def free_space(path: Path) -> int:
    """Bytes that are free on the disk of a directory, or of a file that need not exist yet."""
    return shutil.disk_usage(path if path.is_dir() else _existing(str(path))).free


def _existing(path: str) -> Path:
    """The nearest directory above a file that exists."""
    return next(folder for folder in Path(path).absolute().parents if folder.is_dir())


def _size(count: int) -> str:
    return f"{tqdm.format_sizeof(count, divisor=1000)}B"
