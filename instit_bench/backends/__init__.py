"""Where predictions come from: one file a backend behind one small interface."""

from instit_bench.backends.base import (
    Backend,
    BackendOptions,
    BackendSpec,
    BackendUnavailable,
    GenerationError,
)
from instit_bench.backends.create import BACKENDS, create_backend

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendOptions",
    "BackendSpec",
    "BackendUnavailable",
    "GenerationError",
    "create_backend",
]
