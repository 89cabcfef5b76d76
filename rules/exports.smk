TIDY_SCORES = planned("tidy_scores")


rule tidy_scores:
    input:
        results=TIDY_SCORES.input("results"),
    output:
        csv=TIDY_SCORES.output("csv"),
        parquet=TIDY_SCORES.output("parquet"),
        manifest=TIDY_SCORES.output("manifest"),
    log:
        f"{RESULTS}/logs/tidy_scores.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=TIDY_SCORES.settings,
        code=TIDY_SCORES.code,
        versions=TIDY_SCORES.versions,
        results=lambda wildcards: RESULTS,
    message:
        "All scores as one file"
    shell:
        "python scripts/tidy_scores.py --results {params.results} --settings {params.settings:q}"
        " --code {params.code} --csv {output.csv} --parquet {output.parquet}"
        " --manifest {output.manifest} 2> {log}"
