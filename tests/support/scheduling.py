"""Which worker of pytest-xdist gets which test."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Where the longest tests are: they begin first, so that no worker is left with one in the end.
LONGEST = (
    "tests/end_to_end/",
    # The other worker finishes the studies that many tests edit: otherwise both would wait for one.
    "tests/workflow/test_archive.py",
    *("tests/workflow/test_interruption.py", "tests/workflow/"),
    *("tests/unit/training/", "tests/unit/data/", "tests/unit/scoring/", "tests/unit/prediction/"),
)
# Where tests share what is costly over workers, see `shared.py`.
APART = "tests/workflow/"


def longest_first(items: list[pytest.Item]) -> None:
    """Put tests into the order in which they are given out."""
    items.sort(key=lambda item: [not item.nodeid.startswith(place) for place in LONGEST])


class ModulesTogether(LoadScopeScheduling):
    """Gives out modules, for their fixtures; tests of the workflow one by one; all in order."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(APART) else nodeid.partition("::")[0]
