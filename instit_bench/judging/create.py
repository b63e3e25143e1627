"""Creating the judges given by ``--judge``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from instit_bench.endpoint import KEY_VARIABLE, Endpoint
from instit_bench.errors import InputError
from instit_bench.judging.base import Judge, JudgeEngine, JudgeOptions
from instit_bench.judging.cache import VerdictCache
from instit_bench.judging.lexical import LexicalJudge
from instit_bench.judging.prices import Budget, read_prices
from instit_bench.resources import home
from instit_bench.scorers.judge.contract import LEXICAL, OFFICIAL_JUDGE

_FORMS = "none, lexical, openai:MODEL or vllm:MODEL"


@dataclass(frozen=True, slots=True)
class JudgeSetup:
    """The options for creating judges."""

    specs: Sequence[str]
    endpoint: Callable[[], Endpoint]
    options: JudgeOptions
    prices_file: Path | None
    budget_usd: float | None
    engine: JudgeEngine


def chosen_judges(specs: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the judges.

    Raises:
        InputError: A name has an unknown form.
    """
    for spec in specs:
        if spec not in ("none", LEXICAL) and not _is_model(spec):
            raise InputError(f"--judge {spec}: choose {_FORMS}")
    if "none" in specs and len(specs) > 1:
        raise InputError("--judge none cannot be combined with other judges")
    return () if "none" in specs else tuple(dict.fromkeys(specs))


def chosen_extractor(spec: str | None) -> str | None:
    """The judge model that extracts letters, or ``None``.

    Raises:
        InputError: It is not a model.
    """
    if spec is None or spec == "none":
        return None
    if not _is_model(spec):
        raise InputError(f"--extract-with {spec}: choose none, openai:MODEL or vllm:MODEL")
    return spec


def _is_model(spec: str) -> bool:
    kind, _, model = spec.partition(":")
    return kind in ("openai", "vllm") and bool(model)


def _vllm_judge(name: str, model: str, setup: JudgeSetup, cache: VerdictCache) -> Judge:
    from instit_bench.judging.vllm_judge import ReplicatedVllmJudge, VllmJudge

    kind = ReplicatedVllmJudge if setup.engine.has_replicas else VllmJudge
    return kind(name, model, setup.options, cache, setup.engine)


def default_judges() -> tuple[str, ...]:
    """Return the default judges: the benchmark's own judge if a key is set, else none."""
    return (OFFICIAL_JUDGE,) if os.environ.get(KEY_VARIABLE) else ()


def cache_path() -> Path:
    """Return the path of the cache, one for all runs of a user."""
    return home() / "judge-cache.sqlite"


def make_judges(setup: JudgeSetup) -> list[Judge]:
    """Create one judge per name.

    Raises:
        InputError: An endpoint is not usable.
    """
    prices = read_prices(setup.prices_file)
    budget = Budget(setup.budget_usd) if setup.budget_usd is not None else None
    judges: list[Judge] = []
    cache: VerdictCache | None = None
    for spec in setup.specs:
        if spec == LEXICAL:
            judges.append(LexicalJudge())
            continue
        model = spec.partition(":")[2]
        price = prices.get(model)
        cache = cache or VerdictCache.or_without(cache_path())
        if spec.startswith("vllm:"):
            judges.append(_vllm_judge(spec, model, setup, cache))
            continue
        from instit_bench.judging.openai_judge import OpenAIJudge

        judges.append(
            OpenAIJudge(spec, model, setup.endpoint(), setup.options, cache, price, budget)
        )
    return judges
