"""Checks whether a run can fetch from the hub what is not here. Nothing is fetched."""

import re
from collections.abc import Iterator

from ecslm.data.settings import HubData
from ecslm.data.source import COMMIT, is_indexed
from ecslm.models.bases import HubSource
from ecslm.preflight.findings import Finding, PlannedRun, error, ok, warning
from ecslm.schemas.paths import CACHE

# Of one request.
SECONDS = 4.0
# In the URL of a mirror, with the name of a user.
PASSWORD = re.compile(r"//[^/]*@")


def check_hub(run: PlannedRun) -> Iterator[Finding]:
    """Whether the repositories that are going to be fetched are there, may be read, and are pinned
    to a commit."""
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, constants

    hub, pages = HfApi(), PASSWORD.sub("//", str(constants.ENDPOINT))
    wanted = repositories(run)
    ids = ", ".join(source.id for source in wanted.values())
    yield ok(f"to be fetched: {ids}" if wanted else "nothing is to be fetched")
    for where, source in wanted.items():
        is_data = isinstance(source, HubData)
        of_kind, kind = (hub.dataset_info, "dataset") if is_data else (hub.model_info, "model")
        try:
            info = of_kind(source.id, revision=source.revision, timeout=SECONDS)
            if not COMMIT.fullmatch(source.revision):
                told = f"{source.revision} may change: set it to {info.sha}"
                yield warning(told, f"{where}.revision")
            if info.gated:
                # Its properties are public, its files are not.
                hub.auth_check(source.id, repo_type=kind)
        except (HTTPError, OSError, ValueError) as problem:
            # Its text may show a token or a password.
            status = getattr(getattr(problem, "response", None), "status_code", None)
            if status is None or status >= 500:
                # No server, or the page of a network that wants a login first. The others would
                # say the same.
                yield error(
                    f"cannot be asked ({status or type(problem).__name__}): connect, see that "
                    "HF_TOKEN is a token, or, on a machine with a connection, run `snakemake "
                    f"--config study={run.study.name} -- bases datasets` and copy its `results`",
                    pages,
                )
                return
            page = f"{pages}/{'datasets/' * is_data}{source.id}"
            yield error(
                f"the hub does not give {kind} {source.id} at {source.revision}: correct it or, if "
                f"it is private or gated, accept its licence at {page}, and set HF_TOKEN to a "
                f"token of that account, of {pages}/settings/tokens",
                where,
            )


def repositories(run: PlannedRun) -> dict[str, HubSource | HubData]:
    """What the run is going to fetch from the hub, by the key of the configuration."""
    bases, data = run.study.config.bases, run.study.settings.data
    fetched = (job.key["base"] for job in run.jobs if job.rule == "base_model")
    found: dict[str, HubSource | HubData] = {
        f"bases.{base}": source for base in fetched if isinstance(source := bases[base], HubSource)
    }
    reads = any(job.rule in ("check_data", "dataset") for job in run.jobs)
    if reads and isinstance(data, HubData) and not is_indexed(data, CACHE):
        found[f"studies.{run.study.name}.data"] = data
    return found
