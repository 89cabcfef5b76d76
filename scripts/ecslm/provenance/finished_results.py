"""The cache of finished results, before and after a run."""

import logging
from collections.abc import Container, Iterable
from contextlib import suppress
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import read_manifest
from ecslm.common.results_cache import GIGABYTE, Entry, ResultsCache, remove_entry, trim
from ecslm.provenance.dag import Job
from ecslm.schemas.paths import FINISHED

# Rules whose results are kept; the names of their outputs are those of the files in the cache.
KEPT = ("train_adapter", "predict", "bertscore")

log = logging.getLogger(__name__)


def keep_results(jobs: Iterable[Job], unfinished: Container[str]) -> None:
    """Put results that are not in the cache into it: adopted ones, and all if it was deleted.

    Snakemake deletes results before it runs their job, and the run may be stopped, or what was
    edited put back. Only results whose manifest has the key of the cache are kept.

    Args:
        jobs: those whose manifests exist.
        unfinished: manifests of results that Snakemake will delete in any case.
    """
    cache = ResultsCache(FINISHED)
    for job in jobs:
        if job.rule in KEPT and job.manifest not in unfinished:
            _keep(cache, job)


def forget_results(files: Iterable[Path]) -> None:
    """Remove results from the cache, so that their jobs compute them again.

    Args:
        files: those of the results, their manifests included.
    """
    cache = ResultsCache(FINISHED)
    for path in files:
        # A broken manifest does not tell which entry is its own.
        with suppress(InputError):
            if path.name.endswith("manifest.json") and (action := read_manifest(path).action):
                remove_entry(cache.folder(action))


def trim_results(limit: float) -> None:
    """Keep the cache within its limit, in bytes."""
    removed = trim(ResultsCache(FINISHED), limit)
    if removed:
        log.warning(
            "cache: %d least recently used entries removed (limit: %g GB)",
            len(removed),
            limit / GIGABYTE,
        )


def _keep(cache: ResultsCache, job: Job) -> None:
    made = read_manifest(Path(job.manifest))
    if made.action is None or cache.has(made.action):
        return
    outputs = {name: Path(path) for name, (path,) in job.outputs.items() if name != "manifest"}
    try:
        # Those of results come from the manifest: an altered file will not be taken as sound.
        digests = {
            name: made.files.get(path.name) or sha256_of_file(path)
            for name, path in outputs.items()
        }
    except InputError:
        # A file that no job needs was deleted.
        return
    entry = Entry(
        key=made.action,
        step=job.rule,
        made_for=job.manifest,
        fields=made.model_extra or {},
        files=digests,
    )
    cache.put(entry, outputs)
