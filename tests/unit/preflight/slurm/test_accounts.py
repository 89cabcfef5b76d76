"""An account is known as the executor would find it, or the run would send no job."""

import pytest
from support.planned_runs import lines, planned_run
from support.slurm_commands import Slurm

from ecslm.preflight.profiles import Profile
from ecslm.preflight.slurm.accounts import check_accounts
from ecslm.preflight.slurm.asked import asked

WHERE = "profiles/slurm/config.yaml: default-resources: slurm_account"


def told(account: str) -> list[str]:
    profile = Profile("slurm", "slurm", default_resources={"slurm_account": account})
    run = planned_run(profile)
    return [
        *lines(found := [*check_accounts(run, asked(run))]),
        *(one.what for one in found if one.severity == "ok"),
    ]


@pytest.mark.parametrize("command", ["sacctmgr", "sshare"])
def test_an_account_that_the_cluster_knows_passes(command: str, slurm: Slurm) -> None:
    slurm.make("sacctmgr", ":")
    slurm.prints(command, "   Physics  \n   us")
    for account in ("us", "US", "us, physics", ""):
        assert told(account) == []


def test_another_account_names_those_that_there_are(slurm: Slurm) -> None:
    slurm.prints("sacctmgr", "us\nphysics")
    for account in ("none", "none,us"):
        assert told(account) == [
            f"error: {WHERE}: you have no account `none`: set one of physics, us"
        ]


def test_on_a_cluster_without_accounts_any_will_do(slurm: Slurm) -> None:
    slurm.fails("sacctmgr", "You are not running a supported accounting_storage plugin")
    slurm.make("sshare", ":")
    assert told("none") == ["the cluster has no accounts"]


def test_an_account_that_nobody_can_look_up_is_refused_as_by_the_executor(slurm: Slurm) -> None:
    for command in ("sacctmgr", "sshare"):
        slurm.fails(command, "no connection")
    (line,) = told("us")
    assert line.startswith(f"error: {WHERE}: us, but neither sacctmgr nor sshare tells whether")
    assert told("") == []


def test_the_executor_comes_to_the_same_conclusion(slurm: Slurm) -> None:
    accounts = pytest.importorskip("snakemake_executor_plugin_slurm.accounts")
    from snakemake_interface_common.exceptions import WorkflowError

    log = type("Log", (), {"warning": lambda *_: None})
    for first, second in (("us", ""), ("", "us"), ("", ""), (None, "us"), (None, "")):
        for name, text in (("sacctmgr", first), ("sshare", second)):
            slurm.fails(name, "no") if text is None else slurm.prints(name, text)
        for account in ("us", "none"):
            try:
                accounts.validate_account(account, log)
                refused = False
            except WorkflowError:
                refused = True
            assert refused == any(line.startswith("error") for line in told(account))
