rule base_model:
    output:
        manifest="results/bases/{base}/manifest.json",
    params:
        settings=parameter(PLAN.base_settings, "base"),
    log:
        "results/bases/{base}/fetch.log",
    conda:
        "../envs/ecslm.yaml"
    message:
        "Base weights {wildcards.base}"
    shell:
        "python scripts/base_model.py --base {wildcards.base} --settings {params.settings:q}"
        " --output {output.manifest} --log {log}"
