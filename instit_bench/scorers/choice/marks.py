"""Telling option letters from other letters, so that phrases can be read around them.

``mark`` rewrites a reply in lower case with every option letter as one private-use character.
"Option **B**", "(b)" and "B" then look alike, a pattern can say "a letter" without saying how it
was dressed, and the A of "A man" is plain text. Letters joined by "or" and the like ("A or B")
become adjacent characters, a group. Three kinds are told apart:

- ``STRONG``: a letter in brackets, or a capital that begins the reply or ends a clause; may count
  by itself.
- ``WEAK``: any other letter standing alone ("a big B on it", "b"); counts only where a phrase
  announces an answer.
- ``ASIDE``: a letter that was turned down ("not A") or that heads an option being listed.
"""

from __future__ import annotations

import re
import unicodedata

_A, _WEAK_A, _ASIDE_A = 0xE000, 0xE020, 0xE040
STRONG = "\ue000-\ue019"
WEAK = "\ue020-\ue039"
ASIDE = "\ue040-\ue059"

_PRIVATE = re.compile(r"[\ue000-\uf8ff]")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]")
_SPECIAL_TOKEN = re.compile(r"<\|[^<>|\n]{1,40}\|>|</?s>|<(?:start|end)_of_turn>")
_HTML = re.compile(r"<(b|i|u|em|strong|p|code)>([^<>]*)</\1>")
_LATEX_FONT = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathbb|mathsf|bf|rm)\s*\{([^{}]*)\}"
)
_LATEX_MATH = re.compile(r"\$+|\\[()\[\]]")
_MARKDOWN = re.compile(r"[*`~#]+|__+")
_SPACE = re.compile(r"\s+")
_ROLE = re.compile(r"^\s*(?:assistant|model|ai)\s*:", re.IGNORECASE)
# Cyrillic capitals that look like A, B and C are also the words "and", "in" and "with": they are
# letters only where nothing follows in the sentence.
_CYRILLIC = re.compile(r"(?<!\w)[АВС](?=\s*(?:$|[\n.,;:!?)\]}\"'<]))")
_LATIN = str.maketrans("АВС", "ABC")


def tidy(text: str) -> str:
    """Bring a reply to plain characters and drop formatting that carries no meaning.

    Full-width and circled letters become ASCII (Unicode form NFKC); markdown emphasis, LaTeX
    fonts, paired HTML tags and special tokens of chat templates go.
    """
    text = unicodedata.normalize("NFKC", text)
    text = _PRIVATE.sub(" ", _INVISIBLE.sub("", text)).replace("’", "'")
    text = text.replace("<|begin_of_box|>", "<answer>").replace("<|end_of_box|>", "</answer>")
    text = _HTML.sub(r"\2", _SPECIAL_TOKEN.sub("", text))
    text = _LATEX_FONT.sub(r"\1", _LATEX_FONT.sub(r"\1", text))
    text = _MARKDOWN.sub("", _LATEX_MATH.sub(" ", text))
    text = _CYRILLIC.sub(lambda match: match.group().translate(_LATIN), text)
    # One space or newline each: patterns that allow spaces in several places would otherwise try
    # every way to share out a long run of them.
    text = _SPACE.sub(lambda match: "\n" if "\n" in match.group() else " ", text)
    return _ROLE.sub("", text).strip()


# Words after which a capital is a name, not an option: "vitamin C", "the sign reads B".
_NAMED = (
    "vitamin|plan|team|group|person|player|gate|grade|section|block|exit|class|type|terminal|zone"
    "|row|channel|hepatitis|size|platform|building|vehicle|bus|line|area|lane|door|floor|side"
    r"|reads?|says|saying|shows?|(?:shows?|with)\sthe\sletter|(?:big|large|huge|capital)"
)
# What may follow "A" and "I" when they are options and not words.
_AFTER_A = (
    r"(?!\s\d)(?![ \t]+[A-ZÀ-Þ](?!he\b|t\b|[^\W\d_]*\s*['’]?s\b)[a-zß-ÿ])"
    r"(?![ \t]+(?!(?:is|isn't|was|as|because|since|and|or|nor|but|to|through|seems?|looks?|appears?"
    r"|would|could|should|can|cannot|can't|does|doesn't|has|best|most|correctly|accurately|both"
    r"|matches|describes|fits|makes|says|shows|states|mentions|ist|oder|und|weil|est|et|ou|es|o|y"
    r"|porque|è|perché|или|и)\b)[a-zß-ÿ])"
)
_CLAUSE_END = r"\s*(?:$|[\n.,;:!)\]}\"'。、，]|[—–-]\s)|\s(?:because|since|as)\b"
_WORD = r"A-Za-z0-9À-ɏЀ-ӿ_°+"
_TOKEN = re.compile(
    rf"""
      (?i:\b(?:{_NAMED}))\s["'(]?[A-Z]\b                       # a name: left as it is
    | (?i:\bthe)\s[A-Z]\s(?!(?i:option|choice|answer|one)\b)[a-z]
    | (?<![{_WORD}]) [(\[{{"'“‘«「『【《<〈]\s* (?P<bracketed>[A-Za-z])
        \s*[)\]}}"'”’»」』】》>〉]
    | (?<![{_WORD}])(?<![A-Za-z0-9]')(?<![a-z0-9]-)(?<![A-Z]\.)
        (?:(?P<a>A)|(?P<i>I)|(?P<capital>[B-HJ-Z])|(?P<small>[a-z]))
        (?![{_WORD}])(?!\.[A-Za-z]\b)(?!-(?![A-Z]\b)\w)(?!'(?!d[iı]r)\w)
        (?(a){_AFTER_A})(?(i)(?=\s*(?:$|[\n.)\]])))
        (?(small)(?={_CLAUSE_END}))
        (?P<final>(?={_CLAUSE_END}))?
    """,
    re.VERBOSE,
)

_OR = "or|nor|oder|ou|o|u|или|或者|或|또는|か|または|أو"
_AND = "and|und|et|y|e|и|和|与|及|와|과|と|و"
_THROUGH = "to|through|bis"
_LETTER = f"[{STRONG}{WEAK}]"
_NEXT = rf"(?:(?:option|choice|opción|선택지|选项)\s*)?{_LETTER}"
_GROUP = re.compile(
    rf"""
    {_LETTER}
    (?: \s*,\s*{_NEXT} ){{0,8}}
    (?: \s*,?\s* (?:[/|–—&、-]|\b(?:{_OR}|{_THROUGH})\b|或者?|か) \s* {_NEXT}
      | \s*,?\s* (?:\b(?:{_AND})\b|[和与及와과と]) \s* {_NEXT}
        (?!\s*(?:is|isn't|was|wasn't|does|doesn't|shows|says|has)\b)
      | \s*,\s* {_NEXT} (?=[\s\])}}"'.!?;]*(?:$|\n|[.!?;])) ){{1,8}}
    """,
    re.VERBOSE,
)
_NOT_LETTER = re.compile(rf"[^{STRONG}{WEAK}]+")


def mark(text: str) -> str:
    """Rewrite tidied text in lower case with option letters as private-use characters."""
    marked = _TOKEN.sub(_replacement, text).lower()
    return _GROUP.sub(lambda match: _NOT_LETTER.sub("", match.group()), marked)


def _replacement(match: re.Match[str]) -> str:
    if match["small"]:
        return chr(_WEAK_A + ord(match["small"]) - ord("a"))
    letter = match["bracketed"] or match["a"] or match["i"] or match["capital"]
    if not letter:
        return match.group()
    strong = match["bracketed"] or match["final"] is not None or match.start() == 0
    return chr((_A if strong else _WEAK_A) + ord(letter.upper()) - ord("A"))


def put_aside(text: str) -> str:
    """Turn the letters of a stretch of marked text into ``ASIDE`` ones."""
    return "".join(
        chr(_ASIDE_A + (ord(char) - _A) % 0x20) if _A <= ord(char) < _ASIDE_A else char
        for char in text
    )


def letters_of(text: str) -> str:
    """Spell the marked letters of a text as capitals, in order and each once."""
    codes = (ord(char) - _A for char in text if _A <= ord(char) < _ASIDE_A + 26)
    return "".join(dict.fromkeys(chr(ord("A") + code % 0x20) for code in codes))
