"""The jobs that fetch base weights."""

from collections.abc import Iterator

from ecslm.models.bases import BaseManifest, BaseSettings
from ecslm.plan.keys import BaseKey
from ecslm.plan.rules import Rule, path_patterns
from ecslm.schemas import paths


class BaseWeights(Rule[BaseKey]):
    """Base weights, which studies share."""

    # No code digest: the files' sha256 identify the weights, whichever code fetched them.
    name, script, key_type = "base_model", None, BaseKey
    outputs = path_patterns(manifest=paths.BASE)
    targets = ("manifest",)
    manifest_form = BaseManifest

    @property
    def folder(self) -> str:
        """The directory of all bases."""
        return paths.BASES

    def all_keys(self) -> Iterator[BaseKey]:
        """The bases of the study's models, and its encoder."""
        names = [model.base for model in self.study.settings.models.values()]
        if self.study.settings.bertscore is not None:
            names.append(self.study.settings.bertscore.encoder)
        yield from map(BaseKey, dict.fromkeys(names))

    def settings(self, key: BaseKey) -> BaseSettings:
        """Where the weights come from."""
        return BaseSettings(source=self.study.config.bases[key.base])


RULES = (BaseWeights,)
