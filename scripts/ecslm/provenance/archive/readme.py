"""What an archive says of itself."""

from textwrap import dedent

from ecslm.plan.plan import Plan


def readme(plan: Plan, commit: str, version: str) -> str:
    """The text of README.md."""
    study = plan.study
    return dedent(f"""\
        # {study.settings.title}

        Study `{study.name}`, made with ecslm {version}, commit {commit}.
        To cite it: `CITATION.cff`.

        | here | what it is |
        |---|---|
        | `code/` | the project at that commit: workflow, library, templates, tests |
        | `code/requirements.lock` | versions of all libraries |
        | `configuration.yaml` | the configuration as it was used, all files merged |
        | `{study.results}/report.html` | the report: open it in a browser, it needs no network |
        | `{study.results}/tables/`, `figures/` | as LaTeX and JSON, as PDF and SVG |
        | `{study.results}/scores.csv`, `metrics/` | scores, and what each record adds to them |
        | `results/**/*manifest.json` | what each result was made from, with sha256 |
        | `SHA256SUMS` | sha256 of every file here |

        Not here: weights, logs, and records of the data with their predictions, but for the few
        that the report shows. `code/docs/licenses.md` says under which terms weights and data can
        be had; manifests have their sha256.

        ## To verify it

            sha256sum --check --quiet SHA256SUMS

        Each result's manifest lists the sha256 of the files that it was made from. `code/` is what
        `git archive` gives of that commit in a clone of the project.

        ## To make it again

            cd code
            make setup
            .venv/bin/snakemake --cores all --configfile ../configuration.yaml

        Your own data and weights must be where `configuration.yaml` says. On a CPU of the same type
        results have the same bytes. On a GPU they may differ in the last digits, unless
        `training: {{deterministic: true}}` was set.
        """)
