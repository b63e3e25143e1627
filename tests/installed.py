"""Packages that bring parts by entry points, as an installer leaves them, for one test."""

from __future__ import annotations

import sys


def install(folder, monkeypatch, group, entries, module, package="colours"):
    """A package of one module, with the metadata that make its entry points known."""
    (folder / f"{package}.py").write_text(module)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, package, raising=False)
