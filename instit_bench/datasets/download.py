"""The steps of ``data download``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from instit_bench.datasets.drive import fetch_gpt4tools
from instit_bench.datasets.inst_it import read_inst_it
from instit_bench.datasets.inst_it_dataset.hub import KINDS, fetch
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
OF_DATASET = KINDS


def download(
    benchmark: str, revision: str, *, kinds: Sequence[str] = OF_DATASET, media: str = "vpt"
) -> Iterator[tuple[str, Step]]:
    """Yield named steps; each downloads one thing (unless it is there) and describes it.

    ``kinds`` and ``media`` are parts of the Inst-IT Dataset.
    """
    source = open_source("hub", revision)
    match benchmark:
        case "inst_it_bench":
            for config in INST_IT_JSON:
                yield f"inst_it_bench {config}", partial(_inst_it, config, source)
        case "inst_it_dataset":
            for kind in kinds:
                yield f"inst_it_dataset {kind}s", partial(_dataset, kind, media, revision)
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


def _dataset(kind: str, media: str, revision: str) -> str:
    folder = fetch(kind, media, revision)
    with_media = "annotations alone" if media == "none" else f"annotations and {media} media"
    return f"{with_media} at commit {folder.name}"


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
