"""``!function utils.f`` in a task's YAML: stored as a name and imported only when called."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from instit_bench.errors import PLUGIN_FAULTS, InputError

_DOTTED_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@dataclass(frozen=True, slots=True, repr=False)
class FunctionRef:
    """A function named in a YAML file, beside it or in an importable module."""

    yaml_path: Path
    dotted: str

    def __post_init__(self) -> None:
        if not _DOTTED_NAME.fullmatch(self.dotted):
            raise InputError(
                f"{self.yaml_path}: !function {self.dotted!r} is not of the form module.function"
            )

    def __repr__(self) -> str:
        return f"!function {self.dotted}"

    @cache  # noqa: B019 - there are as many as a program has plugins
    def load(self, key: str) -> Callable[..., Any]:
        """Import the function; ``key`` is its YAML key, for the error message.

        Raises:
            InputError: The module does not import or has no such function.
        """
        module_name, _, function_name = self.dotted.rpartition(".")
        where = f"{self.yaml_path}: {key}: !function {self.dotted}"
        try:
            module = _import(module_name, self.yaml_path.parent)
        except PLUGIN_FAULTS as error:
            raise InputError(f"{where}: cannot import {module_name}: {error}") from error
        function = getattr(module, function_name, None)
        if not callable(function):
            raise InputError(f"{where}: {module_name} has no function {function_name}")
        return function  # type: ignore[no-any-return]


def forget_functions() -> None:
    """Import plugins' modules afresh from now on: their author edits them between two runs."""
    FunctionRef.load.cache_clear()
    _import.cache_clear()


@cache
def _import(module_name: str, folder: Path) -> ModuleType:
    """Import a module from its file beside the YAML, else from the Python path."""
    path = folder / (module_name.replace(".", "/") + ".py")
    if not path.is_file():
        return importlib.import_module(module_name)
    # The folder is part of the name, because every plugin may have its own utils.py.
    unique = f"_instit_bench_plugin_{abs(hash(folder)):x}_{module_name.replace('.', '_')}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
