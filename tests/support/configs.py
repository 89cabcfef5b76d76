"""A small configuration with one of everything, for tests that change one thing in it."""

from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.project import PROMPTS, ROOT

from ecslm.common.errors import InputError
from ecslm.config.loading import load_config
from ecslm.config.schema import Config, StudySettings

Raw = dict[str, Any]


def shipped() -> Raw:
    """The configuration that the project comes with, with all of its studies."""
    raw: Raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    for path in (ROOT / "studies").glob("*.yaml"):
        raw["studies"] |= yaml.safe_load(path.read_text(encoding="utf-8"))["studies"]
    return raw


SHIPPED = shipped()

SMALL = Path(__file__).with_name("small_study.yaml")


def small() -> Raw:
    """The configuration of `small_study.yaml`."""
    raw: Raw = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    return raw


def changed(path: str, value: Any) -> Raw:
    """The small configuration with one value put at a path of keys."""
    raw = small()
    put(raw, path, value)
    return raw


def put(raw: Raw, path: str, value: Any) -> None:
    """Put a value at a path of keys; one that begins with a dot begins in the study."""
    *keys, last = (f"studies.shop{path}" if path.startswith(".") else path).split(".")
    here = at(raw, keys)
    here[int(last) if isinstance(here, list) else last] = value


def paths(value: Any, *above: Any) -> Iterator[tuple[Any, ...]]:
    """The path of every value in others."""
    if above:
        yield above
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from paths(value[key], *above, key)


def at(raw: Any, path: Sequence[Any]) -> Any:
    """The value at a path."""
    return reduce(lambda here, key: here[int(key) if isinstance(here, list) else key], path, raw)


def loaded(raw: Raw) -> Config:
    """The validated configuration."""
    return load_config(raw, PROMPTS)


def study_of(raw: Raw) -> StudySettings:
    """The study that a validated configuration runs."""
    return loaded(raw).current


def problems(raw: Raw) -> tuple[str, ...]:
    """The lines by which a configuration is refused."""
    with pytest.raises(InputError) as caught:
        loaded(raw)
    return caught.value.problems
