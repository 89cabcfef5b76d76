"""What has changed since results were made: their manifests, compared with the graph's jobs or with
the manifests of other results."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import Manifest
from ecslm.plan.parameters import versions_in
from ecslm.provenance.code_history import code_changes
from ecslm.provenance.dag import Job
from ecslm.provenance.integrity import read_job_manifest
from ecslm.schemas.paths import CODE_HISTORY


@dataclass(frozen=True)
class Change:
    """A difference in what two results were made from."""

    kind: Literal["code", "settings", "data", "versions", "unknown"]
    words: str

    def __str__(self) -> str:
        """`kind: what differs`."""
        return f"{self.kind}: {self.words}"


def differences(job: Job) -> list[Change]:
    """How what a job's results were made from differs from what they would be made from now.

    Raises:
        InputError: the manifest is missing or broken.
    """
    made, now = read_job_manifest(job), planned(job)
    return [
        *own_changes(made, now),
        *(
            Change("data", f"{path} {what}")
            for path, what in input_changes(made.inputs, now.inputs)
        ),
    ]


def planned(job: Job) -> Manifest:
    """What a job would be made from now, without its results; inputs that are still to be made have
    no digest."""
    files, now = map(Path, job.inputs), job.params
    return Manifest(
        inputs={str(file): sha256_of_file(file) if file.exists() else "" for file in files},
        content=now.get("source") or now.get("content"),
        template_sha256=(now.get("template") or "").partition(":")[2] or None,
        settings=json.loads(now.get("settings") or "{}"),
        code=now.get("code"),
        versions=versions_in(now.get("versions")),
        files={},
    )


def own_changes(
    then: Manifest, now: Manifest, history: Iterable[Path] = (CODE_HISTORY,)
) -> Iterator[Change]:
    """What differs but the inputs.

    Args:
        history: directories of the definitions behind digests of code.
    """
    for words in code_changes(then.code, now.code, history):
        yield Change("code", words)
    for words in changed_values(dotted(then.settings), dotted(now.settings)):
        yield Change("settings", words)
    if then.template_sha256 != now.template_sha256:
        yield Change("settings", "the prompt template has changed")
    if then.source_content != now.source_content:
        yield Change("data", "the content of the source has changed")
    for words in changed_values(then.versions, now.versions):
        yield Change("versions", words)


def input_changes(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The inputs that differ, and how, by the sha256 of each."""
    for path in sorted(then.keys() | now.keys()):
        if path not in then:
            yield path, "is a new input"
        elif path not in now:
            yield path, "is no longer an input"
        elif now[path] and now[path] != then[path]:
            yield path, "has changed"


def dotted(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested settings to one level with dotted keys; lists stay whole."""
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            flat |= dotted(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat


def changed_values(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The values that differ, as `name: before -> after`."""
    for name in sorted(then.keys() | now.keys()):
        before, after = (values.get(name, "absent") for values in (then, now))
        if before != after:
            yield f"{name}: {before} -> {after}"
