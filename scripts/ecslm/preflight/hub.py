"""Asks the Hugging Face hub about the repositories that a run will fetch."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ecslm.data.settings import HubData
from ecslm.data.sources.hub import is_indexed
from ecslm.models.bases import WEIGHTS, HubSource
from ecslm.plan.plan import Plan
from ecslm.preflight.servers import SECONDS, Reply
from ecslm.provenance.dag import Job
from ecslm.schemas.paths import CACHE

# Rules whose jobs read the source of the data.
DATA_RULES = frozenset({"check_data", "dataset"})
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

    def ask(self) -> Reply:
        """Ask the hub whether the repository can be read at the revision, and for its public
        properties.
        """
        from httpx2 import HTTPError, LocalProtocolError
        from huggingface_hub.errors import (
            GatedRepoError,
            HfHubHTTPError,
            HFValidationError,
            OfflineModeIsEnabled,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        try:
            return self._known()
        except GatedRepoError:
            return Reply("gated")
        except RevisionNotFoundError:
            return Reply("no revision")
        except (RepositoryNotFoundError, HFValidationError):
            return Reply("unknown")
        except HfHubHTTPError as error:
            status = error.response.status_code
            return Reply("bad token") if status == 401 else Reply("unreachable", f"status {status}")
        except OfflineModeIsEnabled:
            return Reply("unreachable", "HF_HUB_OFFLINE is set")
        except (LocalProtocolError, UnicodeEncodeError):
            # The token has characters that no header may have; the message shows it.
            return Reply("bad token")
        except (HTTPError, OSError) as error:
            return Reply("unreachable", " ".join(str(error).split()) or type(error).__name__)
        except (AttributeError, KeyError, TypeError, ValueError):
            return Reply("unreachable", "the server that answers is not a hub")

    def _known(self) -> Reply:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import GatedRepoError

        hub = HfApi()
        of_kind = hub.model_info if self.kind == "model" else hub.dataset_info
        info = of_kind(self.id, revision=self.revision, timeout=SECONDS)
        licence = None if info.card_data is None else info.card_data.get("license")
        known = Reply("ok", commit=info.sha, license=licence if isinstance(licence, str) else None)
        if info.gated:
            # Its properties are public, its files are not.
            try:
                hub.auth_check(self.id, repo_type=self.kind)
            except GatedRepoError:
                return replace(known, state="gated")
        return known


def repositories(plan: Plan, jobs: Iterable[Job]) -> Iterator[Repository]:
    """The repositories that some jobs are going to fetch."""
    config, data, of_data = plan.study.config, plan.source.data, False
    for job in jobs:
        of_data = of_data or job.rule in DATA_RULES
        if job.rule == "base_model":
            base = job.key["base"]
            source = config.bases[base]
            if isinstance(source, HubSource):
                licence = config.licenses.get(base)
                yield Repository(f"bases.{base}", "model", source.id, source.revision, licence)
    if of_data and isinstance(data, HubData) and not is_indexed(data, CACHE):
        where = f"studies.{plan.study.name}.data"
        yield Repository(where, "dataset", data.id, data.revision, data.license)


def endpoint() -> str:
    """The URL of the hub, or of the mirror that HF_ENDPOINT names, without a password in it."""
    from huggingface_hub import constants

    return PASSWORD.sub("//", str(constants.ENDPOINT))


def token_name() -> str | None:
    """The variable or file of the token that requests carry, never the token itself; None without
    one.
    """
    from huggingface_hub import constants, get_token

    if get_token() is None:
        return None
    variable = next((name for name in VARIABLES if os.environ.get(name)), None)
    return variable or str(constants.HF_TOKEN_PATH)


def cached_folder(repository: Repository) -> Path | None:
    """The directory of a model in the hub's own cache; None if it is not there."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(
        repository.id, "config.json", revision=repository.revision, repo_type=repository.kind
    )
    folder = Path(found).parent if isinstance(found, str) else None
    return folder if folder is not None and any(folder.glob(WEIGHTS)) else None
