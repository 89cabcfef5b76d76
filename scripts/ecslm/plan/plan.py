"""The study to run with its data source, and all checks of what it asks for."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ecslm.common.errors import InputError, all_of
from ecslm.config.loading import read_config
from ecslm.config.schema import Config
from ecslm.plan.comparisons import warn_of_idle_contrasts
from ecslm.plan.file_checks import check_files
from ecslm.plan.model_checks import ModelChecks
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.plan.tables import check_tables
from ecslm.schemas.paths import TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE

log = logging.getLogger(__name__)


def with_seeds(seeds: str | None) -> dict[str, Any]:
    """What goes over the files of a configuration for an option such as `--seeds 0,1,2`."""
    given = seeds.split(",") if seeds else []
    # Others are refused with the configuration.
    return {"seeds": [int(x) if x.isdecimal() else x for x in given]} if given else {}


class Plan:
    """A study, read and resolved."""

    def __init__(self, config: Config) -> None:
        self.study = Study(config)
        self.source = source_of(self.study)

    @classmethod
    def read(
        cls,
        configfiles: Sequence[Path],
        study: str | None,
        values: Mapping[str, Any] = MappingProxyType({}),
    ) -> "Plan":
        """The plan of a study, configured by config.yaml and further files.

        Args:
            values: what goes over the files.

        Raises:
            InputError: the configuration has problems.
        """
        return cls(read_config([CONFIG_FILE, *configfiles], study, TEMPLATES, values))

    def check(self) -> None:
        """Check what the configuration says against the files that it names, before anything runs.

        Of contrasts that compare nothing, and of a study that several files change, it only warns.

        Raises:
            InputError: all problems: a file of the data source is missing or cannot be read, the
                repository's files lack what a table names, a base what a model needs, or a file
                that others made is missing or wrong.
        """
        for line in self.study.config.changes:
            log.warning("warning: %s", line)
        try:
            all_of(
                self.source.check,
                lambda: check_tables(self.study),
                ModelChecks(self.study).check,
                lambda: check_files(self.study),
            )
        except InputError as error:
            raise self.study.config.with_places(error) from None
        warn_of_idle_contrasts(self.study)
