"""Keys that identify the jobs of a rule; their fields are the wildcards of its paths."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """Identifies a job of its rule."""


@dataclass(frozen=True)
class StudyKey(Key):
    """The one job of a rule."""


@dataclass(frozen=True)
class BaseKey(Key):
    """A job for each base."""

    base: str


@dataclass(frozen=True)
class TaskKey(Key):
    """A job for each task."""

    task: str


@dataclass(frozen=True)
class SplitKey(TaskKey):
    """A job for each dataset file."""

    split: str


@dataclass(frozen=True)
class ModelKey(Key):
    """A job for each model."""

    model: str


@dataclass(frozen=True)
class ModelTaskKey(Key):
    """A job for each model and task."""

    model: str
    task: str


@dataclass(frozen=True)
class SeedKey(Key):
    """A job for each seed of a model."""

    model: str
    seed: str


@dataclass(frozen=True)
class RunKey(Key):
    """A job for each model (or trivial baseline), seed and task."""

    model: str
    seed: str
    task: str


@dataclass(frozen=True)
class TableKey(Key):
    """A job for each table."""

    table: str
