"""Convert a sample of a run to a sample of Inspect's eval log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from instit_bench.runs.record import SampleRecord
from instit_bench.types import NativeToolCall, State

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import (
        ChatMessageAssistant,
        ChatMessageUser,
        Content,
        ModelOutput,
        ModelUsage,
    )
    from inspect_ai.scorer import Score
    from inspect_ai.tool import ToolCall

_VIDEO_FORMATS = {".mp4": "mp4", ".mpeg": "mpeg", ".mpg": "mpeg", ".mov": "mov"}
# The protocol's word -> Inspect's; others are the same in both.
_STOP_REASONS = {"length": "max_tokens", "function_call": "tool_calls"}
_KNOWN_STOP_REASONS = ("stop", "max_tokens", "tool_calls", "content_filter")


def eval_sample(
    record: SampleRecord, model: str, scorer: str, metrics: Sequence[str]
) -> EvalSample:
    """Convert a sample; without a verdict it has no score, if it failed it has its error."""
    from inspect_ai.log import EvalError, EvalSample

    asked, answer = _question(record), _answer(record, model)
    usage = model_usage(**asdict(record.usage))
    error = record.error or "no reply"
    return EvalSample(
        id=record.id,
        epoch=1,
        input=[asked],
        choices=record.choices or None,
        target=record.target,
        messages=[asked, answer] if answer else [asked],
        output=_output(record, model, answer),
        scores={scorer: _score(record, metrics)} if record.scores else {},
        metadata=_metadata(record),
        model_usage={model: usage} if usage else {},
        total_time=record.latency_s,
        working_time=record.latency_s,
        error=EvalError(message=error, traceback=error, traceback_ansi=error)
        if record.state == State.INFER_ERROR
        else None,
    )


def model_usage(
    prompt_tokens: int | None = None,
    completion_tokens: int | None = None,
    cached_tokens: int | None = None,
) -> ModelUsage | None:
    """Return token counts, with cached prompt tokens apart; ``None`` if there are none."""
    from inspect_ai.model import ModelUsage

    if prompt_tokens is None and completion_tokens is None:
        return None
    prompt, completion = prompt_tokens or 0, completion_tokens or 0
    return ModelUsage(
        input_tokens=prompt - (cached_tokens or 0),
        input_tokens_cache_read=cached_tokens,
        output_tokens=completion,
        total_tokens=prompt + completion,
    )


def _question(record: SampleRecord) -> ChatMessageUser:
    """Put media first, by path: the log stays small, and the viewer shows the paths."""
    from inspect_ai.model import ChatMessageUser, ContentText

    content: list[Content] = [_media(path) for path in record.media]
    content.append(ContentText(text=record.prompt or record.question))
    return ChatMessageUser(id=f"{record.id}-question", content=content, source="input")


def _media(path: str) -> Content:
    from inspect_ai.model import ContentImage, ContentText, ContentVideo

    suffix = PurePath(path).suffix.lower()
    if suffix in _VIDEO_FORMATS:
        return ContentVideo.model_validate({"video": path, "format": _VIDEO_FORMATS[suffix]})
    # Bytes without a file, or a folder of frames sent as a video, are not named like an image.
    return ContentImage(image=path) if suffix else ContentText(text=f"[{path}]")


def _answer(record: SampleRecord, model: str) -> ChatMessageAssistant | None:
    from inspect_ai.model import ChatMessageAssistant

    if not record.finished:
        return None
    calls = [_tool_call(call, f"{record.id}-{n}") for n, call in enumerate(record.tool_calls)]
    return ChatMessageAssistant(
        id=f"{record.id}-answer",
        content=record.prediction or "",
        source="generate",
        model=model,
        tool_calls=calls or None,
    )


def _tool_call(call: NativeToolCall, call_id: str) -> ToolCall:
    from inspect_ai.tool import ToolCall

    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError) as error:
        return ToolCall(call_id, call.name, {"text": call.arguments}, parse_error=str(error))
    if not isinstance(arguments, dict):
        arguments = {"value": arguments}
    return ToolCall(call_id, call.name, arguments)


def _output(record: SampleRecord, model: str, answer: ChatMessageAssistant | None) -> ModelOutput:
    from inspect_ai.model import ModelOutput

    if answer is None:
        return ModelOutput(model=model)
    reason = record.finish_reason or "unknown"
    reason = _STOP_REASONS.get(reason, reason)
    choice = {
        "message": answer,
        "stop_reason": reason if reason in _KNOWN_STOP_REASONS else "unknown",
    }
    usage = model_usage(**asdict(record.usage))
    return ModelOutput.model_validate(
        {"model": model, "choices": [choice], "usage": usage, "time": record.latency_s}
    )


def _score(record: SampleRecord, metrics: Sequence[str]) -> Score:
    """Put all metrics in one score; ``None`` if the sample is outside a metric's denominator."""
    from inspect_ai.scorer import Score

    return Score(
        value={name: record.scores.get(name) for name in metrics},
        answer=record.extracted,
        explanation=record.details.get("difference") or record.reason,
        metadata={"state": record.state.value, "method": record.method, **record.details},
    )


def _metadata(record: SampleRecord) -> dict[str, Any]:
    found = {
        "state": record.state.value,
        "reason": record.reason,
        "question": record.question,
        "cluster": record.cluster,
        "media": record.media,
    }
    return {name: value for name, value in found.items() if value}
