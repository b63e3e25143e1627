"""Render a template to one HTML file without network access, running only its own script.

Jinja2 escapes values. Data for a page's script are JSON in a block that browsers do not run, and a
content security policy allows the page's own script by its digest only: text from data, models or
judges stays text even if an escape were missed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

_UNSAFE_IN_HTML = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def render_page(
    template: str,
    *,
    scripts: tuple[str, ...],
    styles: tuple[str, ...],
    connect: bool = False,
    **values: Any,
) -> str:
    """Fill ``templates/<template>``, with ``scripts`` and ``styles`` from the same folder inline.

    Scripts share one scope, in their order. They may ``connect`` to the server of the page if there
    is one, else to nothing.

    The template gets ``script``, ``style`` and ``policy`` besides ``values``, and the filter
    ``embedded`` for JSON. Half a character (a lone surrogate) is written as its JSON escape.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("instit_bench.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["embedded"] = lambda value: Markup(embedded_json(value))  # noqa: S704
    code = "\n".join(map(_asset, scripts))
    page = environment.get_template(template).render(
        script=Markup(code),  # noqa: S704 - our own files
        style=Markup("\n".join(map(_asset, styles))),  # noqa: S704 - our own files
        policy=_policy(code, connect=connect),
        **values,
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def embedded_json(value: Any) -> str:
    """Return JSON that is safe inside an HTML element: it contains no ``<``, ``>`` and ``&``."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, escape in _UNSAFE_IN_HTML.items():
        text = text.replace(character, escape)
    return text


def _policy(code: str, *, connect: bool) -> str:
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src 'self' file: data:; base-uri 'none'; form-action 'none'"
        + ("; connect-src 'self'" if connect else "")
    )


def _asset(name: str) -> str:
    return (files("instit_bench.report") / "templates" / name).read_text(encoding="utf-8")
