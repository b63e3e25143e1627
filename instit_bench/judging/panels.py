"""A panel: the judges of some tasks, what they are asked about them, and what they do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instit_bench.display import counted
from instit_bench.endpoint.address import address_of, shown_address
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.contracts import Role, extraction_manifest, judging_manifest
from instit_bench.judging.prices import REPLY_TOKENS, cost_told, estimated_tokens
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import JudgingManifest
from instit_bench.runs.verdicts import VerdictRecord, that_count
from instit_bench.scorers.contract import Contract, Item
from instit_bench.scorers.judge import JudgeContract
from instit_bench.types import Usage


@dataclass(frozen=True, slots=True)
class _Words:
    """How a role is told of."""

    by: str
    lane: str
    silent: str


_WORDS: Mapping[Role, _Words] = {
    "judging": _Words(
        by="judged by",
        lane="judged",
        silent="gave no score, and the run stays as it was",
    ),
    "extraction": _Words(
        by="letters extracted by",
        lane="extracted",
        silent="gave no valid reply, and the run stays as it was",
    ),
}


@dataclass
class Panel:
    """Judges who are asked the same about some tasks; the first one counts.

    ``judging`` is what the manifest says of them once the first one has ``spoken``. ``addresses``
    has those of judges behind an endpoint: a verdict from elsewhere is not theirs.
    """

    role: Role
    judging: JudgingManifest
    contracts: Mapping[str, Contract]
    addresses: Mapping[str, str] = field(default_factory=dict)
    spoken: bool = False
    last_error: str | None = None

    @property
    def words(self) -> _Words:
        """Return the words for this role in messages."""
        return _WORDS[self.role]

    def lane(self, task: str) -> str:
        """Return the name of a task's progress lane."""
        return f"{task} {self.words.lane}"

    def told(self, judge: str, total: int, asked: Sequence[tuple[Contract, Item]]) -> str:
        """Return who is asked, the number of calls, and the approximate cost."""
        texts = (contract.instructions + item.as_json() for contract, item in asked)
        usage = Usage(sum(map(estimated_tokens, texts)), len(asked) * REPLY_TOKENS)
        words, known = self.words, total - len(asked)
        at_hand = f" ({known:,} already known)" if 0 < len(asked) < total else ""
        cost = cost_told(self.judging.prices.get(judge), usage) if asked else "no cost"
        return f"{words.by} {judge}: about {counted(len(asked), 'call')}{at_hand}, {cost}"

    def given(self, run: Run, task: str, sample: str, item: Item) -> set[tuple[str, int]]:
        """Which judges gave a verdict on this very answer, and at which repeat."""
        known = that_count(
            item,
            run.tasks[task].verdicts.of(sample),
            self.judging.judges,
            self.contracts[task].digest,
            self.judging.repeats,
        )
        return {(v.judge, v.repeat) for v in known if v.given and self._is_theirs(v)}

    def _is_theirs(self, verdict: VerdictRecord) -> bool:
        here = self.addresses.get(verdict.judge)
        return here is None or verdict.base_url in (None, here)

    def from_elsewhere(self, run: Run) -> str | None:
        """Say that verdicts from another address are asked for again; ``None`` without any."""
        found = Counter(
            verdict.base_url
            for task in self.contracts
            for record in run.tasks[task].records.values()
            for verdict in run.tasks[task].verdicts.of(record.id)
            if verdict.given and not self._is_theirs(verdict)
        )
        if not found:
            return None
        places = ", ".join(f"{counted(n, 'verdict')} from {place}" for place, n in found.items())
        return f"{places}: asked for again at the address that is named now"

    @property
    def silence(self) -> str | None:
        """Return a message if no call gave a valid reply, or ``None``."""
        if self.spoken or self.last_error is None:
            return None
        return f"{self.judging.judges[0]} {self.words.silent}: {self.last_error}"


def panels_of(
    config: JudgeConfig,
    open_answers: Mapping[str, JudgeContract],
    letters: Mapping[str, Contract],
) -> list[Panel]:
    """The panels that a command asks: for open answers, and for letters."""
    panels = []
    address = shown_address(address_of(config.judge_base_url))
    names = (*config.judges, config.extractor or "")
    addresses = {name: address for name in names if name.startswith("openai:")}
    if judging := judging_manifest(config, open_answers):
        panels.append(Panel("judging", judging, open_answers, addresses))
    if extraction := extraction_manifest(config, letters):
        panels.append(Panel("extraction", extraction, letters, addresses))
    return panels
