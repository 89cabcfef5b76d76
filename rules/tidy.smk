from ecslm.plan.tables import costs_settings, records_settings, study_context, tidy_settings
from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.tidy.costs import cost_rows
from ecslm.tidy.records import record_files
from ecslm.tidy.scores import score_files


rule tidy_scores:
    """step: write all scores as rows, in CSV and Parquet, for tables and your own analysis"""
    input:
        results=lambda job: of_study(score_files(study_context(STUDY))),
        published=lambda job: STUDY.published(PUBLISHED_SCORES) or [],
    output:
        csv="<results>/scores.csv",
        parquet="<results>/scores.parquet",
        manifest="<results>/scores.manifest.json",
    params:
        **gathered_by("tidy_scores.py", tidy_settings),
        published=lambda wildcards, input: options(published=input.published),
    shell:
        "python scripts/tidy_scores.py --results {params.results} {params.published}"
        " --settings {params.settings:q} --code {params.code} --csv {output.csv}"
        " --parquet {output.parquet} --manifest {output.manifest} 2> {log}"


rule tidy_costs:
    """step: write all measured costs as rows, in Parquet"""
    input:
        results=lambda job: of_study(row["source"] for row in cost_rows(costs_settings(STUDY))),
    output:
        parquet="<results>/costs.parquet",
        manifest="<results>/costs.manifest.json",
    params:
        **gathered_by("tidy_costs.py", costs_settings),
    shell:
        "python scripts/tidy_costs.py --results {params.results} --settings {params.settings:q}"
        " --code {params.code} --parquet {output.parquet} --manifest {output.manifest} 2> {log}"


rule tidy_records:
    """step: write all answers as rows, each with its record and how good it is, in Parquet"""
    input:
        results=lambda job: of_study(record_files(study_context(STUDY))),
    output:
        parquet="<results>/records.parquet",
        manifest="<results>/records.manifest.json",
    params:
        **gathered_by("tidy_records.py", records_settings),
    shell:
        "python scripts/tidy_records.py --results {params.results} --settings {params.settings:q}"
        " --code {params.code} --parquet {output.parquet} --manifest {output.manifest} 2> {log}"
