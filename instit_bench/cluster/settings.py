"""The settings of a Ray cluster; each field is an option of its name."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from instit_bench.errors import InputError

_NEED_A_CLUSTER = (
    "replicas",
    "gpus_per_replica",
    "judge_gpus_per_replica",
    "adaptive_concurrency",
)


class ClusterSettings(BaseModel):
    """Where engines run: in a Ray cluster, instead of beside the run."""

    model_config = ConfigDict(title="Many machines (Ray)")

    ray: str | None = Field(
        None,
        min_length=1,
        description="Run replicas of the backend, or of a vllm judge, in the Ray cluster at this "
        "address; auto: the cluster of this machine; local: start Ray on this machine.",
        json_schema_extra={"metavar": "address|auto|local"},
    )
    replicas: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Maximum replicas (default: as many as the GPUs allow; without GPUs one per "
        "node).",
    )
    adaptive_concurrency: bool = Field(
        False,
        description="Let each replica's concurrent requests follow its engine's queue (vllm), up "
        "to --concurrency (judges: --judge-concurrency).",
    )

    @model_validator(mode="after")
    def _need_a_cluster(self) -> Self:
        for name in _NEED_A_CLUSTER:
            if self.ray is None and getattr(self, name, None) not in (None, False):
                raise InputError(f"--{name.replace('_', '-')}: needs --ray")
        return self


class ReplicaSettings(ClusterSettings):
    """Replicas of a model."""

    gpus_per_replica: int | None = Field(
        None,
        ge=0,
        le=64,
        description="GPUs per replica (default: those of the engine; endpoints: 0).",
    )
