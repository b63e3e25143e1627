"""Discover task plugins: the shipped ones, ``--include-path`` folders and entry points."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.resources import shipped
from instit_bench.tasks.config import GroupConfig, TaskConfig, read_config
from instit_bench.tasks.functions import forget_functions
from instit_bench.tasks.task import Task

ENTRY_POINT_GROUP = "instit_bench.tasks"


@dataclass(frozen=True)
class TaskRegistry:
    """All plugins found, by name."""

    tasks: dict[str, Task] = field(default_factory=dict)
    groups: dict[str, GroupConfig] = field(default_factory=dict)

    def resolve(self, names: Iterable[str]) -> list[Task]:
        """Return the tasks that the names of tasks, groups and tags stand for, each once, in order.

        A name with ``*``, ``?`` or ``[…]`` is a pattern for names of tasks.

        Raises:
            InputError: A name is unknown, or no task matches a pattern.
        """
        found: dict[str, Task] = {}
        for name in names:
            for task in self._expand(name, ()):
                found.setdefault(task.name, task)
        if not found:
            raise InputError("no task given; see 'instit-bench tasks list'")
        return list(found.values())

    def _expand(self, name: str, parents: tuple[str, ...]) -> Iterator[Task]:
        if name in parents:
            raise InputError(f"group {name!r} contains itself")
        if name in self.tasks:
            yield self.tasks[name]
        elif name in self.groups:
            for member in self.groups[name].task:
                yield from self._expand(member, (*parents, name))
        elif is_pattern(name):
            matching = [task for known, task in self.tasks.items() if fnmatchcase(known, name)]
            if not matching:
                raise InputError(
                    f"no task matches {name!r}; known: {', '.join(sorted(self.tasks))}"
                )
            yield from matching
        else:
            tagged = [task for task in self.tasks.values() if name in task.config.tag]
            if not tagged:
                raise InputError(self._unknown(name))
            yield from tagged

    def _unknown(self, name: str) -> str:
        known = sorted([*self.tasks, *self.groups])
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"there is no task or group {name!r}; {hint}"


def is_pattern(name: str) -> bool:
    """Whether a task's name has wildcards, and stands for all tasks that match it."""
    return any(character in name for character in "*?[")


def load_registry(include_paths: Sequence[Path] = ()) -> TaskRegistry:
    """Read every plugin's YAML; no plugin code runs.

    Raises:
        InputError: A folder does not exist, a plugin is broken, or two plugins share a name.
    """
    forget_functions()
    registry = TaskRegistry()
    for folder in (shipped("tasks"), *_entry_point_folders(), *include_paths):
        if not folder.is_dir():
            raise InputError(f"task folder {folder} does not exist")
        for path in sorted(folder.rglob("*.yaml")):
            _register(registry, path.absolute())
    return registry


def _register(registry: TaskRegistry, path: Path) -> None:
    config = read_config(path)
    name = config.task if isinstance(config, TaskConfig) else config.group
    known = registry.tasks.get(name)
    if name in registry.groups or (known is not None and known.path != path):
        other = known.path if known else "a group"
        raise InputError(f"{path}: key 'task': the name {name!r} is already used by {other}")
    if isinstance(config, TaskConfig):
        registry.tasks[name] = Task(config, path)
    else:
        registry.groups[name] = config


def _entry_point_folders() -> Iterator[Path]:
    """Yield folders; an entry point names a package with YAML files, or a path to such a folder."""
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        yield _entry_point_folder(entry)


def _entry_point_folder(entry: EntryPoint) -> Path:
    try:
        target = entry.load()
    except Exception as error:
        raise InputError(f"entry point {entry.name!r} ({entry.value}): {error}") from error
    if isinstance(target, str | Path):
        return Path(target)
    module_file = getattr(target, "__file__", None)
    if module_file is None:
        raise InputError(f"entry point {entry.name!r} ({entry.value}) is not a package or path")
    return Path(module_file).parent
