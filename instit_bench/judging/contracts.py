"""Which instructions judges get, and what the manifest says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from instit_bench.datasets.layout import PROMPTS_FILE
from instit_bench.datasets.prompts import OfficialPrompts, read_prompts
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.prices import read_prices
from instit_bench.resources import home
from instit_bench.runs.manifest import JudgingManifest, Price
from instit_bench.scorers.judge import JudgeContract


def prompts_near(files: Iterable[Path]) -> OfficialPrompts | None:
    """The benchmark's own texts beside one of these files, or among the downloaded data."""
    folders = [folder for file in files for folder in Path(file).resolve().parents[:2]]
    for folder in (*folders, home()):
        if (folder / PROMPTS_FILE).is_file():
            return read_prompts(folder / PROMPTS_FILE)
    return None


def contract_for(media: str, prompts: OfficialPrompts | None) -> JudgeContract:
    """The judge's instructions for a task's split: the benchmark's own where they are at hand."""
    split = "video" if media == "video" else "image"
    if prompts is None:
        return JudgeContract.own(split)  # type: ignore[arg-type]
    return JudgeContract(getattr(prompts.gpt_eval, split), "official")


def judging_manifest(
    config: JudgeConfig, contracts: Mapping[str, JudgeContract]
) -> JudgingManifest | None:
    """What the manifest says of the judges; ``None`` where nobody judges."""
    judges = config.judges
    if not judges or not contracts:
        return None
    return JudgingManifest(
        judges=list(judges),
        repeats=config.judge_repeats,
        contracts={task: contract.digest for task, contract in contracts.items()},
        prompts=next(iter(contracts.values())).origin,
        prices=_prices(config),
    )


def _prices(config: JudgeConfig) -> dict[str, Price]:
    """The prices of the judges that have one, as they were when the run was judged."""
    prices = read_prices(config.judge_prices)
    models = {name: name.partition(":")[2] for name in config.judges}
    return {name: prices[m] for name, m in models.items() if m in prices}
