"""Normalise a reply to plain characters, and keep only the model's own words."""

from __future__ import annotations

import re
import unicodedata

# Of longer replies the beginning and the end are read; the middle is repetition.
_LONGEST, _HEAD, _TAIL = 16_000, 5_000, 10_000

_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff\ue000-\uf8ff]")
# Searching for these first is faster than a pattern that finds nothing.
_CONTROLS = [chr(code) for code in (*range(9), *range(14, 32))]
_LONG_BLANKS = ("   ", *"\t\r\v\f\x1c\x1d\x1e\x1f")
_BLANKS, _BLANK_LINES = re.compile(r"[^\S\n]{3,}"), re.compile(r"\n(?:[^\S\n]*\n){2,}")
_DEBRIS = re.compile(r"[▁ĠĊ]|<0x[0-9A-F]{2}>|<\|[^<>|\n]{1,40}\|>|\[/?INST\]")
_STRUCK = re.compile(
    r"~~[^~\n]{1,300}~~|<(s|del|strike)>[^<]{1,300}</\1>|\\s?(?:out|cancel)\{[^{}\n]{1,300}\}"
)
_HTML = re.compile(r"</?(?:b|i|u|em|strong|p|code|span|div)>|<br ?/?>")
_LATEX_FONT = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathbb|mathsf|bf|rm)\s*\{([^{}]*)\}"
)
_LATEX_REST = re.compile(r"\\(?:begin|end)\{\w+\*?\}(?:\{\w*\})?|\\[ ,;!](?=\s|\w)")
_BULLET = re.compile(r"(?m)^[ \t]*[*+•][ \t]+")
_MARKDOWN = re.compile(r"[*`#~]+|_{2,}|(?<!\w)_|_(?!\w)")
_MARKS = "*+•`#~_"
_ROLE = re.compile(r"^\s*(?:assistant|model|ai)\s*:", re.IGNORECASE)
# Cyrillic and Greek capitals that look like Latin ones stand for them where they stand alone and
# end their clause: in Russian "А", "В" and "С" are also the words "and", "in" and "with".
_LOOKALIKE = re.compile(r"(?<!\w)[АВСЕΑΒΕ](?=\s*(?:$|[\n.,;:!?)\]}\"'<]))")
_LATIN = str.maketrans("АВСЕΑΒΕ’", "ABCEABE'")
_BOX = ("<|begin_of_box|>", "<answer>"), ("<|end_of_box|>", "</answer>")

_FENCE = re.compile(r"```\w*\n?(.*?)(?:```|\Z)", re.DOTALL)
_MATH = re.compile(
    r"\$\$?([^$]{1,2000})\$\$?|\\[(\[](.{1,2000}?)\\[)\]]|\[asy\](.*?)\[/asy\]", re.DOTALL
)
_ONLY_LETTER = re.compile(r"[\W_]*[A-Za-z][\W_]*")
_VARIABLE = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])")

_SPEAKS = r"(?:user|human|question|q|hint|problem|instruction|问题|choices|options)"
_RUN_ON = re.compile(rf"\n[ \t]*(?:[#*]+[ \t]*)?{_SPEAKS}[ \t]*\d*[ \t]*(?:\*\*)?[:：]", re.I)
_DIALOGUE = re.compile(r"\A\s*(?:#+\s*)?(?:user|human)\s*:", re.I)
_REPLY = re.compile(r"(?:^|\n|\s)(?:#+\s*)?(?:assistant|ai|model)\s*:", re.I)


def shortened(text: str) -> str:
    """Keep the beginning and the end of a very long text."""
    return text if len(text) <= _LONGEST else f"{text[:_HEAD]}\n{text[-_TAIL:]}"


def tidy(text: str) -> str:
    """Normalise a reply and drop formatting that carries no meaning.

    Full-width and circled letters become ASCII (Unicode form NFKC). Struck-out text, paired HTML
    tags, LaTeX fonts and tokenizer remnants are removed. Markdown stays: see ``plain``.
    """
    text = shortened(text)
    if not text.isascii():
        text = _DEBRIS.sub(" ", text)
        text = unicodedata.normalize("NFKC", text)
        text = _LOOKALIKE.sub(lambda match: match.group().translate(_LATIN), text)
        text = text.replace("’", "'")
    # Shortened so that no pattern has to split a long run of blanks in many ways.
    if not text.isascii() or any(mark in text for mark in _CONTROLS):
        text = _INVISIBLE.sub("", text)
    if not text.isascii() or any(blank in text for blank in _LONG_BLANKS):
        text = _BLANKS.sub("  ", text)
    text = _BLANK_LINES.sub("\n\n", text)
    if "<" in text or "~" in text or "[" in text:
        for token, tag in _BOX:
            text = text.replace(token, tag)
        text = _HTML.sub("", _DEBRIS.sub(" ", _STRUCK.sub(" ", text)))
    if "\\" in text:
        text = _LATEX_REST.sub(" ", text)
        text = _LATEX_FONT.sub(r"\1", _LATEX_FONT.sub(r"\1", text))
    return text


def plain(text: str) -> str:
    """Drop Markdown, and the single letters of formulas and code, which are not option letters."""
    if "```" in text:
        text = _FENCE.sub(_without_variables, text)
    if "$" in text or "\\" in text or "[asy]" in text:
        text = _MATH.sub(_without_variables, text)
    if any(mark in text for mark in _MARKS):
        text = _MARKDOWN.sub("", _BULLET.sub("- ", text).replace(" * ", " × "))
    return _ROLE.sub("", text).strip()


def _without_variables(match: re.Match[str]) -> str:
    inner = next((group for group in match.groups() if group is not None), "")
    if match.group().startswith("```") and "=" not in inner:
        return f"\n{inner}\n"
    if _ONLY_LETTER.fullmatch(inner) or "answer" in inner.lower():
        return f" {inner} "
    return f" {_VARIABLE.sub('_', inner)} "


def own_words(text: str) -> str:
    """Cut a reply where the model continues with its own question or quotes a dialogue."""
    if _DIALOGUE.match(text) and (reply := _REPLY.search(text)):
        text = text[reply.end() :]
    if (run_on := _RUN_ON.search(text)) and text[: run_on.start()].strip():
        return text[: run_on.start()]
    return text
