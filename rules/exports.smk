from ecslm.plan.report import model_card_settings


rule export_model:
    """step: merge one tuned model into its base"""
    input:
        # Of its first seed.
        adapter=adapter_of,
        base=base_of,
        dataset=lambda job: expand(
            "<results>/dataset/{task}/test.jsonl", task=STUDY.model_tasks(job.model)
        ),
    output:
        weights="<results>/exports/{model}/model.safetensors",
        config="<results>/exports/{model}/config.json",
        generation="<results>/exports/{model}/generation_config.json",
        tokenizer="<results>/exports/{model}/tokenizer.json",
        tokenizer_config="<results>/exports/{model}/tokenizer_config.json",
        chat_template="<results>/exports/{model}/chat_template.jinja",
        prompt="<results>/exports/{model}/prompt.jinja",
        equality="<results>/exports/{model}/equality.json",
        # Not of this job, but of the adapter's.
        training_cost=timed("<results>/exports/{model}/cost.json"),
        manifest="<results>/exports/{model}/manifest.json",
    threads: STUDY.settings.threads
    resources:
        **request("export_model"),
        gpu=1,
        batch_tokens=STUDY.settings.batch_tokens,
    params:
        **made_by("export.py", jobs.export_settings),
        template=prompt,
        # Compared through the adapter, an input that changes with it.
        seed=lambda wildcards, input: STUDY.first_seed(wildcards.model),
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
        results=lambda job: of_study(model_card_settings(STUDY, job.model).files()),
        base=base_of,
        template="report/model_card.md.jinja",
    output:
        card="<results>/exports/{model}/README.md",
        manifest="<results>/exports/{model}/README.manifest.json",
    params:
        **gathered_by("model_card.py", model_card_settings),
    shell:
        "python scripts/model_card.py --results {params.results} --base {input.base}"
        " --template {input.template} --settings {params.settings:q} --code {params.code}"
        " --output {output.card} --manifest {output.manifest} 2> {log}"
