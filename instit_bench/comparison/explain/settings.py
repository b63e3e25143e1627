"""In which settings two runs differ, by what a setting acts on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from instit_bench.runs.loaded import RunTask
from instit_bench.runs.manifest import JudgingManifest, Manifest, TaskManifest

Scope = Literal["prompt", "media", "sampling", "weights", "engine", "scoring"]
"""What a setting acts on; ``weights`` change what is computed, ``engine`` how exactly."""

_GREEDY = ("top_p", "top_k", "min_p", "seed")  # without effect at temperature 0
_LIMITS = ("max_tokens", "max_completion_tokens")
_STOP = "stop"
_FROM_TASK = ("max_tokens", "temperature", "top_p", "top_k", "stop")
# Of vLLM and servers like it, in a request's body or on the engine's command line.
_OF_PROMPT = {
    *("chat_template", "chat_template_kwargs", "default_chat_template_kwargs", "documents"),
    *("chat_template_content_format", "add_generation_prompt", "continue_final_message"),
    *("add_special_tokens", "truncate_prompt_tokens", "tokenizer", "tokenizer_mode"),
    *("tokenizer_revision", "tools", "tool_choice", "reasoning_effort"),
}
_OF_MEDIA = {"mm_processor_kwargs", "media_io_kwargs", "limit_mm_per_prompt"}
_OF_WEIGHTS = {"quantization", "load_format", "revision", "hf_overrides"}
_OF_SAMPLING = {"generation_config", "override_generation_config"}
_MEDIA_PACKAGES = ("pillow", "av", "decord")
_LONGEST = 60  # characters of a value in an evidence line


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting with its values in A and in B, as text; ``unset`` if a run does not set it."""

    scope: Scope
    name: str
    a: str
    b: str

    def __str__(self) -> str:
        return f"{self.name}: {self.a} against {self.b}"


@dataclass(frozen=True)
class TaskSettings:
    """The settings of one task of a run, by scope and name.

    ``known`` is false for a prediction file that does not say how it was made.
    """

    known: bool
    values: Mapping[Scope, Mapping[str, Any]]
    stop: tuple[str, ...] = ()
    limit: int | None = None
    temperature: float | None = None

    @property
    def greedy(self) -> bool:
        """Whether the most likely token is always chosen."""
        return self.temperature == 0


@dataclass(frozen=True)
class SettingsPair:
    """The settings of one task in both runs, and where they differ.

    ``judged`` is the metric that is explained, if a judge gives it.
    """

    a: TaskSettings
    b: TaskSettings
    differences: tuple[Difference, ...] = field(default=())
    judged: str | None = None

    def of(self, *scopes: Scope) -> list[Difference]:
        """Return the differences of these scopes."""
        return [found for found in self.differences if found.scope in scopes]

    @property
    def judges(self) -> list[Difference]:
        """In what the judges differ, if the metric is theirs."""
        found = self.of("scoring") if self.judged else []
        return [difference for difference in found if difference.name.startswith("judge")]

    @property
    def known(self) -> bool:
        """Whether both runs say how they sampled."""
        return self.a.known and self.b.known

    @property
    def sampled(self) -> bool:
        """Whether chance decides in a run, or may do so: its temperature is not 0."""
        return not (self.a.greedy and self.b.greedy)


def settings_pair(a: RunTask, b: RunTask, of_a: Manifest, of_b: Manifest) -> SettingsPair:
    """Return the settings of a task in two runs.

    What has no effect is no difference: a seed at temperature 0.
    """
    pair = SettingsPair(_settings(a.name, a.entry, of_a), _settings(b.name, b.entry, of_b))
    found = tuple(_differences(pair))
    if not pair.sampled:
        found = tuple(f for f in found if f.scope != "sampling" or f.name not in _GREEDY)
    return SettingsPair(pair.a, pair.b, found)


def _differences(pair: SettingsPair) -> Iterator[Difference]:
    for scope, before in pair.a.values.items():
        after = pair.b.values[scope]
        for name in dict.fromkeys([*before, *after]):
            was, now = before.get(name), after.get(name)
            if was != now and (pair.known or (name in before and name in after)):
                yield Difference(scope, name, _text(was), _text(now))


def _settings(name: str, task: TaskManifest, manifest: Manifest) -> TaskSettings:
    identity = manifest.identity
    known = task.style != "unknown" and identity.backend != "file"
    values: dict[Scope, dict[str, Any]] = {
        "prompt": {"prompt style": task.style, "prompts": task.prompts},
        "media": {},
        "sampling": {},
        "weights": {"lora": identity.lora, "quantization": identity.quantization},
        "engine": {
            "model": identity.model,
            "backend": identity.backend,
            "dtype": identity.dtype,
        },
        "scoring": _scoring(name, task, manifest),
    }
    if not known:
        values |= {"prompt": {}, "weights": {}, "engine": {}}
        return TaskSettings(known=False, values=values)
    if task.media == "video":
        values["media"] |= {"max_frames": identity.max_frames, "video_as": identity.video_as}
        values["media"]["video_decoder"] = identity.video_decoder
    if task.media != "none":
        values["media"] |= {"marks": identity.marks, "renamed_marks": identity.renamed_marks}
    values["prompt"]["intervention"] = identity.intervention
    sampling = _sampling(task, manifest)
    values["sampling"] |= sampling
    for key, value in identity.extra_body.items():
        values[_scope(key, "sampling")][key] = value
    for key, value in _arguments(identity.engine_arg + identity.model_arg):
        values[_scope(key, "engine")][key] = value
    values["engine"] |= _versions(manifest)
    values["media"] |= _packages(manifest, _MEDIA_PACKAGES) if task.media != "none" else {}
    everything = values["sampling"]
    stop = everything.get(_STOP) or ()
    limits = [everything[limit] for limit in _LIMITS if isinstance(everything.get(limit), int)]
    temperature = everything.get("temperature")
    return TaskSettings(
        known=True,
        values=values,
        stop=(stop,) if isinstance(stop, str) else tuple(map(str, stop)),
        limit=min(limits) if limits else None,
        temperature=temperature if isinstance(temperature, int | float) else None,
    )


def _sampling(task: TaskManifest, manifest: Manifest) -> dict[str, Any]:
    """What was sent: without what the endpoint refused."""
    identity, backend = manifest.identity, manifest.settings.get("backend")
    refused = backend.get("not_sent") if isinstance(backend, Mapping) else None
    wanted = {name: task.generation.get(name) for name in _FROM_TASK}
    wanted["seed"] = None if identity.seed == "none" else identity.seed
    wanted["constrain_choices"] = identity.constrain_choices
    return {name: None if name in (refused or ()) else value for name, value in wanted.items()}


def _scoring(name: str, task: TaskManifest, manifest: Manifest) -> dict[str, Any]:
    judging, extraction = manifest.judging_of(name), manifest.extraction_of(name)
    return {
        "scorer": task.scorer,
        **_judges("judge", name, judging),
        **_judges("letters extracted by", name, extraction),
        "instit-bench": manifest.environment.get("instit_bench"),
    }


def _judges(role: str, name: str, judging: JudgingManifest | None) -> dict[str, Any]:
    if judging is None:
        return {role: None}
    instructions = judging.contracts[name][:12]
    return {role: judging.judges[0], f"{role}: instructions": instructions}


def _arguments(arguments: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for argument in arguments:
        key, _, value = argument.partition("=")
        yield key.lstrip("-").replace("-", "_"), value or "set"


def _scope(name: str, otherwise: Scope) -> Scope:
    """The scope of a setting of the request's body, or of an argument of the engine."""
    if name in _OF_PROMPT:
        return "prompt"
    if name in _OF_MEDIA:
        return "media"
    if name in _OF_WEIGHTS:
        return "weights"
    return "sampling" if name in _OF_SAMPLING else otherwise


def _versions(manifest: Manifest) -> dict[str, Any]:
    """Of the engine that answered: a client's packages compute nothing."""
    backend = manifest.settings.get("backend")
    told = backend if isinstance(backend, Mapping) else {}
    return {"vllm": told["vllm"]} if told.get("vllm") else {}


def _packages(manifest: Manifest, names: tuple[str, ...]) -> dict[str, Any]:
    packages = manifest.environment.get("packages")
    told = packages if isinstance(packages, Mapping) else {}
    return {name: told[name] for name in names if name in told}


def _text(value: object) -> str:
    if value is None or value in ([], (), {}):
        return "unset"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
