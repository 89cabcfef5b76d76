"""What has changed since results were made: their manifests, compared with the graph's jobs or with
the manifests of other results. Changes of code are named by the definitions behind each digest,
which every run records."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import Manifest
from ecslm.common.validation import read_model
from ecslm.fingerprint.digest import definition_digests, digested
from ecslm.plan.parameters import versions_in
from ecslm.provenance.dag import Job
from ecslm.provenance.results import read_job_manifest
from ecslm.schemas.paths import CODE_HISTORY

# Digests of definitions by module and name; statements that are none have an empty name.
Code = Mapping[str, Mapping[str, str]]
# By whether a definition was used before, and is after.
WHAT = {
    (True, True): "has changed",
    (False, True): "is used now",
    (True, False): "is no longer used",
}


@dataclass(frozen=True)
class Change:
    """A difference in what two results were made from."""

    kind: Literal["code", "settings", "data", "versions", "unknown"]
    words: str


def differences(job: Job) -> list[Change]:
    """How what a job's results were made from differs from what they would be made from now.

    Raises:
        InputError: the manifest is missing or broken.
    """
    made, params = read_job_manifest(job), job.params
    now = Manifest(
        # Those that are still to be made have no digest.
        inputs={one: sha256_of_file(Path(one)) if Path(one).exists() else "" for one in job.inputs},
        content=params.get("source") or params.get("content"),
        template_sha256=(params.get("template") or "").partition(":")[2] or None,
        settings=json.loads(params.get("settings") or "{}"),
        code=params.get("code"),
        versions=versions_in(params.get("versions")),
        files={},
    )
    inputs = input_changes(made.inputs, now.inputs)
    return [*own_changes(made, now), *(Change("data", " ".join(one)) for one in inputs)]


def own_changes(
    then: Manifest, now: Manifest, history: Iterable[Path] = (CODE_HISTORY,)
) -> Iterator[Change]:
    """What differs but the inputs.

    Args:
        history: directories of the definitions behind digests of code.
    """
    if then.code != now.code:
        for words in _code_changes(str(then.code), str(now.code), history):
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


def record_code() -> None:
    """Record the definitions behind each code digest that this process has computed, as it has
    those of all jobs of its run, so that what changed can be named later."""
    for code, of_job in digested().items():
        path = CODE_HISTORY / f"{code}.json"
        if not path.exists():
            write_json(path, definition_digests(*of_job))


def definitions(code: str, folders: Iterable[Path] = (CODE_HISTORY,)) -> Code:
    """The definitions behind a digest; empty if they are not known.

    Args:
        folders: directories of records, as `record_code` makes one.
    """
    digest = code.removeprefix("code:")
    if of_job := digested().get(digest):
        return definition_digests(*of_job)
    for folder in folders:
        with suppress(InputError):
            return read_model(folder / f"{digest}.json", dict[str, dict[str, str]])
    return {}


def _code_changes(then: str, now: str, folders: Iterable[Path]) -> list[str]:
    """Definition by definition, where these are known."""
    codes = definitions(then, folders), definitions(now, folders)
    before, after = _by_name(*codes), _by_name(*reversed(codes))
    found = [
        f"{name} {WHAT[name in before, name in after]}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    # Digests of definitions do not tell, for example, that two equal ones are one now.
    return found if all(codes) and found else [f"other code ({then} -> {now})"]


def _by_name(code: Code, other: Code) -> dict[str, str]:
    """Digests by module and name; of a module that the other code lacks, one by its own."""
    return {
        f"{module}: {name}" if name and module in other else module: digest
        for module, names in code.items()
        for name, digest in names.items()
    }
