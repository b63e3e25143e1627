"""The instructions for judges, and how the manifest records them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

from instit_bench.datasets.layout import PROMPTS_FILE
from instit_bench.datasets.prompts import OfficialPrompts, read_prompts
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.prices import read_prices
from instit_bench.resources import home
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import JudgingManifest, Manifest, Price
from instit_bench.runs.verdicts import item_of, that_count
from instit_bench.scorers.contract import Contract
from instit_bench.scorers.judge import JudgeContract
from instit_bench.scorers.judge.contract import OFFICIAL_JUDGE
from instit_bench.scorers.registry import spec_of

Role = Literal["judging", "extraction"]
"""What judges do for a run: score its open answers, or extract letters; a manifest's field."""


def prompts_near(files: Iterable[Path]) -> OfficialPrompts | None:
    """Return the benchmark's own texts, from beside one of these files or from the home folder."""
    folders = [folder for file in files for folder in Path(file).resolve().parents[:2]]
    for folder in (*folders, home()):
        if (folder / PROMPTS_FILE).is_file():
            return read_prompts(folder / PROMPTS_FILE)
    return None


def contract_for(media: str, prompts: OfficialPrompts | None) -> JudgeContract:
    """Return the judge's instructions for a task: the benchmark's own if available."""
    split = "video" if media == "video" else "image"
    if prompts is None:
        return JudgeContract.own(split)  # type: ignore[arg-type]
    return JudgeContract(getattr(prompts.gpt_eval, split), "official")


def extraction_contracts(manifest: Manifest, tasks: Collection[str]) -> dict[str, Contract]:
    """What a judge is asked to extract the letters of each of these tasks that has letters."""
    specs = {name: spec_of(manifest.tasks[name]) for name in tasks}
    return {name: spec.extraction.contract for name, spec in specs.items() if spec.extraction}


def judging_manifest(
    config: JudgeConfig, contracts: Mapping[str, JudgeContract]
) -> JudgingManifest | None:
    """The judges as recorded in the manifest; ``None`` if there are none."""
    judges = config.judges
    if not judges or not contracts:
        return None
    return JudgingManifest(
        judges=list(judges),
        repeats=config.judge_repeats,
        contracts={task: contract.digest for task, contract in contracts.items()},
        prompts=next(iter(contracts.values())).origin,
        prices=_prices(config, judges),
    )


def extraction_manifest(
    config: JudgeConfig, contracts: Mapping[str, Contract]
) -> JudgingManifest | None:
    """The extracting judge as recorded in the manifest; ``None`` if there is none."""
    if config.extractor is None or not contracts:
        return None
    return JudgingManifest(
        judges=[config.extractor],
        contracts={task: contract.digest for task, contract in contracts.items()},
        prompts="own",
        prices=_prices(config, [config.extractor]),
    )


def name_judges(run: Run, role: Role, judging: JudgingManifest) -> None:
    """Record these judges in the manifest; their verdicts count from now on.

    Tasks that they do not judge keep their instructions.
    """
    known: JudgingManifest | None = getattr(run.manifest, role)
    before = known.contracts if known else {}
    named = judging.model_copy(update={"contracts": {**before, **judging.contracts}})
    if named != known:
        setattr(run.manifest, role, named)
        run.save()


def has_spoken(run: Run, judging: JudgingManifest) -> bool:
    """Return whether the first judge gave a verdict on any answer in the run."""
    return any(
        verdict.given
        for task, contract in judging.contracts.items()
        if task in run.tasks
        for record in run.tasks[task].records.values()
        for verdict in that_count(
            item_of(record, spec_of(run.tasks[task].entry)),
            run.tasks[task].verdicts.of(record.id),
            judging.judges[:1],
            contract,
            judging.repeats,
        )
    )


def nobody_judges(config: JudgeConfig, contracts: Collection[str]) -> str | None:
    """Say that there is no judge and what to do; ``None`` if there is one or none is wanted."""
    if config.judges or config.judge or not contracts:
        return None
    return (
        f"no judge for {', '.join(contracts)}: name a judge with --judge (such as "
        f"{OFFICIAL_JUDGE}), or judge later with instit-bench judge RUN"
    )


def _prices(config: JudgeConfig, judges: Iterable[str]) -> dict[str, Price]:
    """Return the known prices of the judges at the time of judging."""
    prices = read_prices(config.judge_prices)
    models = {name: name.partition(":")[2] for name in judges}
    return {name: prices[m] for name, m in models.items() if m in prices}
