"""The jobs that fetch base weights."""

from collections.abc import Iterator
from pathlib import Path

from ecslm.models.bases import (
    BaseManifest,
    BaseSettings,
    BaseSource,
    PathSource,
    content_of_folder,
    libraries,
)
from ecslm.plan.keys import BaseKey
from ecslm.plan.rules import Rule, path_patterns
from ecslm.schemas import paths


class BaseWeights(Rule[BaseKey]):
    """Base weights, which studies share."""

    name, script, key_type = "base_model", "base_model.py", BaseKey
    outputs = path_patterns(manifest=paths.BASE)
    manifest_form = BaseManifest

    @property
    def folder(self) -> str:
        """The directory of all bases."""
        return paths.BASES

    def all_keys(self) -> Iterator[BaseKey]:
        """The bases of the study's models that are run, and its encoder."""
        names = [model.base for model in self.study.local_models.values() if model.run]
        if self.study.settings.bertscore is not None:
            names.append(self.study.settings.bertscore.encoder)
        yield from map(BaseKey, dict.fromkeys(names))

    def settings(self, key: BaseKey) -> BaseSettings:
        """The source of the weights."""
        return BaseSettings(source=self._source(key))

    def content(self, key: BaseKey) -> str | None:
        """The files of a local directory, which is not pinned by the settings."""
        source = self._source(key)
        if not isinstance(source, PathSource):
            return None
        return content_of_folder(Path(source.path), Path(self.study.base(key.base)))

    def libraries_of(self, key: BaseKey) -> tuple[str, ...]:
        """The libraries that convert weights."""
        return libraries(self._source(key))

    def made_by(self, key: BaseKey) -> str:
        """What fetched the weights."""
        return f"{self.folder}/{paths.FETCHED.format(base=key.base)}"

    def _source(self, key: BaseKey) -> BaseSource:
        return self.study.config.bases[key.base]


RULES = (BaseWeights,)
