"""What a shell offers when Tab is pressed: tasks, backends and run folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from instit_bench.errors import InstitBenchError


def task_names(incomplete: str) -> Iterator[str]:
    """Yield the tasks and groups that a comma-separated list may go on with."""
    from instit_bench.tasks.registry import load_registry

    before, comma, last = incomplete.rpartition(",")
    with suppress(InstitBenchError):
        registry = load_registry(())
        names = [*registry.groups, *registry.tasks]
        yield from (f"{before}{comma}{name}" for name in names if name.startswith(last))


def backend_names(incomplete: str) -> Iterator[str]:
    """Yield the backends."""
    from instit_bench.backends.create import BACKENDS

    yield from (name for name in BACKENDS.names() if name.startswith(incomplete))


def run_folders(incomplete: str) -> Iterator[str]:
    """Yield the runs in ``results``, or in the folder that is being typed, and that folder's."""
    typed = Path(incomplete)
    folder = typed if incomplete.endswith("/") else typed.parent
    places = [folder] if incomplete else [Path("results"), Path()]
    for place in places:
        with suppress(OSError):
            for path in sorted(place.iterdir()):
                if not str(path).startswith(incomplete) or path.name.startswith("."):
                    continue
                if (path / "manifest.json").is_file():
                    yield str(path)
                elif path.is_dir() and incomplete:
                    yield f"{path}/"


OF_FIELDS = {"tasks": task_names, "backend": backend_names}
"""The completions of settings that are options, by field."""
