TIDY_SCORES = planned("tidy_scores")
EXPORT_MODEL = planned("export_model")
MODEL_CARD = planned("model_card")


rule tidy_scores:
    """step: write all scores as rows, in CSV and Parquet, for your own analysis"""
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


rule export_model:
    """step: merge one tuned model into its base"""
    input:
        adapter=EXPORT_MODEL.input("adapter"),
        base=EXPORT_MODEL.input("base"),
        dataset=EXPORT_MODEL.input("dataset"),
    output:
        weights=EXPORT_MODEL.output("weights"),
        config=EXPORT_MODEL.output("config"),
        generation=EXPORT_MODEL.output("generation"),
        tokenizer=EXPORT_MODEL.output("tokenizer"),
        tokenizer_config=EXPORT_MODEL.output("tokenizer_config"),
        chat_template=EXPORT_MODEL.output("chat_template"),
        prompt=EXPORT_MODEL.output("prompt"),
        equality=EXPORT_MODEL.output("equality"),
        training_cost=EXPORT_MODEL.output("training_cost"),
        manifest=EXPORT_MODEL.output("manifest"),
    log:
        f"{RESULTS}/logs/export_model/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_model/{{model}}.tsv"
    conda:
        "../envs/ecslm.yaml"
    threads: STUDY.threads
    resources:
        gpu=1,
        mem_mb=EXPORT_MODEL.mem_mb,
        runtime=EXPORT_MODEL.runtime,
        device=STUDY.device,
        template=EXPORT_MODEL.template_file,
        # Not {threads}, which `--cores` caps.
        model_threads=STUDY.threads,
        batch_tokens=STUDY.batch_tokens,
    params:
        settings=EXPORT_MODEL.settings,
        template=EXPORT_MODEL.template,
        code=EXPORT_MODEL.code,
        versions=EXPORT_MODEL.versions,
        # Compared through the adapter, an input that changes with it.
        seed=lambda wildcards, input: PLAN.study.first_seed(wildcards.model),
    message:
        "Exported model {wildcards.model}"
    shell:
        "python scripts/export.py --model {wildcards.model} --seed {params.seed}"
        " --adapter {input.adapter} --base {input.base} --dataset {input.dataset}"
        " --template {resources.template} --template-digest {params.template}"
        " --settings {params.settings:q} --batch-tokens {resources.batch_tokens}"
        " --device {resources.device} --threads {resources.model_threads} --code {params.code}"
        " --output {output.manifest} --log {log}"


rule model_card:
    """step: write the card of one exported model"""
    input:
        results=MODEL_CARD.input("results"),
        base=MODEL_CARD.input("base"),
        template=MODEL_CARD.input("template"),
    output:
        card=MODEL_CARD.output("card"),
        manifest=MODEL_CARD.output("manifest"),
    log:
        f"{RESULTS}/logs/model_card/{{model}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=MODEL_CARD.settings,
        code=MODEL_CARD.code,
        versions=MODEL_CARD.versions,
        results=lambda wildcards: RESULTS,
    message:
        "Card of the model {wildcards.model}"
    shell:
        "python scripts/model_card.py --results {params.results} --base {input.base}"
        " --template {input.template} --settings {params.settings:q} --code {params.code}"
        " --output {output.card} --manifest {output.manifest} 2> {log}"
