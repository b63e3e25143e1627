"""The values that pass through the harness.

``Sample`` (one item of a task) becomes a ``Request`` (messages and media), a backend
answers with a ``Prediction``, a scorer turns that into a ``Score``, and scores are aggregated
to a ``Metric``. Everything here is frozen, and this module imports no other module of ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol


class State(StrEnum):
    """How a sample ended: exactly one of these, never a sentinel in a data field.

    ``unparsed`` and ``truncated`` are the model's mistakes and count as wrong in strict metrics;
    the two error states, ``not_judged`` (there is an answer, but no judge), ``not_scored`` (there
    is one, but the scorer failed) and ``not_run`` are not, and are excluded from every denominator.
    """

    SCORED = "scored"
    UNPARSED = "unparsed"
    TRUNCATED = "truncated"
    INFER_ERROR = "infer_error"
    JUDGE_ERROR = "judge_error"
    NOT_JUDGED = "not_judged"
    NOT_SCORED = "not_scored"
    NOT_RUN = "not_run"

    @property
    def counts(self) -> bool:
        """Whether the sample says something about the model (the numerator of coverage)."""
        return self in (State.SCORED, State.UNPARSED, State.TRUNCATED)


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text inside a message."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """One image: a file (``path``) or the bytes of one (``data``); exactly one is set.

    ``origin`` says where bytes are from, such as a frame of a video file.
    """

    path: Path | None = None
    data: bytes | None = None
    origin: str | None = None

    def __post_init__(self) -> None:
        if (self.path is None) == (self.data is None):
            raise ValueError("an ImagePart needs either a path or data")


FrameOrder = Literal["middle", "reversed", "shuffled"]


@dataclass(frozen=True, slots=True)
class VideoPart:
    """A video: a folder of frames or a video file.

    ``order`` shows its frames in another order than in time, or only the middle one; ``seed``
    decides about a random one, wherever the video lies. ``frames``, if any, are the names of all
    frames that the folder must hold: those that the moments of its annotations count.
    """

    path: Path
    order: FrameOrder | None = None
    seed: str = ""
    frames: tuple[str, ...] = ()


Part = TextPart | ImagePart | VideoPart
Role = Literal["system", "user", "assistant"]
RequestForm = Literal["chat", "raw"]
VideoDecoder = Literal["auto", "decord", "pyav"]
MarkStyle = Literal["official", "none", "number", "box", "contour", "mask"]


@dataclass(frozen=True, slots=True)
class Mask:
    """The pixels of one object: COCO's run lengths, down the columns, background first.

    ``counts`` are the lengths themselves or COCO's text for them; ``height`` and ``width`` are in
    pixels.
    """

    height: int
    width: int
    counts: str | tuple[int, ...]


Marks = Mapping[str, Mask]
"""The masks of one image or frame by the number of the object, such as ``3``."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    A text of several parts is sent as one, unless they are to stay ``apart``: what a model's
    template makes of them can differ.
    """

    role: Role
    parts: tuple[Part, ...]
    apart: bool = False

    @property
    def text(self) -> str:
        """The text parts, joined by newlines."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class GenerationParams:
    """Sampling settings of a request; ``None`` leaves a setting to the endpoint's default.

    For ``max_tokens`` this means no limit except the model's context.
    """

    max_tokens: int | None = 128
    temperature: float | None = 0.0
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One item of a task.

    ``id`` is the benchmark's own (``001-01``, ``17``); ``doc`` is the record in the dataset's
    columns; ``cluster`` names the image or video that the sample shares with others (the unit of
    clustered standard errors); ``choices`` are the options of a multiple-choice question, in order.
    """

    task: str
    id: str
    doc: Mapping[str, Any]
    target: str
    cluster: str
    question: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a backend is asked to generate.

    The form ``raw`` is one text without roles, ``messages[0].text``: a text completion, or
    what a simple lmms-eval model takes, with media before it. ``reply_start`` is the end of the
    prompt that already belongs to the reply; ``reply_end`` is the text that ends the reply.
    ``shown`` says what each image or video contains, once they are resolved. ``replies``, if any,
    are all that an engine may reply, if it can be restricted to them.
    """

    sample: Sample
    messages: tuple[Message, ...]
    params: GenerationParams
    form: RequestForm = "chat"
    reply_start: str = ""
    reply_end: str = ""
    shown: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()

    @property
    def text_only(self) -> bool:
        """Whether no media belong to it."""
        return all(isinstance(part, TextPart) for m in self.messages for part in m.parts)

    def completed(self, prediction: Prediction) -> Prediction:
        """Return the whole reply: put back the part in the prompt, cut off what follows its end."""
        if not (self.reply_start or self.reply_end):
            return prediction
        text = prediction.text.partition(self.reply_end)[0] if self.reply_end else prediction.text
        if self.reply_start:
            text = self.reply_start + text.strip()
        return replace(prediction, text=text)


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts reported by the endpoint; ``None`` if it reports none."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a reply, as its endpoint tells them: one entry per token in each list.

    ``logprobs`` are natural logarithms. ``others`` is the most likely other token at each place,
    with its own in ``other_logprobs``; ``None`` where the endpoint tells none. ``ids`` are empty if
    the endpoint does not tell the numbers. ``prompt`` is a digest of the prompt's token ids, in
    which a repeated id counts once: media of another size leave it as it is.
    """

    texts: tuple[str, ...] = ()
    logprobs: tuple[float | None, ...] = ()
    others: tuple[str | None, ...] = ()
    other_logprobs: tuple[float | None, ...] = ()
    ids: tuple[int, ...] = ()
    prompt: str | None = None

    def __post_init__(self) -> None:
        lists = self.logprobs, self.others, self.other_logprobs
        if any(len(values) != len(self.texts) for values in lists):
            raise ValueError("must have as many log-probabilities and others as texts")
        if self.texts and self.ids and len(self.ids) != len(self.texts):
            raise ValueError("must have as many ids as texts, or none")


@dataclass(frozen=True, slots=True)
class NativeToolCall:
    """A tool call in the OpenAI protocol: a name and its arguments as JSON text."""

    name: str
    arguments: str


def flat_call(call: Any) -> Any:
    """A stored tool call as a flat record of name and arguments, the latter as JSON text.

    The OpenAI protocol nests both in ``function``; what is no call at all stays as it is.
    """
    if not isinstance(call, dict):
        return call
    function = call["function"] if isinstance(call.get("function"), dict) else call
    arguments = function.get("arguments")
    if isinstance(arguments, dict | list):
        return function | {"arguments": json.dumps(arguments, ensure_ascii=False)}
    return function


# The token limit's names: of the protocol, of Gemini, Mistral, TGI, Z.ai and others.
_AT_THE_LIMIT = (
    *("length", "max_tokens", "max_length", "max_output_tokens", "max_new_tokens"),
    *("max_completion_tokens", "token_limit", "model_length", "model_context_window_exceeded"),
)
# A normal end's names: of the protocol, of Together, TGI, Cohere, LM Studio and others.
_NORMAL_END = (
    *("stop", "end", "eos", "eos_token", "end_turn", "end_of_text", "stop_token", "stop_sequence"),
    *("complete", "completed", "done", "finished"),
)
_FILTERS = ("content_filter", "safety", "sensitive", "recitation", "prohibited", "blocklist")


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's reply to a request.

    ``finish_reason`` is the endpoint's own value (see ``cut_off``), ``refusal`` the model's
    refusal, ``reasoning`` its reasoning, if the endpoint separates it from ``text``.
    ``official_text`` is what the benchmark's own evaluator reads from a prediction file's output,
    if not ``text``. ``tokens`` are kept only where they were asked for.
    """

    text: str
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    latency_s: float | None = None
    tool_calls: tuple[NativeToolCall, ...] = ()
    refusal: str | None = None
    reasoning: str | None = None
    official_text: str | None = None
    tokens: Tokens | None = None

    @property
    def cut_off(self) -> bool:
        """Whether the reply ended at the token limit, under any of its names."""
        return self._reason in _AT_THE_LIMIT

    @property
    def ended(self) -> bool:
        """Whether the model itself ended the reply, under any of that reason's names."""
        return self._reason in _NORMAL_END

    @property
    def _reason(self) -> str:
        return (self.finish_reason or "").rpartition(".")[2].lower()  # FinishReason.MAX_TOKENS

    @property
    def filtered(self) -> bool:
        """Whether a filter of the provider, not the model, ended the reply."""
        return any(word in (self.finish_reason or "").lower() for word in _FILTERS)

    @property
    def only_reasoning(self) -> bool:
        """Whether the model ended normally with text in its reasoning only."""
        said = self.text.strip() or self.tool_calls or self.refusal or self.cut_off
        return bool(self.reasoning and self.reasoning.strip()) and not said


@dataclass(frozen=True, slots=True)
class Score:
    """A scorer's verdict on one prediction.

    ``values`` maps metric names to numbers (0..1); a metric is absent if the sample is
    outside its denominator. ``method`` says how ``extracted`` was read from the prediction,
    ``reason`` why nothing could be read, and ``details`` has diagnostics (JSON values only).
    """

    state: State
    values: Mapping[str, float] = field(default_factory=dict)
    extracted: str | None = None
    method: str | None = None
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of judging one answer: a score 0..1, or an error with the judge's last reply.

    For an answer whose choice a judge extracts, ``letter`` (or ``none``) takes the score's place.
    ``usage`` counts the tokens of every call made for it, including failed ones.
    """

    score: float | None = None
    error: str | None = None
    raw: str | None = None
    usage: Usage = field(default_factory=Usage)
    calls: int = 0
    cached: bool = False
    letter: str | None = None

    @property
    def given(self) -> bool:
        """Whether the judge gave what it was asked for."""
        return self.score is not None or self.letter is not None


@dataclass(frozen=True, slots=True)
class ScoredSample:
    """A sample's identity and score, as aggregation reads them."""

    id: str
    cluster: str
    target: str
    score: Score


@dataclass(frozen=True, slots=True)
class Metric:
    """An aggregated metric: a fraction 0..1 over ``n`` samples, ``None`` if ``n`` is 0.

    ``stderr`` is clustered by image or video; ``ci95`` is a 95 % confidence interval.
    """

    value: float | None
    stderr: float | None
    ci95: tuple[float, float] | None
    n: int


class Scorer(Protocol):
    """Turns predictions into scores; one scorer serves many tasks."""

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Score one prediction; never raises on a bad one."""
        ...
