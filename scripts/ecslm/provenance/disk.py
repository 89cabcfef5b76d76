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
from ecslm.plan.bases import architecture, tabulated
from ecslm.plan.study import Study
from ecslm.reports.run_display import MAKE_ROOM
from ecslm.schemas import paths

FLOAT32, BFLOAT16 = 4, 2
# Values per weight in a checkpoint, and checkpoints of one training.
CHECKPOINT_VALUES, CHECKPOINTS = 3, 2


# Of one job: a folder on its disk, bytes that it leaves there, and those that it has while it runs.
Need = tuple[Path, int, int]


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


def check_disk(study: Study, due: Container[str]) -> None:
    """Refuse to start jobs whose results do not fit on the disk.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: a disk has less room than the jobs are sure to need.
    """
    found = disks(study, due)
    if problems := [f"{disk.folder}: {disk.shortage}" for disk in found if not disk.fits]:
        raise InputError(*problems)


def disks(study: Study, due: Container[str]) -> list[Disk]:
    """The disks that jobs are sure to write on.

    Args:
        due: files that the run is going to write.
    """
    by_disk: dict[int, list[Need]] = {}
    for need in _needs(study, due):
        by_disk.setdefault(need[0].stat().st_dev, []).append(need)
    return [
        Disk(
            folder=needs[0][0],
            needed=sum(left for _, left, _ in needs) + max(working for *_, working in needs),
            free=shutil.disk_usage(needs[0][0]).free,
        )
        for needs in by_disk.values()
    ]


def _needs(study: Study, due: Container[str]) -> Iterator[Need]:
    for name, model in study.local_models.items():
        adapters = [study.path(paths.ADAPTER, model=name, seed=seed) for seed in model.seeds]
        written = [
            path for path in (*adapters, study.path(paths.EXPORT, model=name)) if path in due
        ]
        # Files of a base are read only where something is to be written.
        known = architecture(study, model.base) if written else None
        if known is None or model.training is None:
            continue
        layers = updated_layers(known, model.training.target_modules)
        trained = model.training.rank * sum(sum(shape) for shape in layers.values() if shape)
        working = CHECKPOINTS * CHECKPOINT_VALUES * FLOAT32 * trained
        size = BFLOAT16 if model.precision.dtype == "bfloat16" else FLOAT32
        for path in written:
            if path in adapters:
                yield _folder(path), FLOAT32 * trained, working
            else:
                yield _folder(path), size * _weights(known), 0
    for base, source in study.config.bases.items():
        fetched = study.base(base) in due and not isinstance(source, PathSource)
        if fetched and (known := tabulated(study, base)):
            # A head of its own would come on top.
            yield _folder(study.base(base)), BFLOAT16 * _weights(known, but=HEAD), 0


def _weights(known: Architecture, but: str = "") -> int:
    """Weights of all matrices whose sizes are known, but for one."""
    layers = known.layers.items()
    return sum(shape[0] * shape[1] for name, shape in layers if shape and name != but)


def _folder(path: str) -> Path:
    """The nearest directory above a file that exists."""
    return next(folder for folder in Path(path).absolute().parents if folder.is_dir())


def _size(count: int) -> str:
    return f"{tqdm.format_sizeof(count, divisor=1000)}B"
