"""Load a task's records and prompts with its dataset reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from instit_bench.datasets.prompts import OfficialPrompts
from instit_bench.datasets.readers import DataKeys
from instit_bench.datasets.records import Dataset
from instit_bench.datasets.source import DataSource
from instit_bench.tasks.task import Task


def with_prompts(task: Task, prompts: OfficialPrompts | None) -> Task:
    """Return the task with the benchmark's own prompts, if it has any and they are available."""
    key = task.config.metadata.official_prompt
    if prompts is None or key is None:
        return task
    return task.with_official_prompt(prompts.pair(key))


def load_dataset(
    task: Task, source: DataSource, wants_media: Callable[[str], bool] = lambda _: True
) -> Dataset:
    """Load the task's records with its reader, then apply ``process_docs`` if the reader says so.

    ``wants_media`` says by a sample's id whether images stored in its record are needed.

    Raises:
        InputError: The data are missing or broken.
    """
    dataset = task.reader.read(keys_of(task, wants_media), source)
    if not task.reader.processed:
        return dataset
    return replace(dataset, docs=task.process_docs(dataset.docs))


def keys_of(task: Task, wants_media: Callable[[str], bool] = lambda _: True) -> DataKeys:
    """Return what the task's YAML file says about its data."""
    config = task.config
    return DataKeys(
        yaml_path=task.path,
        dataset_path=config.dataset_path,
        dataset_name=config.dataset_name,
        dataset_kwargs=config.dataset_kwargs,
        split=config.test_split,
        wants_media=wants_media,
    )
