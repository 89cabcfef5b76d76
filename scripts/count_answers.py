"""Count the answers in files: is a model's answer always the same one? No records are needed.
Prints how many different answers a file has, how often the most frequent one, and how often two
models give the same answer, beside how often they would by chance.

examples:
  python scripts/count_answers.py results/demo/predictions/*/seed-0/SA.jsonl
  python scripts/count_answers.py --yes 230 \\
      inference_results/*/Product_Substitute_Identification/*.json
"""

from pathlib import Path

from ecslm.reports.summaries import answer_summary, answers_in
from ecslm.script import run_script


def main(answers: list[Path], /, yes: int | None = None) -> None:
    """
    Args:
        answers: JSON list of texts, or JSON Lines with `prediction`; {model}/.../{file} of several
            models are compared if they have equal numbers of answers
        yes: how many right answers are yes, to compute the F1 of a constant
    """
    print(answer_summary(answers_in(answers), yes))


if __name__ == "__main__":
    run_script(main)
