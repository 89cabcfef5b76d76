"""Keys that identify the jobs of a rule: the fields are the wildcards of its paths."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Whole:
    """The one job of its rule."""


@dataclass(frozen=True)
class OfBase(Whole):
    """A job for each base."""

    base: str


@dataclass(frozen=True)
class OfTask(Whole):
    """A job for each task."""

    task: str


@dataclass(frozen=True)
class OfSplit(OfTask):
    """A job for each dataset file."""

    split: str


@dataclass(frozen=True)
class OfModelTask(Whole):
    """A job for each model and task."""

    model: str
    task: str


@dataclass(frozen=True)
class OfSeed(Whole):
    """A job for each seed of a model."""

    model: str
    seed: str


@dataclass(frozen=True)
class OfRun(Whole):
    """A job for each model (or trivial baseline), seed and task."""

    model: str
    seed: str
    task: str


@dataclass(frozen=True)
class OfTable(Whole):
    """A job for each table."""

    table: str
