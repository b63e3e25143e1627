"""The words with which a reply says that no tool is needed."""

from __future__ import annotations

import re

# What replaces a tool's name when there is none, or when the step is to answer. The
# patterns are matched against words alone: "N/A" is "n a", and "-" is nothing.
_NEED = "(?:needed|required|necessary|applicable|available|used|(?:to )?(?:use|take|call))"
_WHAT = "(?:tools?|actions?|functions?|calls?|inputs?|need|further|more|additional|specific|such)"
_NO_TOOL = re.compile(
    rf"""
    | (?:none|null|nil|nothing|na|n\ a)(?:\ .*)?
    | no | false | 无 | 没有 | (?:无需|不需要).*
    | no\ {_WHAT}(?:\ .*)?
    | not\ {_NEED}(?:\ .*)?
    | (?:do\ not|don\ t|dont)\ (?:need|use|call).*
    """,
    re.X,
)
_TO_ANSWER = re.compile(
    r"""
      (?:(?:give|provide|an?|the|my)\ )*(?:final|direct)\ ?(?:answer|response|reply)
    | (?:answer|respond|reply|talk|speak|chat)(?:ing)?
      (?:\ (?:to|with|the|user|human|question|directly|them|in|text|plain))*
    | (?:directly|just|simply)\ (?:answer|respond|reply).*
    | finish(?:ed)? | done | ai | end | stop | wait
    """,
    re.X,
)
_NOT_WORDS = re.compile(r"[\W_]+")
_ANSWERED = re.compile(r"\bdo i need to use (?:an? |any )?tools?\W*(?P<word>yes|no)\b", re.I)
_BARE = re.compile(r"\W*(?P<word>yes|no)\b(?=[\s*`\"'_]*(?:[.,;:!\n，。：；！—–-]|$))", re.I)
_TOOLS = r"(?:external|image)?\ ?(?:tool|function)s?\b"
_NO_NEED = re.compile(
    rf"""
    \b(?:i|we)\ (?:do\ not|don['’]?t|won['’]?t)\ need\ (?:to\ use\ |to\ call\ |the\ help\ of\ )?
      (?:an?y?|the|these|those|one\ of\ the|any\ of\ the)?\ ?{_TOOLS}
    | \bno\ (?:external\ |further\ )?(?:tools?|tool\ (?:use|call)s?|functions?|function\ calls?)
      \ (?:(?:is|are|was|were)\ )?(?:needed|required|necessary)\b
    | \b(?:there\ is\ )?no\ need\ (?:to\ use|for|of|to\ call)\ (?:an?y?|the)?\ ?{_TOOLS}
    | \bwithout\ (?:using|needing)\ (?:an?y?|the)?\ ?tools?\b
    | \b(?:not|n['’]t)\ (?:require|need)\ (?:the\ use\ of\ )?(?:an?y?|the)?\ ?tools?\b
    """,
    re.I | re.X,
)
_LONGEST = 120
# A reply that declines in its own words does so at the start.
_OPENING = 2000


def declines(name: str) -> bool:
    """Whether the words in a tool's place say that none is called (``None``, ``Final Answer``).

    A tool of the prompt may have such a name, so check listed names first.
    """
    if len(name) > _LONGEST:
        return False
    words = _NOT_WORDS.sub(" ", name).strip().casefold()
    return bool(_NO_TOOL.fullmatch(words) or _TO_ANSWER.fullmatch(words))


def decision(text: str) -> bool | None:
    """Whether a text says that a tool is needed: by an answer to the question or its first word."""
    if not text:
        return None
    found = _ANSWERED.search(text) or _BARE.match(text)
    return None if found is None else found["word"].lower() == "yes"


def says_no(text: str) -> bool:
    """Whether a text says that no tool is needed, in these or other words."""
    answer = decision(text)
    return _NO_NEED.search(text, 0, _OPENING) is not None if answer is None else not answer
