"""``--data``: where a benchmark's files are.

``demo`` and ``PATH`` are folders with the same layout; ``hub`` has that layout too once it is
downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from instit_bench.datasets.layout import PROMPTS_FILE
from instit_bench.errors import InputError
from instit_bench.resources import demo_data, home


@dataclass(frozen=True, slots=True)
class DataSource:
    """A resolved ``--data`` value.

    ``root`` is the data folder; ``file`` is set instead if the user named one file. With kind
    ``hub`` the Inst-IT files are in the hub's cache and ``root`` contains the rest. ``offline``
    means that nothing may be downloaded or unpacked.
    """

    kind: Literal["hub", "demo", "path"]
    root: Path
    file: Path | None = None
    revision: str = "main"
    offline: bool = False

    @property
    def label(self) -> str:
        """A short name for run directories and tables."""
        if self.kind != "path":
            return self.kind
        return self.file.stem if self.file else self.root.resolve().name

    def folders(self, names: tuple[str, ...]) -> Iterator[Path]:
        """Yield the sub-folders of the root with one of these names, then the root itself."""
        yield from (self.root / name for name in names if (self.root / name).is_dir())
        yield self.root

    def prompts_file(self) -> Path | None:
        """The benchmark's own prompts, if the data folder has them."""
        if self.kind == "demo":
            return None  # the demo has its own images, so the benchmark's prompts do not apply
        near = [self.root, self.root.parent] if self.file else [self.root]
        candidates = (folder / PROMPTS_FILE for folder in near)
        return next((path for path in candidates if path.is_file()), None)


def open_source(spec: str, revision: str = "main", *, offline: bool = False) -> DataSource:
    """Return the data source that ``--data SPEC`` names.

    Raises:
        InputError: The path does not exist.
    """
    if spec == "demo":
        return DataSource("demo", demo_data(), offline=offline)
    if spec == "hub":
        return DataSource("hub", home(), revision=revision, offline=offline)
    try:
        path = Path(spec).expanduser()
        if spec and path.is_dir():
            return DataSource("path", path, offline=offline)
        if path.is_file():
            return DataSource("path", path.parent, file=path, offline=offline)
    except (OSError, RuntimeError) as error:  # a name too long, no permission, ~nobody
        raise InputError(f"--data {spec}: {error}") from error
    raise InputError(
        f"--data {spec or repr(spec)}: no such file or folder; use hub, demo or a path"
    )
