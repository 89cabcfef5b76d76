"""Checks whether the accounts that jobs are charged to exist."""

import getpass
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from ecslm.common.errors import InputError
from ecslm.preflight.findings import Finding, error, ok
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.slurm.asked import Asked
from ecslm.preflight.slurm.commands import answer

# What the executor asks before it sends a job that names an account, in its own words.
COMMANDS = (
    ("sacctmgr", "-n", "-s", "list", "user", "{user}", "format=account%256"),
    ("sshare", "-U", "--format", "Account%256", "--noheader"),
)


def check_accounts(run: PlannedRun, jobs: Sequence[Asked]) -> Iterator[Finding]:
    """Whether SLURM knows the accounts of jobs; on a cluster without accounts any will do."""
    named = {
        account: run.profile.where(job.rule, "slurm_account")
        for job in jobs
        for account in re.split(r"[,\s]+", job.place.slurm_account)
        if account
    }
    if not named:
        return
    try:
        known = _known()
    except InputError:
        for account, where in named.items():
            yield error(
                f"{account}, but neither sacctmgr nor sshare tells whether there is such an "
                "account, and the executor sends no job then",
                where,
                "remove it: the executor takes the one of your last jobs",
            )
        return
    if not known:
        yield ok("the cluster has no accounts")
    for account, where in named.items():
        if known and account.lower() not in known:
            yield error(f"you have no account `{account}`", where, f"set one of {', '.join(known)}")


def _known() -> list[str]:
    """The user's accounts, which SLURM writes in small letters."""
    command, other = ([part.format(user=getpass.getuser()) for part in one] for one in COMMANDS)
    found = ""
    with suppress(InputError):
        found = answer(*command).strip()
    return sorted({name.lower() for name in (found or answer(*other)).split()})
