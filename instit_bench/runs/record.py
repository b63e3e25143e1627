"""One finished sample as a line of the journal: the documented file format of a run."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import to_jsonable_python

from instit_bench.types import (
    ImagePart,
    NativeToolCall,
    Prediction,
    Request,
    Sample,
    Score,
    ScoredSample,
    State,
    TextPart,
    Tokens,
    Usage,
    VideoPart,
    flat_call,
)

Fraction = Annotated[float, Field(ge=0, le=1)]


class KnownDetails(BaseModel):
    """The diagnostics that tables and pages read; others are stored unchanged."""

    model_config = ConfigDict(frozen=True, extra="allow")

    difference: str | None = None
    error: str | None = None
    official_extracted: str | None = None
    pairs: list[tuple[str, str]] = Field(default_factory=list)


# The fields of a record that no scorer sets.
_OF_THE_PREDICTION = {
    *("id", "repeat_of", "prediction", "official_text", "target", "usage", "latency_s", "cluster"),
    *("question", "choices", "prompt", "media", "finish_reason", "tool_calls", "refusal"),
    *("reasoning", "asked", "shown", "tokens"),
}


_DIGITS = 12  # of a prompt's digest
_TEXTS = ("difference", "error", "official_extracted")


class SampleRecord(BaseModel):
    """A finished sample: its state, request, prediction and scores.

    ``scores`` has a number per metric, absent if the sample is outside that metric's denominator.
    ``repeat_of`` is the id that a prediction file answers again further down: such a record counts
    in official metrics only. ``prediction`` is absent only if there was no reply (``error`` says
    why); ``official_text`` is what the benchmark's own evaluator reads instead, if it differs.
    ``asked`` is a digest of the prompt with its roles and the places of media, ``shown`` says what
    each image or video contained (its size and the CRC-32 of its bytes), and ``tokens`` are those
    of the reply (``--logprobs``); all three are evidence for ``explain``.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    repeat_of: str | None = None
    state: State
    prediction: str | None = None
    official_text: str | None = None
    target: str
    scores: dict[str, Fraction] = Field(default_factory=dict)
    extracted: str | None = None
    method: str | None = None
    reason: str | None = None
    error: str | None = None
    usage: Usage = Usage()
    latency_s: float | None = None
    cluster: str = ""
    question: str = ""
    choices: list[str] = Field(default_factory=list)
    prompt: str | None = None
    media: list[str] = Field(default_factory=list)
    asked: str | None = None
    shown: list[str] = Field(default_factory=list)
    finish_reason: Literal["stop", "length", "content_filter", "tool_calls"] | str | None = None
    tool_calls: list[NativeToolCall] = Field(default_factory=list)
    refusal: str | None = None
    reasoning: str | None = None
    tokens: Tokens | None = None
    details: dict[str, Any] = Field(default_factory=dict)

    @field_validator("details")
    @classmethod
    def _readable(cls, details: dict[str, Any]) -> dict[str, Any]:
        plain = all(type(details.get(name, "")) is str for name in _TEXTS)
        if not plain or "pairs" in details:
            KnownDetails.model_validate(details)
        return details

    @field_validator("tool_calls", mode="before")
    @classmethod
    def _flat(cls, calls: Any) -> Any:
        return [flat_call(call) for call in calls] if isinstance(calls, list) else calls

    @property
    def finished(self) -> bool:
        """Whether the model has answered, so the sample need not be run again."""
        return self.prediction is not None

    @property
    def unscored(self) -> bool:
        """Whether there is a prediction that its scorer has not scored."""
        return self.state is State.NOT_SCORED

    def without_score(self, error: str | None) -> SampleRecord:
        """Return the record of the same prediction, unscored; ``error`` says why."""
        return SampleRecord(
            **self.model_dump(include=_OF_THE_PREDICTION),
            state=State.NOT_SCORED,
            error=error,
        )

    def scored_sample(self) -> ScoredSample:
        """Return the values that aggregation reads."""
        score = Score(
            self.state, self.scores, self.extracted, self.method, self.reason, self.details
        )
        return ScoredSample(self.id, self.cluster or self.id, self.target, score)

    def to_sample(self, task: str) -> Sample:
        """Return the sample, as far as the record knows it: enough for this package's scorers."""
        return Sample(
            task=task,
            id=self.id,
            doc={"instruction": self.question},
            target=self.target,
            cluster=self.cluster or self.id,
            question=self.question,
            choices=tuple(self.choices),
        )

    def to_prediction(self) -> Prediction:
        """Return the prediction as the backend gave it, to score it again."""
        return Prediction(
            text=self.prediction or "",
            finish_reason=self.finish_reason,
            usage=self.usage,
            latency_s=self.latency_s,
            tool_calls=tuple(self.tool_calls),
            official_text=self.official_text,
            refusal=self.refusal,
            reasoning=self.reasoning,
            tokens=self.tokens,
        )


def answered(
    sample: Sample, prediction: Prediction, score: Score, request: Request | None = None
) -> SampleRecord:
    """Create the record of a sample that got a reply."""
    return SampleRecord(
        id=sample.id,
        state=score.state,
        prediction=prediction.text,
        official_text=prediction.official_text,
        target=sample.target,
        scores=dict(score.values),
        extracted=score.extracted,
        method=score.method,
        reason=score.reason,
        usage=prediction.usage,
        latency_s=prediction.latency_s,
        cluster=sample.cluster,
        question=sample.question,
        choices=list(sample.choices),
        prompt=_prompt_text(request),
        media=_media_names(request),
        asked=_digest(request),
        shown=_shown(request),
        finish_reason=prediction.finish_reason,
        tool_calls=list(prediction.tool_calls),
        refusal=prediction.refusal,
        reasoning=prediction.reasoning,
        tokens=prediction.tokens,
        details=to_jsonable_python(score.details),  # the same values as when the line is read
    )


def unscored(
    sample: Sample, prediction: Prediction, request: Request | None = None, error: str | None = None
) -> SampleRecord:
    """Create the record of a sample with a prediction that is not scored (yet)."""
    record = answered(sample, prediction, Score(State.NOT_SCORED), request)
    return record.model_copy(update={"error": error})


def failed(sample: Sample, error: str, request: Request | None = None) -> SampleRecord:
    """Create the record of a sample whose request failed."""
    return SampleRecord(
        id=sample.id,
        state=State.INFER_ERROR,
        target=sample.target,
        error=error,
        cluster=sample.cluster,
        question=sample.question,
        choices=list(sample.choices),
        prompt=_prompt_text(request),
        media=_media_names(request),
        asked=_digest(request),
        shown=_shown(request),
    )


def not_run(sample: Sample, reason: str) -> SampleRecord:
    """Create the record of a sample that was never requested."""
    return SampleRecord(
        id=sample.id,
        state=State.NOT_RUN,
        target=sample.target,
        reason=reason,
        cluster=sample.cluster,
        question=sample.question,
        choices=list(sample.choices),
    )


def _prompt_text(request: Request | None) -> str | None:
    return None if request is None else "\n".join(message.text for message in request.messages)


def _digest(request: Request | None) -> str | None:
    """The frames of one video count as one: how many there are shows in ``shown``."""
    if request is None:
        return None
    pieces: list[str] = [request.form]
    for message in request.messages:
        pieces.append(f"\x1e{message.role}")
        after_media = False
        for part in message.parts:
            if isinstance(part, TextPart):
                pieces.append(f"\x1f{part.text}")
            elif not after_media:
                pieces.append("\x1f<media>")
            after_media = not isinstance(part, TextPart)
    return hashlib.sha256("".join(pieces).encode()).hexdigest()[:_DIGITS]


def _shown(request: Request | None) -> list[str]:
    return [] if request is None else list(request.shown)


def _media_names(request: Request | None) -> list[str]:
    if request is None:
        return []
    parts = [part for message in request.messages for part in message.parts]
    return [_media_name(part) for part in parts if not isinstance(part, TextPart)]


def _media_name(part: ImagePart | VideoPart) -> str:
    if isinstance(part, VideoPart) or part.path is not None:
        return str(part.path)
    return part.origin or f"{len(part.data or b'')} bytes"
