"""Small HTML tables for notebooks; every text is escaped, as it may be a model's or the data's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a table; the first ``left`` columns hold text, the others numbers."""
    parts = [f"<table><caption>{escape(caption)}</caption><thead>"]
    parts += [_row("th", header, left), "</thead><tbody>"]
    parts += [_row("td", cells, left) for cells in rows]
    return "".join([*parts, "</tbody></table>"])


def _row(tag: str, cells: Sequence[str], left: int) -> str:
    aligned = ("left" if number < left else "right" for number in range(len(cells)))
    return (
        "<tr>"
        + "".join(
            f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>'
            for side, cell in zip(aligned, cells, strict=True)
        )
        + "</tr>"
    )


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{escape(text)}</p>"


def link(target: str, text: str) -> str:
    """Return a link that opens in another tab."""
    return f'<p><a href="{escape(target)}" target="_blank">{escape(text)}</a></p>'
