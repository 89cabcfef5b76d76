"""Words errors of values for those who have written the values.

Left out of code digests: an edit here computes no result again.
"""

from collections.abc import Mapping
from typing import Any

from ecslm.common.text import shown

# Forms of text that a configuration asks for.
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
LINE = r"^[^\x00-\x1f\x7f]+$"
# The type of an error whose value may be a secret: no message shows it.
HIDDEN = "hidden_value"

# What a value should be, by the error type of pydantic, whose own words are for developers; else by
# how that begins.
SHOULD_BE = {
    "finite_number": "a number that is not infinite",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_parsing_size": "a whole number with fewer digits",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "string_too_long": "at most {max_length} characters long",
    "string_too_short": "at least {min_length} characters long",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
}
BEGINNINGS = {
    **{"bool": "true or false", "date": "a date", "float": "a number", "int": "a whole number"},
    **{"dict": "a section of keys", "model": "a section of keys", "path": "a path as text"},
    **{"list": "a list", "string": "text", "tuple": "a list"},
}
PATTERNS = {
    "^[0-9a-f]{64}$": "a sha256: 64 characters of 0-9 and a-f",
    NAME: "letters, digits and . _ -, the first a letter or digit",
    "^[A-Z]{3}$": "a currency of three capitals, such as USD",
    "^[0-9a-f]{7,40}$": "a commit: 7 to 40 characters of 0-9 and a-f",
    LINE: "one line of text",
    "^[A-Za-z0-9:._-]+$": "letters, digits and : . _ -",
}


def in_plain_words(detail: Mapping[str, Any]) -> str:
    """What is wrong with a value, of one of the errors of pydantic."""
    kind, context = detail["type"], detail.get("ctx", {})
    match kind:
        case "missing":
            return "missing"
        case "extra_forbidden":
            return "unknown key"
        case "union_tag_not_found":
            return f"{context['discriminator']} is missing"
        case "union_tag_invalid":
            return f"{context['discriminator']} should be one of {context['expected_tags']}"
        case "json_invalid":
            return f"not JSON ({context['error']})"
    if wanted := _wanted(kind, context):
        return f"should be {wanted}"
    message = detail["msg"].removeprefix("Value error, ")
    return str(message[:1].lower() + message[1:])


def _wanted(kind: str, context: Mapping[str, Any]) -> str:
    """What a value should be; empty if pydantic's message says it best."""
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return PATTERNS.get(pattern, f"of the form {pattern}")
    # As people write them: 1, not 1.0.
    limits = {k: f"{v:g}" if isinstance(v, float) else v for k, v in context.items()}
    return SHOULD_BE.get(kind, BEGINNINGS.get(kind.partition("_")[0], "")).format(**limits)


def in_plain_words_with_value(detail: Mapping[str, Any]) -> str:
    """As `in_plain_words`, with the value if the value is what is wrong."""
    told = _wanted(detail["type"], detail.get("ctx", {})) != ""
    return f"{in_plain_words(detail)}{given(detail) if told else ''}"


def given(detail: Mapping[str, Any]) -> str:
    """The value in question, and what to do if it is one that YAML takes for something else."""
    value = detail["input"]
    if detail["type"] == HIDDEN or isinstance(value, dict | list):
        return ""
    if value is None:
        return ", but is empty"
    unquoted = detail["type"].startswith("string") and not isinstance(value, str)
    return f", not {shown(value)}{': put it in quotes' if unquoted else ''}"
