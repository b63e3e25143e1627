"""Where predictions come from: one file a backend behind one small interface."""

from instit_bench.backends.base import Backend, BackendOptions, BackendUnavailable, GenerationError
from instit_bench.backends.create import BACKENDS, create_backend, takes_roles

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendOptions",
    "BackendUnavailable",
    "GenerationError",
    "create_backend",
    "takes_roles",
]
