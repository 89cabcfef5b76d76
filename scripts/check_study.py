"""Say whether a run of a study would succeed, before anything runs, and what is missing for it.
Each problem is printed with its fix. Nothing is fetched, and nothing is written outside
`results` and `.snakemake`; the hub and other servers are asked, for a few seconds at most. With a
profile for SLURM a short job tries a node, for which it may wait half a minute.

exit status:
  0  a run can start; there may be warnings
  1  a run would fail
"""

import os
import platform
from dataclasses import asdict

from ecslm.common.files import json_text
from ecslm.plan.study import Choice
from ecslm.preflight.check import check_study
from ecslm.preflight.findings import as_text, fails
from ecslm.script import run_script


def main(choice: Choice, profile: str = "default", json: bool = False) -> int:
    """
    Args:
        profile: how it would run: a folder of `profiles`
        json: print JSON instead
    """
    # The hub's library would fetch a list for its statistics, and keep it outside of `results`.
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    study, found = check_study(choice, profile)
    if json:
        findings = [asdict(one) for one in found]
        whole = {"fails": fails(found), "study": study, "profile": profile, "findings": findings}
        print(json_text(whole).rstrip())
    else:
        of_study = "Configuration" if study is None else f"Study {study}"
        print(as_text(f"{of_study}, profile {profile}, on {platform.node()}", found))
    return int(fails(found))


if __name__ == "__main__":
    run_script(main)
