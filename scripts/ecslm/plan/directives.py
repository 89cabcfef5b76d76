"""Values for the directives of a Snakemake rule, from the plan of the rule."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from ecslm.common.cli import exit_with
from ecslm.common.errors import InputError
from ecslm.plan.keys import Key
from ecslm.plan.rules import Files, ModelRule, Rule

# A job's wildcards are attributes.
FromWildcards = Callable[[Any], Any]


class Directives:
    """Inputs, outputs and parameters of one rule.

    Inputs and parameters are functions of a job's wildcards, so that a process which runs one job
    computes only that one. Problems in the files that they read end the process, a line each.
    """

    def __init__(self, rule: Rule[Any]) -> None:
        self._rule = rule

    def output(self, name: str) -> Files:
        """The path of an output, with wildcards."""
        return self._rule.patterns[name]

    def input(self, name: str) -> FromWildcards:
        """The files of an input."""
        return self._of(lambda key: self._rule.inputs(key)[name])

    @property
    def settings(self) -> FromWildcards:
        """The value of the script's `--settings`."""
        return self._of(self._rule.settings_parameter)

    @property
    def content(self) -> FromWildcards:
        """Digest of the source rows that the results are built from."""
        return self._of(self._rule.content)

    @property
    def template(self) -> FromWildcards:
        """What the prompt template renders."""
        return self._of(self._rule.template_parameter)

    @property
    def template_file(self) -> FromWildcards:
        """The prompt template, for `resources`: Snakemake must not compare its path."""
        return self._of(lambda key: self._rule.template(key) or "")

    def resource(self, name: str) -> FromWildcards:
        """What a job needs of a resource."""
        return self._of(lambda key: self._rule.needs(key).get(name, 0))

    @property
    def code(self) -> FromWildcards:
        """Digest of the script's code."""
        return self._of(self._rule.code_parameter)

    @property
    def versions(self) -> FromWildcards:
        """Locked versions of libraries."""
        return self._of(self._rule.versions_parameter)

    def _of(self, value: Callable[[Key], Any]) -> FromWildcards:
        names = [field.name for field in fields(self._rule.key_type)]

        def of_wildcards(wildcards: Any) -> Any:
            try:
                return value(
                    self._rule.key_type(**{name: getattr(wildcards, name) for name in names})
                )
            except InputError as error:
                exit_with(error)

        return of_wildcards


class ModelDirectives(Directives):
    """Directives of a rule whose jobs run a model, and request memory and time from a scheduler."""

    def __init__(self, rule: ModelRule[Any]) -> None:
        super().__init__(rule)
        self._request = rule.request

    @property
    def mem_mb(self) -> FromWildcards:
        """MiB of memory that a job asks a scheduler for."""
        return self._of(lambda key: self._request(key).memory_mb)

    @property
    def runtime(self) -> FromWildcards:
        """Minutes that a job asks a scheduler for."""
        return self._of(lambda key: self._request(key).minutes)


def directives(rule: Rule[Any]) -> Directives:
    """The directives of a rule."""
    return ModelDirectives(rule) if isinstance(rule, ModelRule) else Directives(rule)
