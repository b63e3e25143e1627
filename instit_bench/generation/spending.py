"""What writing instructions takes and has taken, and the limits that a user sets to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from instit_bench.errors import InputError
from instit_bench.generation.captions import Caption
from instit_bench.generation.catalogue import Catalogue
from instit_bench.generation.config import WriterConfig
from instit_bench.generation.replies import RawReply
from instit_bench.generation.wording import writer_request
from instit_bench.judging.prices import cost_told, estimated_tokens, most_tokens, read_prices
from instit_bench.runs.manifest import Price
from instit_bench.types import Usage

_TOKENS_PER_LINE = 40


@dataclass
class Spending:
    """Tokens and US dollars so far, those of earlier processes included, and their limits."""

    price: Price | None
    most_dollars: float | None
    most_tokens: int | None
    used: Usage = field(default_factory=Usage)
    reserved: Usage = field(default_factory=Usage)

    def refused(self, request: str, reply_tokens: int) -> str | None:
        """Reserve what a request may take at most; return why if that could exceed a limit."""
        more = Usage(most_tokens(request), reply_tokens)
        then = _sum(self.used, self.reserved, more)
        dollars = self.price.of(then) if self.price else 0.0
        if self.most_dollars is not None and dollars > self.most_dollars:
            return f"--budget {self.most_dollars:g} USD (spent {self.dollars:.4f})"
        if self.most_tokens is not None and _total(then) > self.most_tokens:
            return f"--token-budget {self.most_tokens:,} (used {_total(self.used):,})"
        self.reserved = _sum(self.reserved, more)
        return None

    def settle(self, request: str, reply_tokens: int, reply: RawReply | None) -> None:
        """Release what was reserved for a request, and count what it took."""
        self.reserved = Usage(
            (self.reserved.prompt_tokens or 0) - most_tokens(request),
            (self.reserved.completion_tokens or 0) - reply_tokens,
        )
        if reply is not None:
            self.add(reply)

    def add(self, reply: RawReply) -> None:
        """Count a reply; where an endpoint reports no tokens, they are estimated."""
        usage = reply.usage
        if reply.instructions is not None and usage.completion_tokens is None:
            usage = Usage(usage.prompt_tokens, estimated_tokens(reply.instructions))
        self.used = _sum(self.used, usage)

    @property
    def dollars(self) -> float:
        """The US dollars spent, as far as the price is known."""
        return self.price.of(self.used) if self.price else 0.0

    @property
    def told(self) -> str:
        """One line: tokens and US dollars."""
        prompt, reply = self.used.prompt_tokens or 0, self.used.completion_tokens or 0
        cost = f", {self.dollars:.4f} US dollars" if self.price else ""
        return f"{prompt:,} prompt and {reply:,} reply tokens{cost}"


def make_spending(config: WriterConfig, used: Usage | None = None) -> Spending:
    """Return what was spent so far, by default nothing, with the limits.

    Raises:
        InputError: There is a budget in dollars, but the model's price is not known.
    """
    price = read_prices(config.prices, "--prices").get(config.model)
    if config.budget is not None and price is None:
        raise InputError(
            f"--budget: the price of {config.model!r} is not known; name it in --prices, or use "
            "--token-budget"
        )
    return Spending(price, config.budget, config.token_budget, used or Usage())


def estimate(captions: Sequence[Caption], catalogue: Catalogue, price: Price | None) -> str:
    """Say in one line what asking for these captions takes."""
    prompt = sum(estimated_tokens(writer_request(catalogue, one)) for one in captions)
    usage = Usage(prompt, len(captions) * len(catalogue.tools) * _TOKENS_PER_LINE)
    return (
        f"about {usage.prompt_tokens:,} prompt and {usage.completion_tokens:,} reply tokens, "
        f"{cost_told(price, usage)}"
    )


def _sum(*parts: Usage) -> Usage:
    return Usage(
        sum(part.prompt_tokens or 0 for part in parts),
        sum(part.completion_tokens or 0 for part in parts),
    )


def _total(usage: Usage) -> int:
    return (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
