"""``instit-bench generate instructions|items|splits``: new items in GPT4Tools' format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instit_bench.cli.console import fail, note
from instit_bench.cli.options import App, settings_command
from instit_bench.errors import INTERRUPTED
from instit_bench.validation import names_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from instit_bench.generation.plan import WriterPlan
    from instit_bench.generation.report import Table

app = App(
    help="Make a new GPT4Tools split or training data: instructions, then items, then splits."
)
SETTINGS = "instit_bench.generation.config:WriterConfig"


@app.command("instructions", cls=settings_command(SETTINGS, own=True))
def instructions_command(
    ctx: typer.Context,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only print captions, requests, tokens, cost and space."),
    ] = False,
) -> int:
    """Have a model write instructions on captions of images. Run again to resume."""
    from instit_bench.generation.config import make_writer_config
    from instit_bench.generation.plan import plan_writing
    from instit_bench.generation.writing import write_instructions

    config = make_writer_config(ctx.obj)
    if dry_run:
        return _show_dry_run(plan_writing(config))
    from instit_bench.cli.progress import make_reporter

    written = write_instructions(config, make_reporter())
    cut = f", {written.cut_off} cut off at the token limit" if written.cut_off else ""
    counts = f"{written.replies} replies, {written.failed} failed{cut}"
    typer.echo(f"{written.folder}: {counts}; {written.spent}")
    if written.interrupted:
        return INTERRUPTED
    if written.problem:
        fail(written.problem.message, written.problem.exit_code)
    note(f"next: instit-bench generate items {written.folder}")
    return 0


def _show_dry_run(plan: WriterPlan) -> int:
    from instit_bench.display import counted
    from instit_bench.evaluation.preview import free_bytes

    captions, left = plan.captions, plan.left
    typer.echo("Dry run: nothing is sent or written")
    typer.echo(
        f"captions: {counted(len(captions.captions), 'image')} of "
        f"{counted(captions.records, 'record')}, {captions.repeated} repeated"
    )
    typer.echo(
        f"{counted(len(left), 'request')} of {len(plan.chosen)}, "
        f"{counted(len(plan.catalogue.tools), 'tool')} each: {plan.estimate()}"
    )
    typer.echo(f"free disk space: {free_bytes(plan.config.output) / 2**30:,.1f} GiB")
    return 0


@app.command("items")
def items_command(
    raw: Annotated[
        Path, typer.Argument(help="Folder of generate instructions, or a JSON file of replies.")
    ],
    tools: Annotated[
        list[str] | None,
        typer.Option(
            help="Catalogues: gpt4tools, novel, or YAML files; repeatable. [default: both]",
            metavar="<name|path>",
        ),
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for the items.")] = Path("items"),
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 0,
    filter_: Annotated[
        bool, typer.Option("--filter", help="Keep only the first of equal requests.")
    ] = False,
    chain: Annotated[
        bool, typer.Option("--chain/--step", help="Target: all turns, or one item per turn.")
    ] = True,
    complement: Annotated[
        bool, typer.Option("--complement", help="Target: one random turn per conversation.")
    ] = False,
    chains: Annotated[
        str | None,
        typer.Option(help="Calls per conversation, such as 1..3 (default: as the tool needs)."),
    ] = None,
    tools_shown: Annotated[str, typer.Option(help="Tools that a prompt offers.")] = "2..5",
    refusals: Annotated[
        Path | None,
        typer.Option(help="Requests without a tool: instruction, input, output (Alpaca's form)."),
    ] = None,
    refusal_ratio: Annotated[
        float, typer.Option(help="Refusals per other conversation, at most.")
    ] = 1.0,
    max_items: Annotated[int | None, typer.Option(help="Maximum conversations.")] = None,
    max_images: Annotated[int | None, typer.Option(help="Maximum images.")] = None,
    max_per_tool: Annotated[
        int | None, typer.Option(help="Maximum conversations per tool.")
    ] = None,
) -> int:
    """Make items of replies. Every dropped line is logged with its reason."""
    from instit_bench.generation.catalogue import SHIPPED, read_catalogue
    from instit_bench.generation.items import make_items
    from instit_bench.generation.manifest import catalogue_asked_with
    from instit_bench.generation.options import make_options
    from instit_bench.generation.replies import read_replies
    from instit_bench.generation.report import items_tables
    from instit_bench.generation.store import describe, has_items, write_items

    if complement and not chain:
        fail("--complement and --step cannot be combined", 2)
    options = make_options(
        seed=seed,
        target="complement" if complement else "chain" if chain else "step",
        filter=filter_,
        tools_shown=tools_shown,
        chains=chains,
        refusals=refusals,
        refusal_ratio=refusal_ratio,
        max_items=max_items,
        max_images=max_images,
        max_per_tool=max_per_tool,
    )
    catalogue = read_catalogue(names_in(tools) or SHIPPED)
    replies = read_replies(raw)
    if catalogue_asked_with(raw) not in (None, catalogue.digest):
        note(f"warning: {raw}: its replies are for another catalogue; name the same --tools")
    made = make_items(replies, catalogue, options)
    tables = items_tables(made, catalogue)
    replaces = has_items(output)
    write_items(output, made.items, made.dropped, catalogue)
    about = {
        "catalogue": catalogue.digest,
        "options": options.model_dump(mode="json"),
        "items": len(made.items),
        "dropped": len(made.dropped),
    }
    describe(output, "Generated items", about, tables)
    _show(tables[:2])
    if replaces:
        _note_replaced(output, "items")
    if not made.items:
        fail(f"{raw}: no item could be made; {output / 'dropped.jsonl'} says why", 1)
    typer.echo(f"{output}: {len(made.items)} items, catalogue {catalogue.digest[:12]}")
    note(f"report: {output / 'report.html'}")
    note(f"next: instit-bench generate splits {output}")
    return 0


@app.command("splits")
def splits_command(
    items: Annotated[Path, typer.Argument(help="Folder of generate items.")],
    unseen_tools: Annotated[
        list[str] | None,
        typer.Option(
            help="Tools of the unseen split, comma-separated, novel, or none; repeatable. "
            "[default: novel]",
            metavar="<name>",
        ),
    ] = None,
    output: Annotated[Path, typer.Option(help="Data folder to write.")] = Path("generated"),
    by_image: Annotated[
        bool,
        typer.Option("--by-image/--by-item", help="No image, or no item, is in two splits."),
    ] = True,
    seen: Annotated[
        float, typer.Option(min=0, max=1, help="Share of images in the seen split.")
    ] = 0.1,
    unseen: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Share of images in the unseen split, of those with unseen tools."
        ),
    ] = 0.3,
    seed: Annotated[int, typer.Option(help="Seed of the splits.")] = 0,
    rename_tools: Annotated[
        bool,
        typer.Option("--rename-tools", help="Give every tool its other name and description."),
    ] = False,
    messages: Annotated[
        bool,
        typer.Option(
            "--messages",
            help="Write the training split as conversations: lists of role and content.",
        ),
    ] = False,
) -> int:
    """Split items into a data folder for run --data."""
    from instit_bench.generation.report import splits_tables
    from instit_bench.generation.splits import SplitOptions, split_items, unseen_names
    from instit_bench.generation.store import describe, read_items, splits_in, write_splits

    found, catalogue = read_items(items)
    names = unseen_names(names_in(unseen_tools) if unseen_tools else None, catalogue)
    options = SplitOptions(names, by_image, seen, unseen, seed, rename_tools)
    splits = split_items(found, catalogue, options)
    replaces = bool(splits_in(output))
    written = write_splits(output, splits.items, splits.catalogue, as_messages=messages)
    for name, path in written.items():
        note(f"{name}: {path}")
    tables = splits_tables(splits.items, splits.left_out)
    about = {
        "catalogue": splits.catalogue.digest,
        "made_from": catalogue.digest,
        "unseen_tools": sorted(names),
        "options": {
            "by_image": by_image,
            "seen": seen,
            "unseen": unseen,
            "seed": seed,
            "rename_tools": rename_tools,
            "messages": messages,
        },
        "items": {name: len(kept) for name, kept in splits.items.items()},
    }
    describe(output, "Generated splits", about, tables)
    _show((tables[0], tables[-1]))
    if replaces:
        _note_replaced(output, "splits")
    typer.echo(f"{output}: catalogue {splits.catalogue.digest[:12]}")
    if not written:
        fail(f"{items}: no item is left for any split; {output / 'report.md'} says why", 1)
    task = f"gpt4tools_{list(written)[-1]}"
    note(f"next: instit-bench run --data {output} --tasks {task} --model MODEL")
    return 0


def _note_replaced(folder: Path, what: str) -> None:
    note(f"{folder}: replaced the {what} of an earlier command; --output names another folder")


def _show(tables: Iterable[Table]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table as Shown

    from instit_bench.cli.console import stdout

    console = stdout()
    for table in tables:
        if not table.rows:
            continue
        shown = Shown(title=table.title, title_justify="left", box=box.SIMPLE_HEAD)
        for number, column in enumerate(table.columns):
            shown.add_column(column, justify="right" if number else "left")
        for row in table.rows:
            shown.add_row(*(escape(str(value)) for value in row))
        console.print(shown)
