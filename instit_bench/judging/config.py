"""The judging settings, shared by ``run``, ``score`` and ``judge``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from instit_bench.backends.options import checked_engine_arguments
from instit_bench.cluster.settings import ClusterSettings
from instit_bench.endpoint import Endpoint, find_endpoint
from instit_bench.errors import InputError
from instit_bench.judging.base import JudgeEngine, JudgeOptions
from instit_bench.judging.create import JudgeSetup, chosen_extractor, chosen_judges, default_judges
from instit_bench.judging.prices import read_prices
from instit_bench.runs.manifest import Price
from instit_bench.validation import no_flag


class JudgeConfig(ClusterSettings):
    """Which judges are used, and how; every field is an option of the same name.

    Without ``judge``, it is the official judge if a key is set, else none. Letters are extracted
    only if ``extract_with`` names a judge; all other settings apply to both.

    Raises:
        InputError: A judge's name has an unknown form, or it does not support batches.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", title="Judging")
    _no_flag = field_validator("*", mode="before")(no_flag)

    judge: tuple[str, ...] = Field(
        (),
        description="openai:MODEL, vllm:MODEL, lexical (offline, not comparable) or none; "
        "repeatable, the first judge's verdicts count. Default: openai:gpt-4o-2024-08-06 if "
        "OPENAI_API_KEY is set (run: and the model is a provider's), else none.",
    )
    extract_with: str | None = Field(
        None,
        description="Judge that names the letter of multiple-choice predictions that stay unparsed "
        "(openai:MODEL or vllm:MODEL); counted apart, never in official metrics. Default: none.",
        json_schema_extra={"metavar": "judge"},
    )
    judge_base_url: str | None = Field(
        None,
        description="Base URL of the judge's OpenAI-compatible endpoint.",
        json_schema_extra={"metavar": "url"},
    )
    judge_api_key_env: str | None = Field(
        None,
        description="Environment variable with the judge's key (default: OPENAI_API_KEY, except "
        "over plain http to another machine).",
        json_schema_extra={"metavar": "variable"},
    )
    judge_concurrency: int = Field(
        16, ge=1, le=4096, description="Maximum concurrent calls per judge, with --ray per replica."
    )
    judge_repeats: int = Field(1, ge=1, le=100, description="Verdicts per judge and prediction.")
    judge_timeout: float = Field(
        120.0, gt=0, allow_inf_nan=False, description="Timeout per call in seconds."
    )
    judge_attempts: int = Field(
        6, ge=1, description="Maximum calls per verdict, if replies hold no valid score."
    )
    judge_gpu: str | None = Field(
        None,
        description="GPUs of this machine for a vllm judge alone, such as 1: it then runs "
        "alongside the model.",
    )
    judge_gpus_per_replica: int | None = Field(
        None,
        ge=0,
        le=64,
        description="GPUs per replica of a vllm judge, with --ray (default: those of its engine).",
    )
    judge_engine_arg: Annotated[tuple[str, ...], AfterValidator(checked_engine_arguments)] = Field(
        (),
        description="Argument for the vllm serve of a vllm judge; repeatable.",
        json_schema_extra={"metavar": "key=value"},
    )
    judge_batch: bool = Field(
        False,
        description="Submit to the provider's Batch API; fetch verdicts with judge collect.",
    )
    judge_prices: Path | None = Field(
        None, description="JSON file of prices in US dollars per million tokens."
    )
    judge_budget: float | None = Field(
        None, gt=0, description="Stop before spending more than this in US dollars (exit 3)."
    )

    @field_validator("judge", mode="before")
    @classmethod
    def _judges(cls, value: Any) -> Any:
        """Accept ``a,b`` as a list."""
        if isinstance(value, str):
            value = value.split(",")
        if isinstance(value, list | tuple):
            return tuple(str(part).strip() for part in value if str(part).strip())
        return value

    @property
    def default_judges(self) -> tuple[str, ...]:
        """Return the default judges, if the user names none."""
        return default_judges()

    @property
    def judges(self) -> tuple[str, ...]:
        """The judges to use."""
        return chosen_judges(self.judge) if self.judge else self.default_judges

    @property
    def extractor(self) -> str | None:
        """The judge that extracts letters."""
        return chosen_extractor(self.extract_with)

    @property
    def uses_cluster(self) -> bool:
        """Whether a judge's engine runs in the cluster: one without GPUs of its own here."""
        asked = (*self.judges, self.extractor or "")
        return self.judge_gpu is None and any(name.startswith("vllm:") for name in asked)

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        judges, extractor = self.judges, self.extractor
        if self.judge_batch and extractor:
            raise InputError(
                "--judge-batch: letters are not extracted in a batch; leave out --extract-with, "
                "and use instit-bench judge RUN --extract-with afterwards"
            )
        if self.judge_batch and not (len(judges) == 1 and judges[0].startswith("openai:")):
            raise InputError("--judge-batch: name exactly one judge of the form openai:MODEL")
        if self.judge_prices or self.judge_budget is not None:
            self._require_prices(read_prices(self.judge_prices))
        return self

    def _require_prices(self, prices: Mapping[str, Price]) -> None:
        """Refuse a budget for a judge whose price is not known, before anything is begun."""
        for name in (*self.judges, self.extractor or ""):
            kind, _, model = name.partition(":")
            if kind == "openai" and self.judge_budget is not None and model not in prices:
                raise InputError(
                    f"--judge-budget: the price of {model!r} is not known; name it in "
                    "--judge-prices"
                )

    def judge_endpoint(self) -> Endpoint:
        """The endpoint of judges of the form ``openai:MODEL``.

        Raises:
            InputError: Its address or key is not valid.
        """
        return find_endpoint(
            self.judge_base_url, "--judge-base-url", key_env=self.judge_api_key_env
        )

    def setup(self, judges: Iterable[str]) -> JudgeSetup:
        """Return the options for creating these judges, which share one budget."""
        return JudgeSetup(
            specs=tuple(dict.fromkeys(judges)),
            endpoint=self.judge_endpoint,
            options=JudgeOptions(
                concurrency=self.judge_concurrency,
                timeout_s=self.judge_timeout,
                attempts=self.judge_attempts,
            ),
            prices_file=self.judge_prices,
            budget_usd=self.judge_budget,
            engine=JudgeEngine(
                self.judge_gpu, self.judge_engine_arg, self, self.judge_gpus_per_replica
            ),
        )
