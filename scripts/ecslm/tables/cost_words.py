"""The sentences of the cost table: its notes and its summary."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ecslm.tables.cost_settings import CostEntry
from ecslm.tables.costed_models import CostedModel
from ecslm.tables.costs import REQUESTS, SECONDS_PER_HOUR
from ecslm.tables.model import Panel, amount_text
from ecslm.tables.requests import TableRequest

# Break-even with an API that costs less per request.
NEVER = "never"


def cost_notes(request: TableRequest[CostEntry], models: Sequence[CostedModel]) -> Iterator[str]:
    """What the columns mean, where it was measured, and whose prices these are."""
    entry = request.table
    yield (
        "Training: one adapter, mean over seeds. GB: peak memory. A request is a test record of "
        f"any task and setting. Tokens/s and the price of {REQUESTS:,} requests are those of a "
        "loaded model that answers in batches, on a device that is never idle."
    )
    used = dict.fromkeys(device for one in models for device in _devices(one))
    if used:
        yield f"Measured on: {', '.join(used)}."
    counts = dict.fromkeys(len(one.latency.answers) for one in models if one.latency is not None)
    if counts:
        prompts = " or ".join(map(str, counts))
        yield f"Latency: seconds until a single prompt is answered; {prompts} test prompts."
    if (rent := entry.hardware) is not None:
        yield (
            f"An hour of {rent.name}: {rent.currency} {amount_text(rent.price)} on {rent.as_of} "
            f"({rent.source})."
        )
        if any(one.context.learned for one in models):
            yield (
                "Learned baselines are priced by the same hour; training: of all tasks together."
            )
    for name, prices in entry.apis.items():
        yield (
            f"{name}: {prices.currency} {prices.input:g} and {prices.output:g} per million tokens "
            f"of prompts and answers on {prices.as_of} ({prices.source})."
        )
    for one in models:
        if (own := one.context.prices) is not None:
            yield (
                f"{one.name}: {own.currency} {own.input:g} and {own.output:g} per million tokens "
                f"of prompts and answers on {own.as_of}."
            )
    if entry.apis:
        yield (
            f"Estimated: for the number of tokens of the prompts and answers of {entry.tokens_of}; "
            "examples in prompts, longer answers and other tokenizers cost more or less."
        )
    if entry.hardware is not None and (entry.apis or any(one.context.prices for one in models)):
        yield (
            "Break-even: the number of requests from which training and answers here cost no more "
            "than the API; never: the API costs less per request."
        )
    absent = [name for name in entry.models if not request.context.costs[name].tasks]
    if absent:
        yield f"Not run, and therefore without a row: {', '.join(absent)}."
    yield (
        "--: not measured or not known. Energy is what a GPU reports, for trainings that were not "
        "interrupted."
    )


def _devices(model: CostedModel) -> Iterable[str]:
    trained = model.training.devices if model.training else ()
    timed = (model.latency.device,) if model.latency and model.latency.device else ()
    return (*trained, *model.answering.devices, *timed)


def cost_summary(
    request: TableRequest[CostEntry],
    models: Sequence[CostedModel],
    others: Mapping[str, float | None],
    panels: Sequence[Panel],
) -> Iterator[str]:
    """What training and requests cost, from the smallest to the largest value."""
    currency = request.table.currency
    tuned = [one for one in models if one.tuned]
    learned = [one for one in models if one.context.learned]
    sentences = []
    hours = {one.name: one.training.device_hours for one in tuned if one.training is not None}
    if spent := _range(hours, "{} device-hours"):
        who = tuned[0].name if len(tuned) == 1 else f"one of the {len(tuned)} tuned models"
        price = _range({one.name: one.training_price for one in tuned}, f", {currency} {{}}")
        sentences.append(f"Training {who} took {spent}{price}.")
    prices = [
        _range(
            {one.name: one.price for one in tuned},
            f"{currency} {{}} here, on a device that is never idle,",
        ),
        _range(others, f"{'an estimated ' if request.table.apis else ''}{currency} {{}} by an API"),
    ]
    if any(prices):
        found = " and ".join(filter(None, prices)).removesuffix(",")
        sentences.append(f"{REQUESTS:,} requests cost {found}.")
    sentences += _learned_sentence(learned, currency)
    if sentences:
        yield " ".join([*sentences, *_break_even_sentence(panels)])


def _learned_sentence(learned: Sequence[CostedModel], currency: str | None) -> Iterator[str]:
    hours = {one.name: one.training.device_hours for one in learned if one.training}
    seconds = {name: one and one * SECONDS_PER_HOUR for name, one in hours.items()}
    price = _range({one.name: one.price for one in learned}, f"{currency} {{}}")
    if spent := _range(seconds, "{} seconds"):
        cost = f", and {REQUESTS:,} requests to them cost {price}" if price else ""
        yield f"Learned baselines took {spent} to train{cost}."


def _break_even_sentence(panels: Sequence[Panel]) -> Iterator[str]:
    cells = [cell for panel in panels[1:] for row in panel.groups[0].rows for cell in row.cells]
    counts = sorted(cell.value for cell in cells if isinstance(cell.value, int))
    never = sum(cell.value == NEVER for cell in cells)
    if counts:
        least, most = f"{counts[0]:,}", f"{counts[-1]:,}"
        several = f"{least} to {most} requests, depending on model and API"
        one = f"{least} {'request' if least == '1' else 'requests'}"
        but = (
            f", but never for {never} of {never + len(counts)} pairs of a model and an API, where "
            "the API costs less per request"
        )
        yield (
            "By prices alone, without regard to the quality of the answers, training has paid off "
            f"after {one if least == most else several}{but if never else ''}."
        )
    elif never:
        yield "At these prices an API always costs less."


def _range(values: Mapping[str, float | None], form: str) -> str:
    """The smallest and the largest value with their names, in words; "" if none is known."""
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return ""
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    first, last = amount_text(known[low]), amount_text(known[high])
    if first == last:
        return form.format(first)
    return form.format(f"{first} ({low}) to {last} ({high})")
