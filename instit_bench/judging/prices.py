"""The cost of judging and the budget."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from instit_bench.errors import InputError
from instit_bench.judging.base import BudgetReached
from instit_bench.runs.manifest import Price
from instit_bench.textfile import decoded, not_empty
from instit_bench.types import Usage

_BUILT_IN = Path(__file__).with_name("prices.json")
REPLY_TOKENS = 16  # {"sample_score": 0.5} and the end
_BYTES_PER_TOKEN = 4  # of English text, about
_BYTES_PER_TOKEN_AT_LEAST = 2  # for a reservation that is not too low


def read_prices(file: Path | None, option: str = "--judge-prices") -> dict[str, Price]:
    """Return prices by model: the built-in ones, overridden by those of the file of an option.

    Raises:
        InputError: The file is not ``{model: {"input": …, "output": …}}``.
    """
    prices = _read(_BUILT_IN, option)
    return prices | _read(file, option) if file else prices


def _read(file: Path, option: str) -> dict[str, Price]:
    name = f"{option} {file}"
    try:
        values = json.loads(not_empty(decoded(file.read_bytes(), name), name))
        if isinstance(values, dict):
            values.pop("_", None)
        return TypeAdapter(dict[str, Price]).validate_python(values)
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{name}: must be JSON of the form "
            f'{{"model": {{"input": 2.5, "output": 10}}}}: {reason}'
        ) from error


def cost_told(price: Price | None, usage: Usage, share: float = 1.0) -> str:
    """Estimate the cost in words; ``share`` is the fraction of the price to pay (0..1)."""
    if price is None:
        return "price not known"
    return f"about {share * price.of(usage):.2f} US dollars"


def estimated_tokens(text: str) -> int:
    """Estimate the number of tokens of a text."""
    return math.ceil(len(text.encode()) / _BYTES_PER_TOKEN)


def most_tokens(text: str) -> int:
    """Return an upper bound for the tokens of a text, except in unusual scripts."""
    return math.ceil(len(text.encode()) / _BYTES_PER_TOKEN_AT_LEAST)


@dataclass
class Budget:
    """Keeps the money spent and reserved for calls in flight below a limit in US dollars."""

    limit: float
    spent: float = 0.0
    reserved: float = 0.0

    @contextmanager
    def reserve(self, amount: float) -> Iterator[None]:
        """Reserve ``amount`` for one call.

        Raises:
            BudgetReached: The call could exceed the limit.
        """
        if self.spent + self.reserved + amount > self.limit:
            raise BudgetReached(
                f"the next call could exceed --judge-budget {self.limit:g} USD "
                f"(spent {self.spent:.4f}); raise it and run again"
            )
        self.reserved += amount
        try:
            yield
        finally:
            self.reserved -= amount

    def spend(self, amount: float) -> None:
        """Record the cost of a call."""
        self.spent += amount
