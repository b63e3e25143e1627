"""Remove reasoning and template tokens from a reply before any scorer reads it.

Replies reach a scorer with whatever the serving engine left in them: reasoning blocks in the tags
of the model's family, the turn's header, the token that ends it, and sometimes a further turn that
the model made up. ``split_reasoning`` and ``strip_end_tokens`` know all families, so no scorer has
its own list. Both take time linear in the length of the reply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

_NAMES = (
    "(?:[a-z]{1,12}[:_-])?(?:think|thinking|thought|thoughts)|antthinking|inner_monologue"
    "|reasoning|reflection|analysis|scratchpad"
)
# Families: XML-like tags (an attribute is allowed, a further angle bracket is not), Magistral's
# [THINK], Kimi's ◁think▷, OpenThinker's <|begin_of_thought|>, Cohere's <|START_THINKING|>, Gemma's
# <|channel>thought, MedGemma's <unused94>, the tokens of Solar, PLaMo and Kimi K3,
# Granite's sentences, and gpt-oss's channels, with their tokens or, where the engine dropped those,
# as bare words; Muse's to=self and to=user are such channels too.
_BOUNDARY = re.compile(
    rf"""
      (?P<open>
          <(?:{_NAMES})(?::\w{{1,20}})?(?:\s[^<>\n]{{0,80}})?> | \[(?:think|thinking)\]
        | ◁(?:think|thinking)▷
        | <\|(?:begin_of_thought|start_thinking|think|thinking|begin_of_thinking)\|>
        | <\|channel>thought | <unused94>(?:thought\b)?
        | <\|think:start\|> | <\|plamo:begin_think:plamo\|> | <\|open\|>think<\|sep\|>
        | \A\s*here(?:\ is|'s)\ my\ thought\ process:
        | \A\s*analysis(?=(?-i:[A-Z]))
      )
    | (?P<close>
          </(?:{_NAMES})(?::\w{{1,20}})?> | \[/(?:think|thinking)\] | ◁/(?:think|thinking)▷
        | <\|(?:end_of_thought|end_thinking|/think|/thinking|end_of_thinking)\|>
        | <channel\|> | <unused95>
        | <\|think:end\|> | <\|plamo:end_think:plamo\|> | <\|close\|>think<\|sep\|>
        | \bhere(?:\ is|'s)\ my\ response:
        | assistantfinal | assistant(?=(?:commentary|analysis)\ to=)
      )
    | (?:<\|start\|>assistant)?
      (?P<header>(?P<role>\ ?\bto=[\w.:-]{{1,80}}\ ?)?<\|channel\|>)
      (?P<channel>analysis|commentary|final)(?P<to>[^<>\n]{{0,100}})
      (?:<\|constrain\|>\w{{0,20}})?<\|message\|>
    | (?:\A\s*|<\|start\|>assistant\ )to=(?P<recipient>self|user)<\|message\|>
    | (?P<end><\|(?:end|return|call|eom)\|>)
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Most replies hold none of these, which is found out at little cost.
_MARKS = "<[◁"
_HINT = re.compile(r"[<◁][/|A-Za-z]|\[/?think", re.IGNORECASE)
# Granite's and gpt-oss's bare words end reasoning only where the reply began with their opening.
_BARE_CLOSE = re.compile(r"here|assistant", re.IGNORECASE)
_BARE_OPEN = re.compile(r"\s*(?:here|analysis)", re.IGNORECASE)
_CUT_CLOSE = re.compile(r"</th(?:i(?:n(?:k(?:i(?:ng?)?)?)?)?)?\Z", re.IGNORECASE)
# An answer in its own tag, at the very end of unclosed reasoning, is visible.
_FINAL_TAG = re.compile(
    r"<(answer|final_answer|conclusion|response|output)>[^<]{1,2000}</\1>\s*(?:<[^<>\s]{1,40}>\s*)?\Z",
    re.IGNORECASE,
)
_TAIL = 2200


@dataclass(frozen=True, slots=True)
class Visible:
    """What remains of a reply once its reasoning is removed.

    ``unclosed`` says that a reasoning block was opened and never closed, so the reply was
    cut off before its answer; ``text`` is then what preceded that block. ``hidden`` is the
    reasoning.
    """

    text: str
    unclosed: bool = False
    hidden: str = field(default="", compare=False)


def split_reasoning(reply: str) -> Visible:
    """Remove blocks of reasoning.

    Blocks do not nest: an opening tag inside a block is the model talking about tags. A closing
    tag without an opening one means that the prompt template opened the block, so everything
    before it was reasoning. Of gpt-oss's channels ``analysis`` is reasoning; ``commentary`` keeps
    its header, which names the tool that it calls, as does any other that calls one, and ``final``
    loses its own.

    Args:
        reply: The reply as the model wrote it, with any special tokens still in it.
    """
    marked = any(mark in reply for mark in _MARKS) and _HINT.search(reply)
    if not marked and not _BARE_OPEN.match(reply):
        return Visible(reply)
    scan = _Scan(reply)
    for boundary in _BOUNDARY.finditer(reply):
        if boundary["open"]:
            scan.open(boundary)
        elif boundary["close"]:
            scan.close(boundary)
        elif boundary["channel"] or boundary["recipient"]:
            scan.channel(boundary)
        elif scan.inside == "channel":
            scan.leave(boundary.end(), boundary.start())
    return scan.result()


@dataclass(slots=True)
class _Scan:
    """The position of a scan through a reply's block boundaries."""

    reply: str
    kept: list[str] = field(default_factory=list)
    hidden: list[tuple[int, int]] = field(default_factory=list)
    inside: Literal["", "tag", "bare", "channel"] = ""
    position: int = 0
    opened: int = 0
    channels: bool = False

    def open(self, boundary: re.Match[str]) -> None:
        if not self.inside:
            self.keep_until(boundary.start())
            self.inside = "bare" if _BARE_OPEN.match(boundary.group()) else "tag"
            self.opened = boundary.end()

    def close(self, boundary: re.Match[str]) -> None:
        if _BARE_CLOSE.match(boundary.group()) and self.inside != "bare":
            return
        if not self.inside:
            self.kept.clear()
            self.hidden = [(0, boundary.start())]
        self.leave(boundary.end(), boundary.start())

    def channel(self, boundary: re.Match[str]) -> None:
        if self.inside == "tag":
            return
        name = (boundary["channel"] or "").lower()
        if boundary["recipient"]:
            name = "analysis" if boundary["recipient"].lower() == "self" else "final"
        elif name and (boundary["role"] or "to=" in boundary["to"]):
            name = "commentary"
        # A final channel that nothing precedes belongs to an analysis that the template opened.
        if not self.inside and (self.channels or name != "final"):
            self.keep_until(boundary.start())
        self.channels = True
        self.leave(boundary.start("header") if name == "commentary" else boundary.end())
        if name == "analysis":
            self.inside, self.opened = "channel", self.position

    def keep_until(self, end: int) -> None:
        self.kept.append(self.reply[self.position : end])

    def leave(self, position: int, end: int | None = None) -> None:
        """Go on at a position; ``end`` is where a block that was open ends, if it is closed."""
        if self.inside and end is not None:
            self.hidden.append((self.opened, end))
        self.inside, self.position = "", position

    def result(self) -> Visible:
        reply = self.reply
        if self.inside:
            if final := _FINAL_TAG.search(reply, max(self.position, len(reply) - _TAIL)):
                return Visible(final.group())
            self.leave(len(reply), len(reply))
            return Visible("".join(self.kept), unclosed=True, hidden=self.reasoning())
        if _CUT_CLOSE.search(reply, max(self.position, len(reply) - 12)):
            return Visible("", unclosed=True)
        self.keep_until(len(reply))
        return Visible("".join(self.kept), hidden=self.reasoning())

    def reasoning(self) -> str:
        return "\n".join(self.reply[start:end] for start, end in self.hidden)


_END_NAMES = (
    "im_end|eot_id|eom_id|eot|eom|eos|eod|eoa|end|return|call|stop|endoftext|end_of_text|endofturn"
    "|end_of_turn|end_of_turn_token|end_response|end_of_sentence|end▁of▁sentence|endofanswer"
    "|assistant_end|role_end|hy_eos|hy_eot"
)
_END_TOKEN = rf"""
    </s> | <[|｜](?:{_END_NAMES})[|｜]> | <turn\|> | \[(?:eos\]|e~\[) | \[/?INST\]
    | <(?:eos|eod|eot|pad|end_of_turn|end_of_utterance|seed:eos)>
"""
_END = re.compile(
    rf"""
    {_END_TOKEN} | <\|(?:user|observation)\|> | <\|im_start\|>(?!assistant)
    | <\|start_header_id\|>(?!assistant) | <start_of_turn>(?!model)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_START = re.compile(
    rf"""
    (?: \s+ | {_END_TOKEN} | <s> | <bos> | <\|im_start\|>(?:assistant\b)?
      | <[|｜](?:assistant|begin_of_text|begin▁of▁sentence|start_response|startofanswer
        |start_of_turn_token|chatbot_token)[|｜]> | <\|start\|>(?:assistant\b)?
      | <\|start_header_id\|>assistant<\|end_header_id\|> | <start_of_turn>(?:model\b)?
    )+
    """,
    re.VERBOSE | re.IGNORECASE,
)


def strip_end_tokens(text: str) -> str:
    """Keep the first turn of a reply: drop the header before it and all from its end token on.

    ``<s>…</s>`` around a part of the text is strike-through and stays.

    Args:
        text: A reply, after ``split_reasoning`` if that is needed: an end token within
            reasoning would end the reply.
    """
    if "<" not in text and "[" not in text:
        return text
    header = _START.match(text)
    begin = header.end() if header else 0
    opened, length = text.find("<s>"), len(text.rstrip())
    for end in _END.finditer(text, begin):
        if 0 <= opened < end.start() and end.group() == "</s>" and end.end() < length:
            begin = min(begin, opened)
            continue
        return text[begin : end.start()]
    return text[begin:]
