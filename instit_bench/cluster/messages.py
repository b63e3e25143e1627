"""What a run and its replicas tell each other. All of it is pickled; nothing of it is stored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from instit_bench.backends.asker import Reading
from instit_bench.backends.base import BackendOptions
from instit_bench.backends.options import EndpointOptions
from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.media.fingerprint import Fingerprint
from instit_bench.types import ImagePart, Message, Prediction, Request

_OF_PROVIDERS = ("OPENAI_API_KEY", "OPENAI_BASE_URL")
_WELL_KNOWN = (
    *(*_OF_PROVIDERS, "VLLM_API_KEY", "HF_TOKEN", "HF_ENDPOINT"),
    *("HF_HUB_OFFLINE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
)
Failure = Literal["media", "request", "backend", "program"]
"""Whose fault it is: a media file's, this request's, the backend's, or a defect of the program."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a replica is to be: a backend with its options.

    ``environment`` has the variables that it needs, keys among them. It is an argument of a
    method, which goes from process to process: Ray stores no such argument. ``folder`` is the run
    directory, which another machine need not have; ``name`` is the replica's: what it is, and
    its number. ``archives`` are those of the hub whose folders its machine may lack. Relative paths
    in the options are those of ``working_directory``, if its machine has that.
    """

    name: str
    backend: str
    options: BackendOptions
    reading: Reading
    folder: Path
    own_engine: bool
    archives: tuple[HubArchive, ...]
    working_directory: Path
    environment: Mapping[str, str] = field(repr=False)


def variables_for(endpoint: EndpointOptions, *, own_engine: bool) -> Mapping[str, str]:
    """Return what `Order.environment` needs: keys of the endpoint, and how to reach it.

    An engine of our own has no use for a provider's key, which may be the judge's.
    """
    headers = (header.partition("=")[2] for header in endpoint.header)
    of_headers = (v.removeprefix("env:") for v in headers if v.startswith("env:"))
    names = (*_WELL_KNOWN, endpoint.api_key_env or "", *of_headers)
    needless = _OF_PROVIDERS if own_engine else ()
    return {n: os.environ[n] for n in names if n in os.environ and n not in needless}


@dataclass(frozen=True, slots=True)
class Ready:
    """A replica is ready, or ``refused`` says why it did not start."""

    prefix_caches: int = 0
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One request, by its number at this replica; others wait for one that ``leads``."""

    number: int
    request: Request
    leads: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a question: a prediction or a failure with its reason.

    ``computed`` alone says that its prompt is computed. ``resolved`` and ``files`` are what
    `instit_bench.backends.asker.Seen` takes: the request's messages, whose images have lost their
    content, and ``shown``, which says what that was.
    """

    number: int
    computed: bool = False
    prediction: Prediction | None = None
    failure: Failure | None = None
    reason: str = ""
    resolved: tuple[Message, ...] | None = None
    shown: tuple[str, ...] = ()
    files: Mapping[Path, Fingerprint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class News:
    """All that a replica has to tell: replies, lines for the user, and how busy it is.

    ``waiting`` are requests in the engine's queue; ``gpu_busy`` is from 0 to 1. Both are ``None``
    if they were told before, or are not known.
    """

    replies: tuple[Reply, ...] = ()
    lines: tuple[str, ...] = ()
    waiting: int | None = None
    gpu_busy: float | None = None


@dataclass(frozen=True, slots=True)
class Farewell:
    """What a backend has learned and counted."""

    learned: Mapping[str, Any]
    totals: Mapping[str, float]


def without_content(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return messages whose images keep their names only: a record needs no more."""
    return tuple(
        replace(
            message,
            parts=tuple(
                replace(part, data=b"") if isinstance(part, ImagePart) and part.data else part
                for part in message.parts
            ),
        )
        for message in messages
    )
