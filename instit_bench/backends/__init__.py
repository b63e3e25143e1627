"""Sources of predictions behind one small interface: one module per backend."""

from instit_bench.backends.base import (
    Backend,
    BackendOptions,
    BackendSpec,
    BackendUnavailable,
    EngineLost,
    GenerationError,
)
from instit_bench.backends.create import BACKENDS, create_backend

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendOptions",
    "BackendSpec",
    "BackendUnavailable",
    "EngineLost",
    "GenerationError",
    "create_backend",
]
