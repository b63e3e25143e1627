"""From the name on the command line to a backend."""

from __future__ import annotations

from collections.abc import Callable

from instit_bench.backends.base import Backend, BackendOptions
from instit_bench.errors import InputError


def _baseline(options: BackendOptions) -> Backend:
    from instit_bench.backends.baseline import BaselineBackend

    return BaselineBackend(options)


def _openai(options: BackendOptions) -> Backend:
    from instit_bench.backends.openai import OpenAIBackend

    return OpenAIBackend(options)


def _vllm(options: BackendOptions) -> Backend:
    from instit_bench.backends.vllm.backend import VllmBackend

    return VllmBackend(options)


BACKENDS: dict[str, Callable[[BackendOptions], Backend]] = {
    "baseline": _baseline,
    "openai": _openai,
    "vllm": _vllm,
}


def create_backend(name: str, options: BackendOptions) -> Backend:
    """Make the backend.

    Raises:
        InputError: The name is unknown, or the options do not fit.
    """
    if name not in BACKENDS:
        raise InputError(f"there is no backend {name!r}; choose one of {', '.join(BACKENDS)}")
    if name != "vllm" and options.engine.changed:
        raise InputError(f"{options.engine.changed[0]}: only --backend vllm has this option")
    return BACKENDS[name](options)
