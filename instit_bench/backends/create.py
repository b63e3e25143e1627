"""From the name on the command line to a backend."""

from __future__ import annotations

from collections.abc import Callable

from instit_bench.backends.base import Backend, BackendOptions
from instit_bench.backends.options import AdapterOptions
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


def _lmms_eval(options: BackendOptions) -> Backend:
    from instit_bench.backends.lmms_eval.backend import LmmsEvalBackend

    return LmmsEvalBackend(options)


BACKENDS: dict[str, Callable[[BackendOptions], Backend]] = {
    "baseline": _baseline,
    "openai": _openai,
    "vllm": _vllm,
    "lmms-eval": _lmms_eval,
}


def create_backend(name: str, options: BackendOptions) -> Backend:
    """Make the backend.

    Raises:
        InputError: The name is unknown, or the options do not fit.
    """
    if name not in BACKENDS:
        raise InputError(f"there is no backend {name!r}; choose one of {', '.join(BACKENDS)}")
    _refuse_options_of_others(name, options)
    return BACKENDS[name](options)


def _refuse_options_of_others(name: str, options: BackendOptions) -> None:
    for owners, changed in (
        (("vllm",), options.engine.changed),
        (("lmms-eval",), options.adapter.changed),
        (("openai", "vllm"), options.endpoint.changed),
    ):
        not_shared = [option for option in changed if (name, option) != ("lmms-eval", "--video-as")]
        if name not in owners and not_shared:
            have = "has" if len(owners) == 1 else "have"
            raise InputError(
                f"{not_shared[0]}: only --backend {' and '.join(owners)} {have} this option"
            )


def takes_roles(name: str, model: str, adapter: AdapterOptions) -> bool:
    """Whether the model takes messages with roles; else its prompt is one text, with media before.

    Raises:
        InputError: The backend has no such model.
    """
    if name != "lmms-eval":
        return True
    from instit_bench.backends.lmms_eval.registry import find_adapter

    return find_adapter(model, adapter.force_simple).is_chat
