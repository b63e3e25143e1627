"""``instit-bench data list|download|verify``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from instit_bench.cli.console import note
from instit_bench.cli.options import App

app = App(help="Download and inspect the benchmarks' data.")


class Benchmark(StrEnum):
    """What to download."""

    ALL = "all"
    INST_IT = "inst_it_bench"
    INST_IT_DATASET = "inst_it_dataset"
    INST_IT_RAW = "inst_it_raw"
    GPT4TOOLS = "gpt4tools"
    PROMPTS = "prompts"


class Kind(StrEnum):
    """A split of the Inst-IT Dataset."""

    VIDEO = "video"
    IMAGE = "image"


class Media(StrEnum):
    """Media of the Inst-IT Dataset: with drawn marks, without, or none."""

    VPT = "vpt"
    RAW = "raw"
    NONE = "none"


REVISION = typer.Option(help="Hub revision of the Inst-IT dataset.")
DATA = typer.Option(
    help="hub, demo, or a path to a folder or file.", envvar="INSTIT_BENCH_DATA", show_envvar=False
)


@app.command("list")
def list_command(
    data: Annotated[str, DATA] = "hub", revision: Annotated[str, REVISION] = "main"
) -> int:
    """List what a data folder contains and what is missing. Downloads nothing."""
    from rich.table import Table

    from instit_bench.cli.console import stdout
    from instit_bench.datasets.inventory import inventory
    from instit_bench.datasets.source import open_source

    source = open_source(data, revision)
    table = Table(title=f"{source.kind}: {source.root}", title_justify="left")
    for column in ("part", "records", "where"):
        table.add_column(column, overflow="fold")
    for line in inventory(source):
        table.add_row(line.name, "-" if line.records is None else str(line.records), line.location)
    stdout().print(table)
    return 0


@app.command("download")
def download_command(
    benchmark: Annotated[Benchmark, typer.Option(help="Part to download.")] = Benchmark.ALL,
    revision: Annotated[str, REVISION] = "main",
    split: Annotated[
        Kind | None, typer.Option(help="inst_it_dataset: only videos or only images.")
    ] = None,
    media: Annotated[
        Media | None,
        typer.Option(help="inst_it_dataset: with drawn marks (vpt, the default), raw, or none."),
    ] = None,
) -> int:
    """Download datasets and official prompts. If one part fails, the others are kept.

    inst_it_raw, for run --marks, and inst_it_dataset, which has 52 GB, are downloaded only if they
    are named.
    """
    from instit_bench.datasets.download import OF_DATASET, download
    from instit_bench.errors import InputError

    if benchmark is not Benchmark.INST_IT_DATASET and (split or media):
        option = "--split" if split else "--media"
        raise InputError(f"{option}: applies to --benchmark inst_it_dataset only")
    left_out = (Benchmark.ALL, Benchmark.INST_IT_RAW, Benchmark.INST_IT_DATASET)
    parts = [b for b in Benchmark if b not in left_out]
    kinds = (split.value,) if split else OF_DATASET
    failures = []
    for part in parts if benchmark is Benchmark.ALL else [benchmark]:
        for name, step in download(part.value, revision, kinds=kinds, media=media or Media.VPT):
            try:
                note(f"{name}: {step()}")
            except InputError as error:
                failures.append(error)
                note(f"{name}: FAILED: {error}")
    if failures:
        raise InputError(f"{len(failures)} downloads failed; the first: {failures[0]}")
    return 0


@app.command("verify")
def verify_command(
    data: Annotated[str, DATA] = "hub", revision: Annotated[str, REVISION] = "main"
) -> int:
    """Read every record and image; report missing frames, unreadable images and digests."""
    from rich.table import Table

    from instit_bench.cli.console import fail, stdout
    from instit_bench.datasets.source import open_source
    from instit_bench.evaluation.verify import verify

    reports = verify(open_source(data, revision))
    table = Table()
    for column in ("task", "records", "images/videos", "images and frames", "problems", "digest"):
        table.add_column(column, overflow="fold")
    for report in reports:
        counts = (report.records, report.media, report.images, len(report.problems))
        table.add_row(report.task, *map(str, counts), report.digest[:16])
    stdout().print(table)
    problems = [f"{r.task}: {problem}" for r in reports for problem in r.problems]
    for problem in problems:
        note(problem)
    if problems:
        fail(f"{len(problems)} problems; the first: {problems[0]}", 1)
    return 0
