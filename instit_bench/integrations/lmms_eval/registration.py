"""The entry points through which lmms-eval finds our models; they load nothing heavy."""

from __future__ import annotations

from typing import Any


def vllm() -> Any:
    """``--model instit_bench_vllm``."""
    return _manifest("instit_bench_vllm", "VllmModel")


def openai() -> Any:
    """``--model instit_bench_openai``."""
    return _manifest("instit_bench_openai", "OpenAIModel")


def inst_it_llava() -> Any:
    """``--model inst_it_llava``."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(
        "inst_it_llava",
        simple_class_path="instit_bench.integrations.lmms_eval.llava.InstItLlava",
    )


def _manifest(name: str, class_name: str) -> Any:
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(
        name, chat_class_path=f"instit_bench.integrations.lmms_eval.models.{class_name}"
    )
