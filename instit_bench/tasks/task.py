"""A task turns dataset records into samples and samples into requests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from instit_bench.datasets.prompts import PromptPair
from instit_bench.datasets.readers import READERS, ReaderSpec
from instit_bench.datasets.record import Record
from instit_bench.errors import PLUGIN_FAULTS, InputError
from instit_bench.scorers.base import ScorerSpec
from instit_bench.scorers.registry import SCORERS
from instit_bench.tasks.config import FieldOrFunction, PromptStyle, TaskConfig
from instit_bench.tasks.functions import FunctionRef
from instit_bench.types import (
    GenerationParams,
    ImagePart,
    Message,
    Part,
    Request,
    Sample,
    TextPart,
    VideoPart,
)
from instit_bench.validation import did_you_mean


@dataclass(frozen=True)
class Task:
    """One plugin: its configuration and the functions it names.

    ``official_prompt`` replaces the plugin's own wording when set (see docs/data.md).
    """

    config: TaskConfig
    path: Path
    official_prompt: PromptPair | None = None

    @property
    def name(self) -> str:
        """The task's name, as on the command line and in every file."""
        return self.config.task

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The task's metrics, in order; the first is the headline."""
        return tuple(entry.metric for entry in self.config.metric_list)

    @property
    def lower_is_better(self) -> tuple[str, ...]:
        """The metrics that count mistakes."""
        return tuple(m.metric for m in self.config.metric_list if not m.higher_is_better)

    @cached_property
    def scorer(self) -> ScorerSpec:
        """The spec of the task's scorer.

        Raises:
            InputError: It cannot be loaded, or does not compute a metric that the task declares.
        """
        spec = SCORERS.load(self.config.metadata.scorer)
        unknown = [name for name in self.metric_names if spec.metrics and name not in spec.metrics]
        if unknown:
            known = sorted(spec.metrics)
            hint = did_you_mean(unknown[0], known) or f"; it has {', '.join(known)}"
            raise InputError(
                f"{self.path}: key 'metric_list': scorer {spec.name} has no metric "
                f"{unknown[0]!r}{hint}"
            )
        return spec.of(self.metric_names)

    @cached_property
    def reader(self) -> ReaderSpec:
        """The reader of the task's records."""
        return READERS.load(self.config.metadata.reader)

    @property
    def prompt_origin(self) -> str:
        """``official``, ``own``, or ``dataset`` if the record itself is the whole prompt."""
        if self.config.metadata.official_prompt is None:
            return "dataset"
        return "official" if self.official_prompt else "own"

    def with_official_prompt(self, prompt: PromptPair | None) -> Task:
        """Return the same task with the benchmark's own prompt."""
        return replace(self, official_prompt=prompt)

    def samples(self, docs: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
        """Yield one sample per record.

        Raises:
            InputError: A record lacks a field that the task names, or an id occurs twice.
        """
        seen: set[str] = set()
        for number, doc in enumerate(docs, start=1):
            sample = self.sample(doc, number)
            if sample.id in seen:
                problem = f"id {sample.id!r} is not unique in the dataset"
                raise Record(doc, f"{self.name}: record {number}").error(problem)
            seen.add(sample.id)
            yield sample

    def sample(self, doc: Mapping[str, Any], number: int) -> Sample:
        """Return the sample of a record, which is the dataset's ``number``-th.

        Raises:
            InputError: The record lacks a field that the task names.
        """
        record = Record(doc, f"{self.name}: record {number}")
        metadata = self.config.metadata
        sample_id = str(record.required(metadata.id_field))
        record = record.known_as(f"id {sample_id}")
        cluster = self.config.cluster_key
        return Sample(
            task=self.name,
            id=sample_id,
            doc=record.fields,
            target=str(self._value("doc_to_target", self.config.doc_to_target, record)),
            cluster=str(record.required(cluster)) if cluster else sample_id,
            question=str(record.required(metadata.question_field)),
            choices=tuple(str(record.required(name)) for name in metadata.choice_fields),
        )

    def style_name(self, name: str) -> str:
        """Resolve a style name: ``chat`` may stand for one of the task's own styles.

        Raises:
            InputError: The task has no such style.
        """
        if name not in self._styles:
            has_media = self.config.metadata.media != "none"  # a text completion carries none
            known = [style for style in self._styles if not (style == "raw" and has_media)]
            raise InputError(
                f"--prompt-style {name}: task {self.name} has no such style; choose "
                f"{', '.join(known)}, or name other tasks with --tasks"
            )
        return (self.config.metadata.chat_style or name) if name == "chat" else name

    def has_style(self, name: str) -> bool:
        """Whether there is a prompt style of this name."""
        return name in self._styles

    def prompt_style(self, name: str) -> PromptStyle:
        """Return a prompt style by name.

        Raises:
            InputError: The task has no such style.
        """
        return self._styles[self.style_name(name)]

    def style_mark(self, name: str) -> str | None:
        """Return the mark that tables show for this style; ``None`` if the task lacks it."""
        style = self._styles.get(name)
        return style.mark if style else None

    @cached_property
    def _styles(self) -> Mapping[str, PromptStyle]:
        usual = {"chat": PromptStyle(form="chat"), "raw": PromptStyle()}
        return usual | self.config.metadata.prompt_styles

    def request(
        self, sample: Sample, params: GenerationParams, style: str, media_root: Path
    ) -> Request:
        """Build the request for a sample; media are named, not yet opened."""
        chosen = self.prompt_style(style)
        if chosen.form == "raw":
            text = TextPart(chosen.template.replace("{text}", self.text(sample.doc)))
            messages: tuple[Message, ...] = (
                Message("user", (*self._visuals(sample.doc, media_root), text)),
            )
        else:
            messages = self._messages(sample.doc, media_root)
        return Request(sample, messages, params, chosen.form, chosen.reply_start, chosen.reply_end)

    @property
    def usual_limit(self) -> int:
        """Maximum new tokens per request, whatever the prompt style: what lmms-eval asks for."""
        return int(self.config.generation_kwargs.get("max_new_tokens") or 128)

    def generation_params(self, style: str) -> GenerationParams:
        """Return the sampling settings, from ``generation_kwargs`` and the style's."""
        kwargs = self.config.generation_kwargs | self.prompt_style(style).generation_kwargs
        until = kwargs.get("until") or ()
        limit = kwargs.get("max_new_tokens", 128)
        return GenerationParams(
            max_tokens=None if limit is None else int(limit),
            temperature=float(kwargs.get("temperature", 0.0)),
            top_p=kwargs.get("top_p"),
            top_k=kwargs.get("top_k"),
            stop=(until,) if isinstance(until, str) else tuple(until),
        )

    def process_docs(self, docs: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Return the records after the plugin's own ``process_docs``, if it has one."""
        function = self.config.process_docs
        if function is None:
            return docs
        try:
            return list(function.load("process_docs")(list(docs)))
        except InputError:
            raise
        except PLUGIN_FAULTS as error:
            raise InputError(
                f"{self.path}: process_docs: {function.dotted} failed: "
                f"{type(error).__name__}: {error}"
            ) from error

    @cached_property
    def process_results(self) -> Callable[[Mapping[str, Any], list[str]], Mapping[str, Any]]:
        """The plugin's ``process_results``; our own scorers do not need it."""
        function = self.config.process_results
        if function is None:
            raise InputError(f"{self.path}: key 'process_results' is missing")
        return function.load("process_results")

    def _messages(self, doc: Mapping[str, Any], media_root: Path) -> tuple[Message, ...]:
        function = self.config.doc_to_messages
        if function is None:
            return (Message("user", (*self._visuals(doc, media_root), TextPart(self.text(doc)))),)
        turns = self._call("doc_to_messages", function, doc)
        try:
            return tuple(_message(turn, media_root) for turn in turns)
        except ValueError as error:
            raise InputError(f"{self.path}: doc_to_messages: {error}") from error

    def _visuals(self, doc: Mapping[str, Any], media_root: Path) -> tuple[Part, ...]:
        function = self.config.doc_to_visual
        if function is None:
            return ()
        visuals = self._call("doc_to_visual", function, doc) or ()
        try:
            return tuple(_media(visual, media_root) for visual in visuals)
        except ValueError as error:
            raise InputError(f"{self.path}: doc_to_visual: {error}") from error

    def text(self, doc: Mapping[str, Any]) -> str:
        """Return the request as one text, without its media.

        Raises:
            InputError: The record lacks a required field.
        """
        source = self.config.doc_to_text or self.config.metadata.question_field
        return str(self._value("doc_to_text", source, Record(doc, self.name)))

    def _value(self, key: str, source: FieldOrFunction, record: Record) -> object:
        if isinstance(source, FunctionRef):
            return self._call(key, source, record.fields)
        return record.required(source)

    def _call(self, key: str, function: FunctionRef, doc: Mapping[str, Any]) -> Any:
        """Call a plugin's function like lmms-eval does: with kwargs only if it takes them."""
        loaded = function.load(key)
        kwargs = {}
        if _takes_prompt_kwargs(loaded):
            kwargs["lmms_eval_specific_kwargs"] = self._prompt_kwargs
        try:
            return loaded(doc, **kwargs)
        except PLUGIN_FAULTS as error:
            raise InputError(
                f"{self.path}: {key}: {function.dotted} failed on a record: "
                f"{type(error).__name__}: {error}"
            ) from error

    @cached_property
    def _prompt_kwargs(self) -> dict[str, Any]:
        own = dict(self.config.lmms_eval_specific_kwargs.get("default", {}))
        if self.official_prompt is not None:
            own["pre_prompt"] = self.official_prompt.pre_prompt
            own["post_prompt"] = self.official_prompt.post_prompt
        return own


@cache
def _takes_prompt_kwargs(function: Callable[..., Any]) -> bool:
    return "lmms_eval_specific_kwargs" in inspect.signature(function).parameters


def _message(turn: Any, media_root: Path) -> Message:
    """Parse one turn of lmms-eval's message protocol: ``{"role", "content": [{"type", ...}]}``."""
    try:
        content = turn["content"]
        entries = [{"type": "text", "text": content}] if isinstance(content, str) else content
        parts = tuple(_part(entry, media_root) for entry in entries)
        return Message(turn["role"], parts)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a message with role and content: {error}") from error


def _part(entry: Mapping[str, Any], media_root: Path) -> Part:
    if entry["type"] == "text":
        return TextPart(str(entry["text"]))
    if entry["type"] == "video":
        frames = tuple(map(str, entry.get("frames") or ()))
        return VideoPart(media_root / str(entry["url"]), frames=frames)
    return _media(entry["url"], media_root)


def _media(visual: Any, media_root: Path) -> Part:
    """An image as a path, bytes, a parquet struct or a PIL image; other paths are videos."""
    if isinstance(visual, Mapping):
        visual = visual.get("bytes") or visual.get("path") or visual.get("url")
    if isinstance(visual, bytes):
        return ImagePart(data=visual)
    if isinstance(visual, str | Path):
        from instit_bench.media.names import names_image

        path = media_root / visual
        return ImagePart(path=path) if names_image(path) else VideoPart(path)
    if hasattr(visual, "save"):  # a PIL image, as lmms-eval's plugins return it
        buffer = BytesIO()
        visual.save(buffer, format="PNG")
        return ImagePart(data=buffer.getvalue())
    raise ValueError(f"cannot use a {type(visual).__name__} as an image or video")
