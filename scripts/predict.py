"""Let a model answer the records of a file, of one task.
What answers is a backend: `transformers`, the default, needs --base and --template and may have an
--adapter; `openai` asks a server, `recorded` takes answers that exist, and `learned` learns from
--train and --val, without a language model.

A file of records has one JSON object per line. Your own needs three fields:
  instruction       what to do
  input             what to do it with, may be empty
  output            the right answer, for scores: the model does not see it
Others are optional:
  options           for a choice: a list such as ["A: positive", "B: negative"]
  relevance         for scores of a ranking: labels E, S, C or I of the products
  task              code of the task, for example SA (default: --task)
  setting           scores are grouped by it (default: IND_Diverse_Instruction)
  id, sample_id     unique names of the line and of its sample (default: its number)
  few_shot_example  for a model with an example in its prompt
  split             has no effect

example:
  python scripts/predict.py --dataset mine.jsonl --task SA --output P.jsonl \\
      --base results/bases/SmolLM2-135M/manifest.json --template resources/prompts/chatml.jinja \\
      --adapter results/demo/adapters/SmolLM2-135M-EC/seed-0/manifest.json
  python scripts/score.py --predictions P.jsonl
"""

from ecslm.families.predict import predict
from ecslm.script import run_script

if __name__ == "__main__":
    run_script(predict)
