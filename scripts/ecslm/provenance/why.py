"""Why jobs would run: what has changed since results were made, by their manifests, and what a
result was built from. Results that were built elsewhere, of which nothing has, can be adopted."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from tqdm import tqdm

from ecslm.common.errors import InputError, refuse
from ecslm.common.files import read_model, write_json
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import Manifest
from ecslm.fingerprint.digest import SCRIPTS, code_of
from ecslm.plan.jobs import versions_in
from ecslm.provenance.dag import Job
from ecslm.provenance.results import damage, how_to_rebuild, read_job_manifest
from ecslm.schemas.paths import CODE_HISTORY

# Of a terminal.
WIDTH = 80
# Rules whose results are not made again in seconds: those that do not match are refused, and kept.
PRECIOUS = (
    *("check_data", "dataset", "base_model", "train_adapter", "fetch_answers", "predict"),
    *("measure_latency", "bertscore", "export_model"),
)
# Digests of definitions by module and name; statements that are none have an empty name.
Code = Mapping[str, Mapping[str, str]]


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
    params = job.params
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
    return list(changes(read_job_manifest(job), now))


def changes(then: Manifest, now: Manifest) -> Iterator[Change]:
    """What differs between two manifests but the results."""
    if then.code != now.code:
        changed = changed_definitions(str(then.code), str(now.code))
        told = [f"{module}: {name}" if name else module for module, name in changed]
        other = f"other code ({then.code} -> {now.code})"
        yield from (Change("code", f"{one} has changed") for one in told)
        yield from [] if told else [Change("code", other)]
    for words in changed_values(dotted(then.settings), dotted(now.settings)):
        yield Change("settings", words)
    if then.template_sha256 != now.template_sha256:
        yield Change("settings", "the prompt template has changed")
    if then.source_content != now.source_content:
        yield Change("data", "the content of the source has changed")
    for words in changed_values(then.versions, now.versions):
        yield Change("versions", words)
    for path in sorted(then.inputs.keys() | now.inputs.keys()):
        if path not in then.inputs:
            yield Change("data", f"{path} is a new input")
        elif path not in now.inputs:
            yield Change("data", f"{path} is no longer an input")
        elif now.inputs[path] not in ("", then.inputs[path]):
            yield Change("data", f"{path} has changed")


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
    code = code_of(SCRIPTS)
    for digest, of_job in code.digested.items():
        path = CODE_HISTORY / f"{digest}.json"
        if not path.exists():
            write_json(path, code.definitions(*of_job))


def definitions(code: str) -> Code:
    """The definitions behind a digest; empty if they are not known."""
    digest = code.removeprefix("code:")
    if of_job := code_of(SCRIPTS).digested.get(digest):
        return code_of(SCRIPTS).definitions(*of_job)
    with suppress(InputError):
        return read_model(CODE_HISTORY / f"{digest}.json", dict[str, dict[str, str]])
    return {}


def changed_definitions(then: str, now: str) -> list[tuple[str, str]]:
    """Modules and names of definitions that are new or differ; one that has moved is neither. Empty
    if nothing is known of the code before."""
    before, after = definitions(then), definitions(now)
    known = {digest for names in before.values() for digest in names.values()}
    return [
        (module, name)
        for module, names in sorted(after.items())
        for name, digest in sorted(names.items())
        if before and before.get(module, {}).get(name) != digest and digest not in known
    ]


class Changes:
    """The jobs of a graph, and why a run would do them."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        """Args:
        jobs: each after those whose results it reads.
        """
        self.jobs = tuple(jobs)
        self.by_path = {path: job for job in self.jobs for path in job.files}

    def sources(self, job: Job) -> list[Job]:
        """The jobs whose results a job reads."""
        return [self.by_path[path] for path in job.inputs if path in self.by_path]

    def reasons(self, job: Job) -> list[str]:
        """Why the job itself would run; empty if it would not, or only since another one would.

        Raises:
            InputError: the manifest is broken.
        """
        if not job.due:
            return []
        if not Path(job.manifest).exists():
            return ["not built yet"]
        anew = {path for source in self.sources(job) if source.due for path in source.files}
        words = [*_gone(job), *(change.words for change in differences(job))]
        found = [text for text in words if text.partition(" ")[0] not in anew]
        # What the library does not know of, Snakemake does.
        return found or ([] if anew else [job.reason])

    def upstream(self, job: Job) -> dict[str, list[Job]]:
        """Every reason to run a job or those upstream, the nearest first, with the jobs that have
        it."""
        needed = {job}
        found: dict[str, list[Job]] = {}
        for one in (job for job in reversed(self.jobs) if job in needed):
            needed.update(self.sources(one))
            for reason in self.reasons(one):
                found.setdefault(reason, []).append(one)
        return found


def explain(jobs: Sequence[Job], path: Path) -> str:
    """Whether a result will be rebuilt and why, and what it was built from, as plain text: the
    content of the manifest, as YAML.

    Args:
        jobs: each after those whose results it reads.

    Raises:
        InputError: the study has no such result, or its manifest is broken.
    """
    found = Changes(jobs)
    if (job := found.by_path.get(path.as_posix())) is None:
        raise InputError(f"{path}: not a result of the study as configured now")
    made = read_job_manifest(job) if Path(job.manifest).exists() else None
    state = f"{'will be rebuilt' if job.due else 'up to date'}; built by rule {job.rule}"
    if made is not None and (altered := damage(job, made, weights=True)):
        state = f"modified since it was built ({', '.join(altered)}): {how_to_rebuild(job)}"
    lines = [f"{path}: {state}"]
    for reason, (first, *others) in found.upstream(job).items():
        more = f" and {len(others)} more" if others else ""
        concerned = "" if first == job and not others else f": concerns {first.files[0]}{more}"
        lines.append(f"  because {reason}{concerned}")
    if made is not None:
        content = made.model_dump(mode="json", exclude_none=True)
        lines.append(yaml.safe_dump(content, sort_keys=False, allow_unicode=True).rstrip())
    return "\n".join(lines)


# Adoption


def verified(jobs: Iterable[Job]) -> list[Job]:
    """The jobs whose results exist and are what the graph would build now.

    Each file is compared with its manifest, and each manifest with the configuration, the code, the
    lock file and the inputs. Results that do not match are deleted where they are rebuilt in
    seconds, as scores, comparisons, tables and reports are.

    Raises:
        InputError: other results do not match; then nothing has been deleted.
    """
    exist = [job for job in jobs if any(Path(path).exists() for path in job.files)]
    bar = tqdm(exist, unit="job", desc="verifying", delay=1)
    wrong = {job: reasons for job in bar if (reasons := _mismatches(job))}
    refuse(
        f"{job.manifest}: {reason}: copy it again, or {how_to_rebuild(job)}"
        for job, reasons in wrong.items()
        for reason in reasons
        if job.rule in PRECIOUS
    )
    for path in (path for job in wrong for path in job.files):
        Path(path).unlink(missing_ok=True)
    return [job for job in exist if job not in wrong]


def align_times(jobs: Iterable[Job]) -> None:
    """Give all results one time: those that are newer than what reads them would be hashed."""
    now = time.time_ns()
    for job in jobs:
        for path in job.files:
            os.utime(path, ns=(now, now))


def _gone(job: Job) -> list[str]:
    return [f"{path} is missing" for path in job.results if not Path(path).exists()]


def _mismatches(job: Job) -> list[str]:
    try:
        altered = damage(job, read_job_manifest(job), weights=True)
    except InputError:
        return ["missing or broken"]
    return [*_gone(job), *(change.words for change in differences(job)), *altered]
