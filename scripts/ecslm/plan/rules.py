"""Rules and jobs: outputs, inputs and parameters, declared once.

The Snakemake rules take them from here (`plan/directives.py`), and so do targets, why.py, adoption
and the checks of results (`Job`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel

from ecslm.common.equal_code import Pair, representative
from ecslm.common.manifests import Manifest
from ecslm.common.versions import lock_versions
from ecslm.estimates.estimate import Request
from ecslm.fingerprint.running import code_parameter
from ecslm.models.prompts import template_digest
from ecslm.plan.keys import Key
from ecslm.plan.parameters import json_parameter, versions_parameter
from ecslm.plan.study import Study

Files = str | tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """Outputs, inputs and parameters of one job.

    `settings`, `content`, `template` and `versions` are parameters of its rule, None if the rule
    has none. The code is a script with the modules that it loads by name.
    """

    rule: str
    results: tuple[str, ...]
    """Files whose sha256 the manifest lists."""
    manifest: str
    key: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The wildcards. A manifest that has fields of these names must have these values."""
    inputs: tuple[str, ...] = ()
    settings: str | None = None
    content: str | None = None
    template: str | None = None
    versions: str | None = None
    standing: str | None = None
    """Digest of the code that stands for its own, if that is known already."""
    script: str | None = None
    modules: tuple[str, ...] = ()
    timed: tuple[str, ...] = ()
    """Files with measured times, which the manifest does not list."""
    cheap: bool = False
    """Whether results that do not match are deleted and rebuilt; others are kept and refused."""
    manifest_form: type[Manifest] = Manifest
    made_by: str | None = None
    """A file with code and versions, if the manifest does not have them."""

    @property
    def code(self) -> str | None:
        """The code's digest as a parameter."""
        return self.standing or _code(self.script, self.modules)

    @property
    def files(self) -> tuple[str, ...]:
        """All files that it makes, the manifest last."""
        return (*self.timed, *self.results, self.manifest)


SomeKey = TypeVar("SomeKey", bound=Key)


class Rule(ABC, Generic[SomeKey]):
    """A rule. Subclasses declare what their jobs have."""

    name: ClassVar[str]
    key_type: ClassVar[type[Key]]
    script: ClassVar[str | None]
    outputs: ClassVar[Mapping[str, str]]
    """Path patterns by name. `manifest` must be last: Snakemake deletes outputs in this order, and
    results without a manifest are refused."""
    timed: ClassVar[frozenset[str]] = frozenset()
    """Names of the outputs with measured times, which manifests do not list."""
    libraries: ClassVar[tuple[str, ...]] = ()
    cheap: ClassVar[bool] = False
    """Whether results are rebuilt in seconds."""
    kept: ClassVar[bool] = False
    """Whether finished results are kept in the cache, see `common/results_cache.py`. The names of
    its outputs are those of their files there."""
    manifest_form: ClassVar[type[Manifest]] = Manifest

    def __init__(self, study: Study) -> None:
        self.study = study
        # By libraries and modules: many jobs have the same.
        self._pairs: dict[tuple[tuple[str, ...], tuple[str, ...]], Pair] = {}

    @abstractmethod
    def all_keys(self) -> Iterable[SomeKey]:
        """The keys of all jobs that the study has."""

    def inputs(self, key: SomeKey) -> Mapping[str, Files]:  # noqa: ARG002
        """The files that a job reads, by name."""
        return {}

    def settings(self, key: SomeKey) -> BaseModel | None:  # noqa: ARG002
        """The value of the script's `--settings`."""
        return None

    def content(self, key: SomeKey) -> str | None:  # noqa: ARG002
        """Digest of the source rows that results are built from."""
        return None

    def template(self, key: SomeKey) -> str | None:  # noqa: ARG002
        """The prompt template. Its content is a parameter; its path may change."""
        return None

    def made_by(self, key: SomeKey) -> str | None:  # noqa: ARG002
        """The file with code and versions, if the manifest does not have them."""
        return None

    def modules(self, key: SomeKey) -> tuple[str, ...]:  # noqa: ARG002
        """Modules that the script loads by name."""
        return ()

    def libraries_of(self, key: SomeKey) -> tuple[str, ...]:  # noqa: ARG002
        """Libraries whose versions can change a job's results."""
        return self.libraries

    def needs(self, key: SomeKey) -> Mapping[str, int | str]:  # noqa: ARG002
        """What a job needs of Snakemake's resources, where that differs between jobs."""
        return {}

    @property
    def folder(self) -> str:
        """The directory that the paths of outputs are relative to."""
        return self.study.results

    @cached_property
    def patterns(self) -> Mapping[str, Files]:
        """Paths of outputs by name, with wildcards."""
        return {name: f"{self.folder}/{pattern}" for name, pattern in self.outputs.items()}

    def output_paths(self, name: str, key: SomeKey) -> tuple[str, ...]:
        """The paths of a job's output."""
        return tuple(pattern.format(**vars(key)) for pattern in as_tuple(self.patterns[name]))

    def job(self, key: SomeKey) -> Job:
        """The job of one key.

        Raises:
            InputError: a file that a parameter is computed from is missing or broken.
        """
        (manifest,) = self.output_paths("manifest", key)
        listed = [name for name in self.patterns if name not in {"manifest", *self.timed}]
        return Job(
            rule=self.name,
            results=tuple(path for name in listed for path in self.output_paths(name, key)),
            manifest=manifest,
            key=asdict(key),
            inputs=tuple(path for files in self.inputs(key).values() for path in as_tuple(files)),
            settings=self.settings_parameter(key),
            content=self.content(key),
            template=self.template_parameter(key),
            versions=self.versions_parameter(key),
            standing=self.code_parameter(key),
            script=self.script,
            modules=self.modules(key),
            timed=tuple(
                path
                for name in self.patterns
                if name in self.timed
                for path in self.output_paths(name, key)
            ),
            cheap=self.cheap,
            manifest_form=self.manifest_form,
            made_by=self.made_by(key),
        )

    def jobs(self) -> Iterator[Job]:
        """All jobs of the study.

        Raises:
            InputError: a file that a parameter is computed from is missing or broken.
        """
        return map(self.job, self.all_keys())

    def target_files(self) -> list[str]:
        """Everything that the jobs make: whichever file is missing, its job runs again."""
        return [
            path
            for key in self.all_keys()
            for name in self.patterns
            for path in self.output_paths(name, key)
        ]

    # Parameters as Snakemake compares them

    def settings_parameter(self, key: SomeKey) -> str | None:
        """Settings as one canonical string."""
        settings = self.settings(key)
        return None if settings is None else json_parameter(settings)

    def template_parameter(self, key: SomeKey) -> str | None:
        """What the prompt template renders."""
        template = self.template(key)
        return None if template is None else template_digest(Path(template))

    def versions_parameter(self, key: SomeKey) -> str | None:
        """Locked versions of the libraries that can change a job's results."""
        versions = self._representative(key).versions
        return versions_parameter(versions) if versions else None

    def code_parameter(self, key: SomeKey) -> str | None:
        """Digest of the script's code."""
        return self._representative(key).code

    def _representative(self, key: SomeKey) -> Pair:
        """The code and versions of a job, or those that were shown to compute equal bytes."""
        libraries, modules = self.libraries_of(key), self.modules(key)
        if (libraries, modules) not in self._pairs:
            pair = Pair(code=_code(self.script, modules), versions=lock_versions(libraries))
            self._pairs[libraries, modules] = representative(pair)
        return self._pairs[libraries, modules]


def path_patterns(**patterns: str) -> Mapping[str, str]:
    """Path patterns by name."""
    return patterns


def as_tuple(files: Files) -> tuple[str, ...]:
    """One or several files as a tuple."""
    return (files,) if isinstance(files, str) else files


def _code(script: str | None, modules: tuple[str, ...]) -> str | None:
    return None if script is None else code_parameter(script, modules)


class ModelRule(Rule[SomeKey]):
    """A rule whose jobs run a model: they go to the nodes of a cluster, with a request."""

    @abstractmethod
    def request(self, key: SomeKey) -> Request:
        """What a job asks a scheduler for."""
