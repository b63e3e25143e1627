"""Create a backend from its name: this package's own or an installed one."""

from __future__ import annotations

from instit_bench.backends.base import Backend, BackendOptions, BackendSpec
from instit_bench.backends.options import (
    AdapterOptions,
    EndpointOptions,
    EngineOptions,
    option_names,
)
from instit_bench.errors import InputError
from instit_bench.plugins import Registry


def _baseline(options: BackendOptions) -> Backend:
    from instit_bench.backends.baseline import BaselineBackend

    return BaselineBackend(options)


def _openai(options: BackendOptions) -> Backend:
    from instit_bench.backends.openai import OpenAIBackend

    return OpenAIBackend(options)


def _vllm(options: BackendOptions) -> Backend:
    from instit_bench.backends.vllm.backend import VllmBackend

    return VllmBackend(options)


def _lmms_eval(options: BackendOptions) -> Backend:
    from instit_bench.backends.lmms_eval.backend import LmmsEvalBackend

    return LmmsEvalBackend(options)


def _adapter_takes_roles(model: str, adapter: AdapterOptions) -> bool:
    from instit_bench.backends.lmms_eval.registry import find_adapter

    return find_adapter(model, adapter.force_simple).is_chat


BASELINE = BackendSpec("baseline", _baseline, takes=frozenset())
OPENAI = BackendSpec("openai", _openai, takes=option_names(EndpointOptions))
VLLM = BackendSpec(
    "vllm",
    _vllm,
    takes=option_names(EngineOptions) | option_names(EndpointOptions),
    in_flight=lambda _: 64,  # a model on this machine fills its batch
    loads_a_model=True,
)
LMMS_EVAL = BackendSpec(
    "lmms-eval",
    _lmms_eval,
    takes=option_names(AdapterOptions) | {"--video-as"},
    takes_roles=_adapter_takes_roles,
    # While an lmms-eval model works on one batch, the next is prepared.
    in_flight=lambda adapter: 2 * (adapter.batch_size or 1),
    video_as="video",
    needs_limit=True,
    loads_a_model=True,
)

BACKENDS = Registry(
    "instit_bench.backends",
    BackendSpec,
    "backend",
    {
        "baseline": lambda: BASELINE,
        "openai": lambda: OPENAI,
        "vllm": lambda: VLLM,
        "lmms-eval": lambda: LMMS_EVAL,
    },
)


def create_backend(name: str, options: BackendOptions) -> Backend:
    """Create the backend.

    Raises:
        InputError: The name is unknown, or the options are not valid for it.
    """
    spec = BACKENDS.load(name)
    parts = (options.engine, options.adapter, options.endpoint)
    for option in (changed for part in parts for changed in part.changed):
        if option not in spec.takes:
            owners = [own.name for own in (OPENAI, VLLM, LMMS_EVAL) if option in own.takes]
            have = "has" if len(owners) == 1 else "have"
            raise InputError(f"{option}: only --backend {' and '.join(owners)} {have} this option")
    return spec.make(options)
