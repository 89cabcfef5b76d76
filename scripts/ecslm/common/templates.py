"""Jinja templates of what people read: an undefined name is an error, which names the template."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2

from ecslm.common.errors import InputError
from ecslm.common.files import read_text


def render_template(
    template: Path,
    values: Mapping[str, Any],
    filters: Mapping[str, Callable[..., Any]],
    **options: Any,
) -> str:
    """The template's text with the values filled in.

    Args:
        options: of the Jinja environment.

    Raises:
        InputError: the template is missing or invalid, or uses an undefined name.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    environment.filters |= filters
    source = read_text(template)
    try:
        return environment.from_string(source).render(values)
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"{template}: line {error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise InputError(f"{template}: {error.message}") from None
