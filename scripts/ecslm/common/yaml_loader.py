"""The fast loader of YAML."""

import yaml

# The pure Python loader needs a second for the catalogue; this one is in every wheel of PyYAML.
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
