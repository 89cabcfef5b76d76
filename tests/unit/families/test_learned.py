"""Learned baselines: what they answer, and what they read."""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.model_examples import run_predict
from support.plans import MODELS, plan
from support.scoring_examples import TASKS, answer_type, entries, record
from support.stated_jobs import job_of

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_jsonl
from ecslm.families.learned import extraction, ranking
from ecslm.families.learned.backend import LearnedSettings, Method
from ecslm.families.learned.fields import fields_of, lettered, passages, ranked_items
from ecslm.families.learned.learning import Answers, learn
from ecslm.schemas.prediction import read_predictions
from ecslm.schemas.record import Record, share_of
from ecslm.scoring.baselines import as_prediction

METHODS: tuple[Method, ...] = ("tf-idf", "nearest")
GOODS = (
    "red lamp",
    "blue mug",
    "green chair",
    "oak table",
    "steel pan",
    "wool scarf",
    "tea kettle",
)
MOODS = {"A: good": "love great", "B: middling": "fine usual", "C: bad": "broken awful"}
# Of a ranking and of options, as many as there are.
LETTERS = "ABCD"


@pytest.fixture(autouse=True)
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forests with few trees, which are fitted several times for each task."""
    monkeypatch.setattr(ranking, "TREES", 10)


def made(code: str, number: int) -> Record:
    """A record of a task that has something to learn."""
    chance = random.Random(f"{code} {number}")
    goods = chance.sample(GOODS, 4)
    place = number % 4
    best, yes = goods[place], number % 2 == 0
    listed = [f"{letter}: {one}" for letter, one in zip(LETTERS, goods, strict=True)]
    options, relevance = None, None
    value: Any
    match code:
        case "PM":
            value = {"product 1": {"title": best}}
            value["product 2"] = {"title": best if yes else goods[place - 1]}
            output = "yes" if yes else "no"
        case "SA":
            options = list(MOODS)
            output = options[number % 3]
            value = f"{MOODS[output]} {chance.choice(GOODS)}"
        case "SR":
            options = listed
            value, output = [f"1st: {best} old", f"2nd: {best} new"], LETTERS[place]
        case "QPR":
            value = {"query": best, "product list": listed}
            output = ",".join([LETTERS[place], *LETTERS.replace(LETTERS[place], "")])
            relevance = ["E" if one == place else "I" for one in range(4)]
        case "AVE":
            value = {"product title": f"A {best} for you"}
            value["target attributes"] = "Colour and Fit and Size"
            colour = ("colour", best.split()[0], "product title")
            output = entries(colour, ("fit and size", "None", "None"))
        case _:
            document = [f"The {one} is fine." for one in goods]
            value = {"question": f"is the {best} fine?", "document": document}
            output = document[place]
    return record(
        output,
        id=f"{chance.getrandbits(64):016x}",
        sample_id=str(number),
        task=code,
        split="train",
        options=options,
        input=value if isinstance(value, str) else json.dumps(value),
        relevance=relevance,
    )


CODES = ("PM", "SA", "SR", "QPR", "AVE", "AG")
TRAIN, VAL, TEST = range(24), range(24, 30), range(30, 50)


def records(code: str, numbers: range) -> list[Record]:
    return [made(code, number) for number in numbers]


@cache
def learned(method: Method, code: str) -> Answers:
    return learn(method, TASKS[code], records(code, TRAIN), records(code, VAL))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("code", CODES)
def test_answers_are_valid_read_no_answer_and_do_not_depend_on_the_order_of_records(
    code: str, method: Method
) -> None:
    test = records(code, TEST)
    found = learned(method, code)(test)
    strict = answer_type(TASKS[code].answer).strict
    assert None not in [strict(as_prediction(*pair)) for pair in zip(test, found, strict=True)]
    blind = [one.model_copy(update={"output": "?", "relevance": None, "id": "x"}) for one in test]
    mixed = records(code, TRAIN)[::-1], records(code, VAL)[::-1]
    assert learn(method, TASKS[code], *mixed)(blind) == found
    one, two = records(code, range(1)), records(code, range(2))
    for few, val in ((one, []), (one, one), (two, [])):
        assert len(learn(method, TASKS[code], few, val)(test)) == len(test)


@pytest.mark.parametrize("code", CODES)
def test_what_a_few_records_show_is_learned_and_written_as_in_training(code: str) -> None:
    test = records(code, TEST)
    right = [
        found == one.output if code != "QPR" else found[0] == one.output[0]
        for found, one in zip(learned("tf-idf", code)(test), test, strict=True)
    ]
    if code == "AVE":
        assert sum(right) >= 0.8 * len(test)
    else:
        assert all(right)


def test_a_threshold_counts_values_as_the_metric_does_without_capitals() -> None:
    tried = [(0.5, "Red", ["RED", "pink"]), (0.4, "oak", ["tea"]), (0.1, "mug", [])]
    assert [extraction._f1(tried, one) for one in (0.3, 0.6)] == [4 / 6, 2 / 4]


def test_what_only_one_text_tells_is_not_drowned_by_the_others() -> None:
    """A word that only the second product has, beside words that change from record to record."""
    endings = {"yes": ("cover", "strap", "stand"), "no": ("red", "blue", "grey")}
    chance = random.Random(0)

    def pair(number: int) -> Record:
        output = ("yes", "no")[number % 2]
        shared = " ".join(f"{chance.randrange(10**6):06}" for _ in range(30))
        own = [chance.choice([*endings["yes"], *endings["no"]]) for _ in range(6)]
        last = f"{chance.choice(endings[output])} {chance.randrange(10**6)}"
        titles = {"product 1": f"{shared} {' '.join(own)}", "product 2": f"{shared} {last}"}
        return record(output, id=f"{number:03}", sample_id=str(number), input=json.dumps(titles))

    every = [pair(number) for number in range(90)]
    found = learn("tf-idf", TASKS["PM"], every[:40], [])(every[40:])
    assert found == [one.output for one in every[40:]]


def test_where_records_teach_nothing_the_answer_is_the_one_that_f1_is_of() -> None:
    """As always yes, which has the best F1 then; a class of validation records alone is unknown."""
    texts = [f"{random.Random(number).randrange(10**9)}" for number in range(80)]
    blind = [
        record(("yes", "no")[i % 2], id=f"{i:03}", sample_id=str(i), input=text)
        for i, text in enumerate(texts)
    ]
    found = learn("tf-idf", TASKS["PM"], blind[:20], blind[20:40])(blind[40:])
    assert found.count("yes") >= 36
    one_class = [one for one in blind if one.output == "no"]
    assert set(learn("tf-idf", TASKS["PM"], one_class, blind[:9])(blind)) == {"no"}
    few = [one for one in records("SA", TRAIN) if "bad" not in one.output]
    answers_ = learn("tf-idf", TASKS["SA"], few, records("SA", VAL))(records("SA", TEST))
    assert set(answers_) == {"A: good", "B: middling"}


def test_a_rule_that_is_not_linear_is_learned() -> None:
    """The second of four options is right, whatever they are."""
    second = [
        one.model_copy(
            update={
                "input": "none of them",
                "options": [f"{letter}: {letter}{one.id[:8]}" for letter in LETTERS],
                "output": "B",
            }
        )
        for one in records("SR", range(70))
    ]
    assert learn("tf-idf", TASKS["SR"], second[:50], [])(second[50:]) == ["B"] * 20


def test_a_copied_passage_has_the_opening_of_most_answers_to_such_a_question() -> None:
    test = records("AG", TEST)
    train = [
        one.model_copy(update={"output": f"{opening}{one.output}"})
        for one, opening in zip(records("AG", TRAIN), ["Yes, ", "Yes, ", "No, "] * 8, strict=True)
    ]
    found = learn("tf-idf", TASKS["AG"], train, records("AG", VAL))(test)
    assert found == [f"Yes, {one.output}" for one in test]


TEXTS = st.text(max_size=20)
INPUTS = st.one_of(
    TEXTS,
    st.recursive(
        st.one_of(TEXTS, st.none(), st.floats(), st.integers()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=6,
    ).map(json.dumps),
)


@given(
    st.lists(INPUTS, min_size=2, max_size=4),
    st.sampled_from(("PM", "AG")),
    st.sampled_from(METHODS),
)
@example(["7", "8"], "PM", "nearest")
@example(["", ""], "PM", "nearest")
@hypothesis_settings(max_examples=8, deadline=None)
def test_inputs_of_any_shape_have_answers(inputs: list[str], code: str, method: Method) -> None:
    given_ = [
        made(code, number).model_copy(update={"input": text}) for number, text in enumerate(inputs)
    ]
    answers = learn(method, TASKS[code], given_, [])
    assert [answers([one])[0] for one in given_] == answers(given_)


def test_inputs_fall_into_fields() -> None:
    assert fields_of('{"a": {"b": "x", "c": NaN}, "d": ["y", "z"]}') == {
        "a/b": ["x"],
        "d": ["y", "z"],
    }
    assert fields_of("['1st: x', '2nd: y']") == {"": ["1st: x", "2nd: y"]}
    assert fields_of("a text") == {"": ["a text"]}
    assert lettered(["B: x", "C: y"]) == {"B": "x", "C": "y"}
    assert list(ranked_items(made("QPR", 0))) == list(LETTERS)
    assert passages(made("SA", 0)) == [made("SA", 0).input]


def test_a_model_learns_from_the_share_that_a_tuned_one_is_trained_on(tmp_path: Path) -> None:
    train = records("PM", range(40))
    for name, some in (("train", train), ("val", records("PM", VAL)), ("test", train)):
        write_jsonl(tmp_path / f"{name}.jsonl", some)

    def predicted(fraction: float, train_file: str = "train") -> list[str]:
        settings = LearnedSettings(
            backend="learned", method="nearest", task=TASKS["PM"], train_fraction=fraction
        )
        folder = tmp_path / f"{fraction} {train_file}"
        names = {"dataset": "test", "train": train_file, "val": "val"}
        files: Any = {option: tmp_path / f"{name}.jsonl" for option, name in names.items()}
        output = run_predict(folder, None, None, settings, template=None, **files)
        cost = read_json(next(output.parent.glob("*cost.json")))
        assert cost["prompt_tokens"] is None and cost["load_seconds"] > 0
        return [one.prediction for one in read_predictions(output)]

    write_jsonl(tmp_path / "half.jsonl", share_of(train, 0.5))
    assert predicted(0.5) == predicted(1.0, "half")
    others = [one.model_copy(update={"task": "AP"}) for one in train]
    write_jsonl(tmp_path / "others.jsonl", others)
    with pytest.raises(InputError, match=r"^--train or --val: has records of AP"):
        predicted(1.0, "others")


def test_its_jobs_read_the_records_of_their_task_and_need_one_thread() -> None:
    made_ = plan(models=MODELS | {"Words": {"backend": "learned", "method": "tf-idf"}})
    tasks = made_.model_tasks("Words")
    assert tasks == ("AG", "AVE", "PM", "QPR", "SA", "SR"), "NEW has no training records"
    job = job_of(made_, "predict", model="Words", seed=0, task="SA")
    for split in ("train", "val"):
        assert job.named_inputs[split] == (f"results/shop/dataset/SA/{split}.jsonl",)
    needs = job.resources
    assert (needs["_cores"], needs["gpu"], needs["api"], needs["access"]) == (1, 0, 0, 0)
    other = job_of(made_, "predict", model="Small", seed=0, task="SA")
    assert not other.named_inputs["train"]
