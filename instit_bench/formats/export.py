"""Write a stored run in another program's format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.runs.loaded import Run


def export_run(
    run: Path,
    to: str,
    output: Path | None,
    include_path: Sequence[Path] = (),
    data: str | None = None,
) -> dict[str, Path]:
    """Write a run as ``official``, ``lmms-eval`` or ``inspect``; return the files by name.

    Raises:
        InputError: The folder is not a run, or has nothing that the format can hold.
    """
    stored = Run.load(run)
    match to:
        case "official":
            from instit_bench.formats.official import export_official

            return dict(export_official(stored, output or run / "export"))
        case "lmms-eval":
            from instit_bench.formats.lmms_eval.export import export_lmms_eval

            folder = output or run / "export" / to
            return dict(export_lmms_eval(stored, folder, include_path, data))
        case "inspect":
            from instit_bench.formats.inspect.export import export_inspect

            return dict(export_inspect(stored, output or run / "export" / to))
    raise InputError(f"format {to!r}: choose official, lmms-eval or inspect")
