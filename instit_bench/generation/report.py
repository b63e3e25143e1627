"""What was kept, dropped and why, as tables in Markdown and HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from instit_bench.display import markdown_table, markdown_text
from instit_bench.generation.catalogue import Catalogue
from instit_bench.generation.conversation import Item
from instit_bench.report.pages import render_page

if TYPE_CHECKING:
    from instit_bench.generation.items import Made


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a heading; the first column is text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def items_tables(made: Made, catalogue: Catalogue) -> list[Table]:
    """Return the tables of ``generate items``."""
    refusals = [item for item in made.items if not item.tools]
    with_image = sum(item.conversation.image is not None for item in refusals)
    counts = [
        ("replies", made.replies),
        ("lines in them", made.lines),
        ("lines and items dropped", len(made.dropped)),
        ("items", len(made.items)),
        ("items that need no tool (refusals)", len(refusals)),
        ("refusals with an image before", with_image),
        ("refusals offered", made.refusals_offered),
    ]
    called = Counter(name for item in made.items for name in set(item.called))
    per_tool = [(name, made.per_tool[name], called[name]) for name in sorted(catalogue.tools)]
    return [
        Table("Counts", ("what", "number"), counts),
        reasons_table(Counter(one.reason for one in made.dropped)),
        Table("Tools", ("tool", "lines read", "items that call it"), per_tool),
        *_shape_tables({"items": made.items}),
    ]


def splits_tables(splits: Mapping[str, Collection[Item]], left_out: Counter[str]) -> list[Table]:
    """Return the tables of ``generate splits``."""
    names = sorted({name for items in splits.values() for item in items for name in item.tools})
    counts = [
        ("items", *(len(items) for items in splits.values())),
        ("images", *(len(_images(items)) for items in splits.values())),
        ("no tool needed", *(sum(not i.tools for i in items) for items in splits.values())),
    ]
    per_tool = [
        (name, *(sum(name in item.tools for item in items) for items in splits.values()))
        for name in names
    ]
    return [
        Table("Counts", ("what", *splits), counts),
        Table("Items per tool", ("tool", *splits), per_tool),
        *_shape_tables(splits),
        reasons_table(left_out, "Left out"),
    ]


def reasons_table(reasons: Counter[str], title: str = "Dropped") -> Table:
    """Return how often each reason occurred, the most frequent first."""
    rows = sorted(reasons.items(), key=lambda found: (-found[1], found[0]))
    return Table(title, ("reason", "number"), rows)


def _shape_tables(splits: Mapping[str, Collection[Item]]) -> list[Table]:
    chains = {n: Counter(len(item.tools) for item in items) for n, items in splits.items()}
    shown = {
        n: Counter(len(item.conversation.tools) for item in items) for n, items in splits.items()
    }
    return [
        _counted("Calls per conversation", "calls", chains),
        _counted("Tools shown", "tools", shown),
    ]


def _counted(title: str, what: str, counts: Mapping[str, Counter[int]]) -> Table:
    values = sorted({value for counter in counts.values() for value in counter})
    rows = [(value, *(counter[value] for counter in counts.values())) for value in values]
    return Table(title, (what, *counts), rows)


def _images(items: Iterable[Item]) -> set[str]:
    return {item.provenance.image for item in items if item.provenance.image is not None}


def as_markdown(title: str, tables: Iterable[Table]) -> str:
    """Return the report in Markdown."""
    parts = [f"# {markdown_text(title)}\n"]
    for table in tables:
        rows = [[markdown_text(str(value)) for value in row] for row in table.rows]
        text = markdown_table(tuple(table.columns), rows) if rows else "None.\n"
        parts.append(f"## {table.title}\n\n{text.rstrip()}\n")
    return "\n".join(parts)


def as_html(title: str, tables: Iterable[Table]) -> str:
    """Return the report as a page without scripts."""
    return render_page(
        "tables.html.j2",
        scripts=(),
        styles=("theme.css", "tables.css"),
        title=title,
        tables=list(tables),
    )
