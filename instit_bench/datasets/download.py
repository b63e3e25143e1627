"""The steps of ``data download``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from instit_bench.datasets.drive import fetch_gpt4tools
from instit_bench.datasets.inst_it import read_inst_it
from instit_bench.datasets.inst_it_raw import unmarked_inst_it
from instit_bench.datasets.layout import (
    GPT4TOOLS_FILES,
    GPT4TOOLS_FOLDERS,
    INST_IT_JSON,
    PROMPTS_FILE,
    RAW_FOLDERS,
    gpt4tools_file,
    media_kind,
)
from instit_bench.datasets.prompts import download_prompts
from instit_bench.datasets.source import DataSource, open_source
from instit_bench.errors import DownloadError, InputError

Step = Callable[[], str]


def download(benchmark: str, revision: str) -> Iterator[tuple[str, Step]]:
    """Yield named steps; each downloads one thing (unless it is there) and describes it."""
    source = open_source("hub", revision)
    match benchmark:
        case "inst_it_bench":
            for config in INST_IT_JSON:
                yield f"inst_it_bench {config}", partial(_inst_it, config, source)
        case "inst_it_raw":
            for kind, name in RAW_FOLDERS.items():
                yield f"inst_it_raw {name}", partial(_raw, kind, source)
        case "gpt4tools":
            for split in GPT4TOOLS_FILES:
                yield f"gpt4tools {split}", partial(_gpt4tools, split, source)
        case "prompts":
            yield "official prompts", partial(_prompts, source.root / PROMPTS_FILE)


def _inst_it(config: str, source: DataSource) -> str:
    try:
        dataset = read_inst_it(config, source)  # downloads and unpacks what it needs
    except DownloadError as error:  # without the advice to do what the user is doing
        raise InputError(
            f"{error.fact}; check the network and HF_ENDPOINT, and try again"
        ) from error
    return f"{len(dataset.docs)} records at commit {dataset.revision}"


def _raw(kind: str, source: DataSource) -> str:
    config = next(config for config in INST_IT_JSON if media_kind(config) == kind)
    return str(unmarked_inst_it(config, source, with_masks=True).folder)


def _gpt4tools(split: str, source: DataSource) -> str:
    found = gpt4tools_file(split, source.folders(GPT4TOOLS_FOLDERS))
    return str(found or fetch_gpt4tools(split, source.root / "gpt4tools"))


def _prompts(target: Path) -> str:
    if not target.is_file():
        download_prompts(target)
    return str(target)
