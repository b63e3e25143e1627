"""What ``generate instructions`` asks for: captions, tools, and the replies that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from instit_bench.generation.captions import Caption, Captions, read_captions
from instit_bench.generation.catalogue import Catalogue, read_catalogue
from instit_bench.generation.config import WriterConfig
from instit_bench.generation.manifest import WriterManifest, require_same
from instit_bench.generation.replies import JOURNAL, Ended, RawReply
from instit_bench.generation.spending import estimate, make_spending
from instit_bench.generation.wording import words_digest, writer_request
from instit_bench.runs.journal import read_lines
from instit_bench.types import Message, Request, Sample, TextPart, Usage

LANE = "instructions"
"""The name of the requests, in progress and errors."""


@dataclass(frozen=True, slots=True)
class WriterPlan:
    """The captions to ask for, and the replies that are there already.

    ``used`` is what these took, and ``before`` is their manifest.
    """

    config: WriterConfig
    captions: Captions
    catalogue: Catalogue
    chosen: tuple[Caption, ...]
    stored: Mapping[int, Ended]
    used: Usage
    before: WriterManifest | None = None

    @property
    def left(self) -> list[Caption]:
        """The captions without a reply."""
        replies = ((one, self.stored.get(one.number)) for one in self.chosen)
        return [one for one, reply in replies if reply is None or not reply.answered]

    @property
    def identity(self) -> dict[str, Any]:
        """What a resumed command must share with the first one."""
        config = self.config
        return {
            "model": config.model,
            "backend": config.backend,
            "temperature": config.temperature,
            "max_tokens": config.max_tokens,
            "seed": config.seed,
            "extra_body": config.extra_body,
            "lora": config.lora,
            "dtype": config.dtype,
            "quantization": config.quantization,
            "captions": self.captions.digest,
            "catalogue": self.catalogue.digest,
            "words": words_digest(self.catalogue),
        }

    def manifest(self, backend: dict[str, Any]) -> WriterManifest:
        """Return the manifest to begin with; ``backend`` are that one's settings."""
        settings = {"backend": backend}
        if self.before is None:
            return WriterManifest(identity=self.identity, settings=settings)
        if not self.left:  # nobody is asked
            return self.before
        # What earlier processes counted stays, however this one ends.
        engine = dict(self.before.engine)
        return self.before.model_copy(update={"settings": settings, "engine": engine})

    def request(self, caption: Caption) -> Request:
        """Return the request for a caption."""
        text = writer_request(self.catalogue, caption)
        sample = Sample(LANE, str(caption.number), {}, target="", cluster="", question=text)
        return Request(sample, (Message("user", (TextPart(text),)),), self.config.params)

    @property
    def heaviest(self) -> Request:
        """The longest request."""
        return self.request(max(self.chosen, key=lambda caption: len(caption.text)))

    def estimate(self) -> str:
        """Say what is left to do, in one line."""
        price = make_spending(self.config).price
        return estimate(self.left, self.catalogue, price)


def plan_writing(config: WriterConfig) -> WriterPlan:
    """Read captions, tools and what is there.

    Raises:
        InputError: Captions or tools are not valid, or a line of the journal is broken.
        NotComparableError: The folder has replies that were asked for with other settings.
    """
    captions, catalogue = read_captions(config.captions), read_catalogue(config.tools)
    stored, used = _stored(config)
    chosen = captions.captions[: config.limit]
    plan = WriterPlan(config, captions, catalogue, chosen, stored, used)
    if not stored:
        return plan
    return replace(plan, before=require_same(config.output, plan.identity))


def _stored(config: WriterConfig) -> tuple[dict[int, Ended], Usage]:
    """Return how each caption in the journal ended, and what all of them took."""
    ended, spending = {}, make_spending(config)
    for line in read_lines(config.output / JOURNAL, RawReply):
        ended[line.id] = line.ended
        spending.add(line)
    return ended, spending.used
