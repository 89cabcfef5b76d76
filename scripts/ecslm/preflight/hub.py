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
# In a URL, with the name of a user.
PASSWORD = re.compile(r"//[^/]*@")


def check_hub(run: PlannedRun) -> Iterator[Finding]:
    """Whether the repositories that are going to be fetched are there, may be read, and are pinned
    to a commit."""
    wanted = repositories(run)
    ids = ", ".join(source.id for source in wanted.values())
    yield ok(f"to be fetched: {ids}" if wanted else "nothing is to be fetched")
    try:
        for where, source in wanted.items():
            yield from ask_hub(where, source)
    except ConnectionError as lost:
        # The others would say the same.
        yield error(
            f"cannot be reached ({lost}), but the run needs what is not here yet: connect or, "
            f"on a machine with a connection, run `snakemake --config study={run.study.name} "
            "-- bases datasets` and copy its `results`",
            _endpoint(),
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


def ask_hub(where: str, source: HubSource | HubData) -> Iterator[Finding]:
    """What is wrong with a repository at its revision, or should be told.

    Args:
        where: the key of the configuration.

    Raises:
        ConnectionError: the hub cannot be reached.
    """
    from httpx2 import HTTPError, LocalProtocolError
    from huggingface_hub import HfApi, errors

    hub, pages, id_, revision = HfApi(), _endpoint(), source.id, source.revision
    kind = "dataset" if isinstance(source, HubData) else "model"
    page = f"{pages}/{'datasets/' if kind == 'dataset' else ''}{id_}"
    try:
        of_kind = hub.model_info if kind == "model" else hub.dataset_info
        info = of_kind(id_, revision=revision, timeout=SECONDS)
        if not COMMIT.fullmatch(revision):
            yield warning(f"{revision} may change: set it to {info.sha}", f"{where}.revision")
        if info.gated:
            # Its properties are public, its files are not.
            hub.auth_check(id_, repo_type=kind)
    except (HTTPError, OSError, ValueError) as problem:
        # Also the page of a network that wants a login first, which is not JSON.
        status = getattr(getattr(problem, "response", None), "status_code", None)
        refused = status is not None and status < 500
        # Of characters that no header may have the message shows the token.
        of_token = isinstance(problem, LocalProtocolError | UnicodeEncodeError)
        if not of_token and not isinstance(problem, errors.HFValidationError) and not refused:
            text = f"status {status}" if status else " ".join(str(problem).split())
            raise ConnectionError(PASSWORD.sub("//", text or type(problem).__name__)) from None
        yield error(
            f"the hub does not give {kind} {id_} at {revision}: correct it or, if it is private or "
            f"gated, accept its licence at {page}, and set HF_TOKEN to a token of that account, of "
            f"{pages}/settings/tokens",
            where,
        )


def _endpoint() -> str:
    """The URL of the hub, or of the mirror that HF_ENDPOINT names, without a password in it."""
    from huggingface_hub import constants

    return PASSWORD.sub("//", str(constants.ENDPOINT))
