"""Checks whether a run can fetch from the hub what is not here. Nothing is fetched."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ecslm.data.settings import HubData
from ecslm.data.source import COMMIT, is_indexed
from ecslm.models.bases import HubSource
from ecslm.preflight.findings import Finding, PlannedRun, error, ok, warning
from ecslm.schemas.paths import CACHE

# Of one request.
SECONDS = 4.0
# Rules whose jobs read the source of the data.
DATA_RULES = frozenset({"check_data", "dataset"})
# In a URL, with the name of a user.
PASSWORD = re.compile(r"//[^/]*@")
# The page of an account's tokens.
TOKENS = "/settings/tokens"


class Repository(NamedTuple):
    """A repository of the hub that a run is going to fetch."""

    where: str
    """The key of the configuration that names it."""
    source: HubSource | HubData
    license: str | None
    """That which the configuration states."""
    license_key: str
    """Where it does."""


def check_hub(run: PlannedRun) -> Iterator[Finding]:
    """Whether the repositories that are going to be fetched are there, may be read, are pinned to a
    commit, and have the licence that is configured."""
    wanted = list(repositories(run))
    found: list[Finding] = []
    try:
        for one in wanted:
            found += (asked := list(ask_hub(one)))
            yield from asked
    except ConnectionError as lost:
        # The others would say the same.
        yield error(
            f"cannot be reached ({lost}), but the run needs what is not here yet: connect or, "
            f"on a machine with a connection, run `snakemake --config study={run.study.name} "
            "-- bases datasets` and copy its `results`",
            _endpoint(),
        )
        return
    if not wanted:
        yield ok("nothing is to be fetched")
    elif all(one.severity != "error" for one in found):
        yield ok(f"can be fetched: {', '.join(one.source.id for one in wanted)}")


def repositories(run: PlannedRun) -> Iterator[Repository]:
    """What the run is going to fetch from the hub."""
    config, data = run.study.config, run.study.settings.data
    for base in (job.key["base"] for job in run.jobs if job.rule == "base_model"):
        source, license = config.bases[base], config.licenses.get(base)
        if isinstance(source, HubSource):
            yield Repository(f"bases.{base}", source, license, f"licenses.{base}")
    reads = any(job.rule in DATA_RULES for job in run.jobs)
    if reads and isinstance(data, HubData) and not is_indexed(data, CACHE):
        where = f"studies.{run.study.name}.data"
        yield Repository(where, data, data.license, f"{where}.license")


def ask_hub(one: Repository) -> Iterator[Finding]:
    """What is wrong with a repository at its revision, or should be told.

    Raises:
        ConnectionError: the hub cannot be reached.
    """
    from httpx2 import HTTPError, LocalProtocolError
    from huggingface_hub import HfApi, constants, errors, get_token

    hub, pages, id_, revision = HfApi(), _endpoint(), one.source.id, one.source.revision
    kind = "dataset" if isinstance(one.source, HubData) else "model"
    page = f"{pages}/{'datasets/' if kind == 'dataset' else ''}{id_}"
    kept = f"the token in HF_TOKEN or {constants.HF_TOKEN_PATH}"
    try:
        of_kind = hub.model_info if kind == "model" else hub.dataset_info
        info = of_kind(id_, revision=revision, timeout=SECONDS)
        if not COMMIT.fullmatch(revision):
            message = f"{revision} may change: set it to {info.sha}"
            yield warning(message, f"{one.where}.revision")
        told = None if info.card_data is None else info.card_data.get("license")
        if isinstance(told, str) and (one.license or told).casefold() != told.casefold():
            yield warning(f"{one.license}, but {told} on {pages}: correct it", one.license_key)
        if info.gated:
            # Its properties are public, its files are not.
            hub.auth_check(id_, repo_type=kind)
    except errors.GatedRepoError:
        missing = f"the account of {kept} has no access" if get_token() else "there is no token"
        fix = f"accept its licence at {page}, and set HF_TOKEN to a token of that account which may"
        message = (
            f"{id_} is gated, and {missing}: {fix} read gated repositories, of {pages}{TOKENS}"
        )
        yield error(message, one.where)
    except errors.RevisionNotFoundError:
        message = f"{id_} has no revision {revision}: take one of {page}/commits/main"
        yield error(message, f"{one.where}.revision")
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        fix = "correct it or, if it is private, set HF_TOKEN to a token that may read it"
        message = f"the hub has no {kind} {id_}, or shows it only to others: {fix}"
        yield error(message, f"{one.where}.id")
    except (HTTPError, OSError, ValueError) as problem:
        # Also the page of a network that wants a login first, which is not JSON.
        status = getattr(getattr(problem, "response", None), "status_code", None)
        # Of characters that no header may have the message shows the token.
        if status != 401 and not isinstance(problem, LocalProtocolError | UnicodeEncodeError):
            text = f"status {status}" if status else " ".join(str(problem).split())
            reason = PASSWORD.sub("//", text or type(problem).__name__)
            raise ConnectionError(reason) from None
        yield error(f"the hub refuses {kept}: set HF_TOKEN to a new one, of {pages}{TOKENS}")


def _endpoint() -> str:
    """The URL of the hub, or of the mirror that HF_ENDPOINT names, without a password in it."""
    from huggingface_hub import constants

    return PASSWORD.sub("//", str(constants.ENDPOINT))
