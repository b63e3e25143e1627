"""The options of judging, alike in every command that has them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

JUDGE = (
    "openai:MODEL, vllm:MODEL, lexical (offline, not comparable) or none; repeatable, the first "
    "one's scores count. Default: openai:gpt-4o-2024-08-06 where OPENAI_API_KEY is set (run: and "
    "the model is a provider's), else none."
)

Judges = Annotated[list[str] | None, typer.Option("--judge", help=JUDGE)]
BaseUrl = Annotated[
    str | None, typer.Option("--judge-base-url", help="The judge's OpenAI-compatible endpoint.")
]
Concurrency = Annotated[
    int | None, typer.Option("--judge-concurrency", help="Calls in flight a judge (16).")
]
Repeats = Annotated[
    int | None, typer.Option("--judge-repeats", help="Verdicts a judge and answer (1).")
]
Timeout = Annotated[float | None, typer.Option("--judge-timeout", help="Seconds a call (120).")]
Attempts = Annotated[
    int | None, typer.Option("--judge-attempts", help="Calls until one reply is a score (6).")
]
Gpu = Annotated[
    str | None,
    typer.Option("--judge-gpu", help="GPUs of a vllm judge's own (such as 1): runs beside."),
]
EngineArg = Annotated[
    list[str] | None,
    typer.Option("--judge-engine-arg", help="key=value for a vllm judge's engine; repeatable."),
]
Batch = Annotated[
    bool,
    typer.Option("--judge-batch", help="Submit to the provider's Batch API; collect later."),
]
Prices = Annotated[
    Path | None, typer.Option("--judge-prices", help="JSON with US dollars per million tokens.")
]
Budget = Annotated[
    float | None, typer.Option("--judge-budget", help="Stop before US dollars are passed (exit 3).")
]
NoLock = Annotated[
    bool | None,
    typer.Option(
        "--no-lock",
        help="For file systems without locks; never start two processes on one run.",
    ),
]


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The judging options among a command's that were set; a zero is set too."""
    return {
        name: value
        for name, value in options.items()
        if name.startswith("judge") and value is not None and value is not False and value != []
    }
