"""The words in which a reply says that no tool is needed."""

from __future__ import annotations

import re

_NEED = r"(?:needed|required|necessary|applicable|used|available|to (?:be )?(?:use|take|call)d?)"
_WHAT = (
    r"(?:tools?|actions?|functions?|calls?|inputs?|(?:tool|function) (?:calls?|use)|use of tools?)"
)
# What stands in the place of a tool's name, or of its input, when there is none.
_NOTHING = re.compile(
    rf"""
    [\W_]*
    (?: (?:none|null|nil|n\s*/?\s*a|nothing|no|false|-+|–|—|无|没有|无需.*|不需要.*)
      | (?:none|nothing|no)\b\W+(?:{_WHAT}\W+)?(?:(?:is|are)\W+)?(?:{_NEED}|further.*|else)?
      | (?:none|nothing|null|n/a)\s*[-–—:;,(.].*
      | no\W+(?:further\W+|more\W+|additional\W+|specific\W+|such\W+)?{_WHAT}(?:\W.*)?
      | not\W+{_NEED}(?:\W.*)?
      | (?:do\W+not|don'?t)\W+(?:need|use|call).*
    )
    [\W_]*
    """,
    re.I | re.X | re.S,
)
# A step that means to answer.
_ANSWERING = re.compile(
    r"""
    [\W_]*
    (?: (?:give\W+|provide\W+|the\W+)*(?:final|direct)[\W_]*(?:answer|response|reply)
      | (?:answer|respond|reply|talk|speak|chat)
        (?:ing)?(?:\W+(?:to|with|the|user|human|question|directly|them|in|text|plain))*
      | (?:directly|just|simply)\W+(?:answer|respond|reply).*
      | finish(?:ed)? | done | ai | end | stop | wait
    )
    [\W_]*
    """,
    re.I | re.X,
)
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


def declines(name: str) -> bool:
    """Whether the words in a tool's place say that none is called (``None``, ``Final Answer``).

    A tool of the prompt may have such a name; ask about names that are not listed.
    """
    name = name.strip()
    if len(name) > _LONGEST:
        return False
    return not name or bool(_NOTHING.fullmatch(name) or _ANSWERING.fullmatch(name))


def decision(text: str) -> bool | None:
    """Whether a text says that a tool is needed: by an answer to the question, or a first word."""
    found = _ANSWERED.search(text) or _BARE.match(text)
    return None if found is None else found["word"].lower() == "yes"


def says_no(text: str) -> bool:
    """Whether a text says that no tool is needed, in these or other words."""
    answer = decision(text)
    return _NO_NEED.search(text) is not None if answer is None else not answer
