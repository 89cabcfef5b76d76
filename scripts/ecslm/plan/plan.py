"""The plan of a study: all of its rules, and all of their jobs."""

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from ecslm.common.errors import InputError, all_of
from ecslm.config.loading import read_config
from ecslm.config.schema import Config
from ecslm.plan.file_checks import check_files
from ecslm.plan.model_checks import ModelChecks
from ecslm.plan.rules import Job, Rule
from ecslm.plan.source import source_of
from ecslm.plan.stages import (
    answers,
    bases,
    comparisons,
    data,
    exports,
    figures,
    latency,
    models,
    report,
    scores,
    tables,
)
from ecslm.plan.study import Study
from ecslm.schemas.paths import TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE

# Each stage after those whose results it reads.
STAGES = (
    *(bases, data, answers, models, latency, scores, comparisons, exports, tables),
    *(figures, report),
)
# Of these the target `all` asks for nothing: bases are fetched for the jobs that read them, latency
# is measured of the models that a table shows it of, the PDF needs LaTeX, and exported models take
# space.
NOT_IN_ALL = frozenset(
    {"base_model", "measure_latency", "report_pdf", "export_model", "model_card"}
)


log = logging.getLogger(__name__)

SomeRule = TypeVar("SomeRule", bound=Rule[Any])


class Plan:
    """The rules of a study by name, each after the rules whose results it reads."""

    def __init__(self, config: Config) -> None:
        self.study = Study(config)
        self.source = source_of(self.study)
        self.rules: dict[str, Rule[Any]] = {
            rule.name: rule(self.study) for stage in STAGES for rule in stage.RULES
        }
        self._rule(report.DrawRuleGraph).rules = tuple(self.rules.values())
        self.tables: tables.RenderTable = self._rule(tables.RenderTable)
        self.data_check: data.CheckData = self._rule(data.CheckData)

    @classmethod
    def read(cls, configfiles: Sequence[Path], study: str | None) -> "Plan":
        """The plan of a study, configured by config.yaml and further files.

        Raises:
            InputError: the configuration has problems.
        """
        return cls(read_config([CONFIG_FILE, *configfiles], study, TEMPLATES))

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
                self.tables.check,
                ModelChecks(self.study).check,
                lambda: check_files(self.study),
            )
        except InputError as error:
            raise self.study.config.with_places(error) from None
        comparisons.warn_of_idle_contrasts(self.study)

    def _rule(self, kind: type[SomeRule]) -> SomeRule:
        rule = self.rules[kind.name]
        assert isinstance(rule, kind)
        return rule

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs of the study.

        Raises:
            InputError: a file that a parameter is computed from is missing or broken.
        """
        return tuple(job for rule in self.rules.values() for job in rule.jobs())

    @property
    def rules_of_all(self) -> tuple[str, ...]:
        """The rules whose target files the target `all` asks for."""
        return tuple(name for name in self.rules if name not in NOT_IN_ALL)

    def targets(self, *rules: str) -> list[str]:
        """The target files of some rules."""
        return [path for name in rules for path in self.rules[name].target_files()]
