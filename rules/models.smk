rule base_model:
    output:
        manifest="results/bases/{base}/manifest.json",
    log:
        "results/bases/{base}/fetch.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=parameter(PLAN.base_settings, "base"),
    message:
        "Base weights {wildcards.base}"
    shell:
        "python scripts/base_model.py --base {wildcards.base} --settings {params.settings:q}"
        " --output {output.manifest} --log {log}"
