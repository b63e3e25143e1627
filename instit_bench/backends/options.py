"""User options for an engine, an endpoint, or an lmms-eval model."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from instit_bench.errors import InputError

VideoAs = Literal["frames", "video"]

_SECRET = re.compile(
    r"(^|[_-])(api_?key|key|token|secret|passwd|password|credentials?|authorization|headers)$", re.I
)
# A user in an address, a key in its query, a header.
_SECRET_INSIDE = re.compile(r"://[^/@\s]+@|(key|token|secret|password)=|\bBearer\b", re.I)
_NO_SECRET = {"image_token", "image-token", "dtype_key", "video_key"}  # options of adapters
FORCE_SIMPLE = "force_simple"
_OWN_FIELDS = {
    "model": "; use --model",
    "messages": "",
    "prompt": "",
    "stream": "; use --stream",
    "n": ": one reply per sample is read",
}
_CONNECTIONS_OWN = ("host", "connection", "content-length", "content-type", "transfer-encoding")
_WEIGHTS = ("pretrained", "model_version", "model", "model_name", "model_path")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Options of ``--backend vllm``; ``None`` leaves a setting to the engine.

    ``lora`` is ``NAME=PATH``; ``engine_arg`` is ``key=value`` (or a bare ``key``) for any
    other option of the engine. ``video_as`` says how a video is sent; ``constrain_choices``
    restricts the reply to a multiple-choice question to one letter.
    """

    tensor_parallel: int | None = None
    data_parallel: int | None = None
    max_model_len: int | None = None
    gpu_memory_utilization: float | None = None
    dtype: str | None = None
    quantization: str | None = None
    lora: str | None = None
    engine_arg: tuple[str, ...] = ()
    video_as: VideoAs = "frames"
    constrain_choices: bool = False

    @property
    def changed(self) -> list[str]:
        """Return the options that are not at their defaults, as on the command line."""
        return _changed(self, EngineOptions())


@dataclass(frozen=True, slots=True)
class AdapterOptions:
    """Options of ``--backend lmms-eval`` and of backends from installed packages.

    ``model_arg`` is ``key=value`` for such a backend, or for the constructor of the adapter (the
    model's class in lmms-eval), or ``force_simple=true``; ``batch_size`` is the maximum number of
    requests per call of the model.
    """

    model_arg: tuple[str, ...] = ()
    batch_size: int | None = None

    @property
    def changed(self) -> list[str]:
        """Return the options that are not at their defaults, as on the command line."""
        return _changed(self, AdapterOptions())

    @property
    def arguments(self) -> dict[str, str]:
        """Return ``model_arg`` as a mapping, without ``force_simple``; the last key wins."""
        pairs = self._pairs()
        return {key: value for key, value in pairs.items() if key != FORCE_SIMPLE}

    @property
    def force_simple(self) -> bool:
        """Whether to use the simple adapter if there are two of one name."""
        return self._pairs().get(FORCE_SIMPLE, "").lower() == "true"

    @property
    def weights(self) -> str | None:
        """Return the checkpoint or remote model, under the names that adapters use for it."""
        arguments = self.arguments
        return next((arguments[name] for name in _WEIGHTS if name in arguments), None)

    def _pairs(self) -> dict[str, str]:
        pairs = (argument.partition("=") for argument in self.model_arg)
        return {key: value for key, _, value in pairs}


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """What is sent to an endpoint beyond the protocol.

    ``extra_body`` is merged into every request's body, ``header`` is ``NAME=VALUE``, where a
    value ``env:VARIABLE`` is read from that variable; ``stream`` requests events; ``api_key_env``
    is the variable with this endpoint's key. ``logprobs`` requests the tokens of replies, each with
    its log-probability and that of the best other token.
    """

    api_key_env: str | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    stream: bool = False
    logprobs: bool = False

    @property
    def changed(self) -> list[str]:
        """Return the options that are not at their defaults, as on the command line."""
        return _changed(self, EndpointOptions())

    @property
    def header_names(self) -> list[str]:
        """The headers' names: all that a manifest may record."""
        return [header.partition("=")[0].strip() for header in self.header]

    def headers(self) -> dict[str, str]:
        """Return the headers with their values.

        Raises:
            InputError: A variable that one names is not set; no value is shown.
        """
        return dict(_header(header) for header in self.header)


def checked_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """Check a request's additional settings, which the manifest will record.

    Raises:
        ValueError: One is set by the run itself, would record a secret, or is not valid in JSON.
    """
    try:
        json.dumps(body, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"cannot be sent as JSON: {error}") from None
    for name in body:
        if name in _OWN_FIELDS:
            raise ValueError(f"{name!r} is set by the run itself" + _OWN_FIELDS[name])
    for name in _keys(body):
        if is_secret(name):
            raise ValueError(f"{name!r} would be written to the run's manifest; use --header")
    return dict(body)


def _keys(value: object) -> Iterator[str]:
    """The keys of a JSON value, at any depth."""
    if isinstance(value, Mapping):
        yield from (str(key) for key in value)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _keys(item)


def checked_headers(headers: Sequence[str]) -> tuple[str, ...]:
    """Check headers of the form ``NAME=VALUE``.

    Raises:
        ValueError: One is not valid, or belongs to the connection; no value is shown.
    """
    for header in headers:
        name, equals, value = header.partition("=")
        if not (equals and re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name.strip(), re.ASCII)):
            raise ValueError("must be NAME=VALUE, such as X-Team=vision")
        if name.strip().lower() in _CONNECTIONS_OWN:
            raise ValueError(f"{name.strip()!r} is set by the connection itself")
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"the value of {name.strip()!r} contains invalid characters")
    return tuple(headers)


def _header(header: str) -> tuple[str, str]:
    name, _, value = header.partition("=")
    if value.startswith("env:"):
        variable = value.removeprefix("env:")
        value = os.environ.get(variable, "")
        if not value or not (value.isascii() and value.isprintable()):
            raise InputError(f"--header {name}: {variable} is not set, or not a valid header value")
    return name.strip(), value.strip()


def checked_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """Check an adapter's arguments, which the manifest will record.

    Raises:
        InputError: One is not ``key=value``, or would record a secret; no value is shown.
    """
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not (key.isidentifier() and equals):
            raise InputError("--model-arg: must be key=value, such as pretrained=organisation/name")
        if key == "batch_size":
            raise InputError("--model-arg batch_size: use --batch-size")
        if is_secret(key) or _SECRET_INSIDE.search(value):
            raise InputError(
                f"--model-arg {key}: would be written to the run's manifest; set the environment "
                "variable that the adapter reads instead"
            )
    return tuple(arguments)


def checked_engine_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """Check an engine's arguments, which the manifest will record.

    Raises:
        ValueError: One would record a secret; no value is shown.
    """
    for argument in arguments:
        key, _, value = argument.partition("=")
        if is_secret(key.lstrip("-")) or _SECRET_INSIDE.search(value):
            raise ValueError(
                f"{key} would be written to the run's manifest and the engine's command line; set "
                "the environment variable that the engine reads instead, such as HF_TOKEN"
            )
    return tuple(arguments)


def is_secret(name: str) -> bool:
    """Whether an option or environment variable of this name holds a secret."""
    return bool(_SECRET.search(name)) and name.lower() not in _NO_SECRET


def option_names(options: type[EngineOptions | AdapterOptions | EndpointOptions]) -> frozenset[str]:
    """Return all options of a kind, as on the command line."""
    return frozenset(_option(field.name) for field in fields(options))


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _changed(options: Any, default: Any) -> list[str]:
    return [
        _option(option.name)
        for option in fields(options)
        if getattr(options, option.name) != getattr(default, option.name)
    ]
