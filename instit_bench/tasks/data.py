"""A task's records and words: where its plugin meets the readers of datasets."""

from __future__ import annotations

from dataclasses import replace

from instit_bench.datasets.files import read_files
from instit_bench.datasets.gpt4tools import read_gpt4tools
from instit_bench.datasets.inst_it import read_inst_it
from instit_bench.datasets.prompts import OfficialPrompts
from instit_bench.datasets.records import Dataset
from instit_bench.datasets.source import DataSource
from instit_bench.tasks.task import Task


def with_prompts(task: Task, prompts: OfficialPrompts | None) -> Task:
    """The task with the benchmark's own words, where it has some and they are at hand."""
    key = task.config.metadata.official_prompt
    if prompts is None or key is None:
        return task
    return task.with_official_prompt(prompts.pair(key))


def load_dataset(task: Task, source: DataSource) -> Dataset:
    """The task's records, by its reader; ``process_docs`` is for those read from files."""
    config = task.config
    match config.metadata.reader:
        case "inst_it":
            return read_inst_it(config.dataset_name or "", source)
        case "gpt4tools":
            return read_gpt4tools(config.dataset_name or "", source)
        case "files":
            dataset = read_files(
                config.dataset_path, config.dataset_kwargs, config.test_split, task.path
            )
            return replace(dataset, docs=task.process_docs(dataset.docs))
