# The baseline of scheduling.py: the jobs and edges of the project's workflow, with constant
# parameters, no validated configuration and no library. scheduling.py writes the rules, and the
# inputs of each job, as the project's own rules state them.

import re


configfile: "shape.json"


def inputs_of(names, inputs):
    return lambda wildcards: inputs["/".join(wildcards[name] for name in names)]


def values_of(names, inputs):
    """What each wildcard may be."""
    columns = zip(*(key.split("/") for key in inputs))
    return {name: "|".join(map(re.escape, set(one))) for name, one in zip(names, columns)}


rule all:
    default_target: True
    input:
        config["wanted"],


for rule_name, stated in config["rules"].items():

    rule:
        name:
            rule_name
        input:
            inputs_of(stated["names"], stated["inputs"]),
        output:
            **stated["outputs"],
        wildcard_constraints:
            **values_of(stated["names"], stated["inputs"]),
        params:
            settings="default",
        shell:
            "python script.py --settings {params.settings} --inputs {input} --outputs {output}"
