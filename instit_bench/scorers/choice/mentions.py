"""Find option letters in a text: alone, joined to others, or at the head of a list entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from instit_bench.scorers.choice.letters import Mention, single_letters
from instit_bench.scorers.choice.tokens import Role, Tokens

# If there are more letters than any answer needs, only the first and the last are read.
_MOST = 200


def find_mentions(tokens: Tokens) -> list[Mention]:
    """Find the option letters of a text, joined into groups where the text joins them."""
    single = single_letters(tokens)
    if len(single) > _MOST:
        single = single[: _MOST // 4] + single[-_MOST:]
    return _mark_lists(tokens, _group(tokens, single))


def _group(tokens: Tokens, single: list[Mention]) -> list[Mention]:
    groups: list[Mention] = []
    chain: list[Mention] = []
    joined = False
    for mention in single:
        link = _link(tokens, chain[-1], mention) if chain else ""
        if not link or (joined and link == "comma"):
            groups += _close(tokens, chain, joined)
            chain, joined = [mention], False
        else:
            chain.append(mention)
            joined = joined or link == "conjunction"
    return groups + _close(tokens, chain, joined)


def _close(tokens: Tokens, chain: list[Mention], joined: bool) -> list[Mention]:
    if len(chain) < 2 or not (joined or _ends_group(tokens, chain[-1].last + 1)):
        return chain
    letters = "".join(dict.fromkeys("".join(mention.letters for mention in chain)))
    strong = any(mention.strong for mention in chain)
    return [replace(chain[0], letters=letters, last=chain[-1].last, strong=strong)]


def _ends_group(tokens: Tokens, index: int) -> bool:
    while tokens.role(index) & Role.QUOTE and tokens.word(index) != "<":
        index += 1
    return bool(tokens.role(index) & Role.END) or tokens.word(index) == "<"


def _link(tokens: Tokens, left: Mention, right: Mention) -> str:
    """Return how two letters are joined: "conjunction", "comma" or not at all."""
    if right.first - left.last > 5:
        return ""
    found = ""
    for index in range(left.last + 1, right.first):
        role, word = tokens.role(index), tokens.word(index)
        if word in ("to", "through", "-", "–") and _is_range(tokens, left, index):
            found = "conjunction"
        elif role & (Role.OR_ | Role.AND_ | Role.SLASH) and word != "to":
            if role & Role.AND_ and not role & Role.OR_ and _has_own_verb(tokens, right.last + 1):
                return ""
            found = "conjunction"
        elif word == ",":
            found = found or "comma"
        elif not role & (Role.OPTION | Role.QUOTE) and word not in ("the", "maybe", "possibly"):
            return ""
    return found


def _is_range(tokens: Tokens, left: Mention, index: int) -> bool:
    if tokens.word(index) in ("-", "–"):
        return tokens.touches(index - 1) and tokens.touches(index)
    return not any(
        tokens.word(place) in ("from", "answer", "changed", "change", "switched")
        for place in range(max(0, left.first - 3), left.first)
    )


def _has_own_verb(tokens: Tokens, index: int) -> bool:
    return tokens.word(index) in ("is", "isn't", "was", "wasn't", "does", "doesn't", "shows", "has")


def _mark_lists(tokens: Tokens, mentions: list[Mention]) -> list[Mention]:
    """Mark the letters that head lines or entries, and those whose list goes through the options.

    Heads in ascending order go through the options rather than choose one, and so do those of
    lines that follow each other; a head that breaks the order ("C. …" before a list) stays.
    """
    marked = list(mentions)
    runs: list[list[int]] = []
    for place in _heads(tokens, mentions):
        marked[place] = replace(mentions[place], head=True)
        previous = mentions[runs[-1][-1]] if runs else None
        if previous and (
            previous.letters < mentions[place].letters
            or (len(runs[-1]) > 1 and _next_line(tokens, previous, mentions[place]))
        ):
            runs[-1].append(place)
        else:
            runs.append([place])
    for run in runs:
        if len(run) > 1:
            for place in run:
                marked[place] = replace(marked[place], listed=True)
    return marked


def _heads(tokens: Tokens, mentions: list[Mention]) -> Iterator[int]:
    inline = _inline_list(tokens, mentions)
    for place, mention in enumerate(mentions):
        if len(mention.letters) == 1 and (place in inline or _heads_line(tokens, mention)):
            yield place


def _heads_line(tokens: Tokens, mention: Mention) -> bool:
    index = mention.first - 1
    if tokens.role(index) & Role.OPTION:
        index -= 1
    while tokens.word(index) and tokens.word(index) in "-–—>•\"'([|✓✔✅✗❌":
        index -= 1
    if tokens.word(index) not in ("", "\n"):
        return False
    after = tokens.word(mention.last + 1)
    return mention.last > mention.first or after in (
        "",
        "\n",
        ".",
        ")",
        ":",
        "：",
        "]",
        "-",
        "–",
        "—",
    )


def _inline_list(tokens: Tokens, mentions: list[Mention]) -> set[int]:
    """Find "A. red B. blue C. green": three delimited letters from A on, in running text."""
    found: list[int] = []
    expected = "A"
    for place, mention in enumerate(mentions):
        after_copula = tokens.role(mention.first - 1) & Role.COPULA
        if mention.small or after_copula:
            continue
        if mention.letters == expected and (
            mention.bracketed
            or tokens.word(mention.last + 1) in (".", ":")
            or _closed(tokens, mention)
        ):
            found.append(place)
            expected = chr(ord(expected) + 1)
        elif mention.letters == "A":
            found, expected = [place], "B"
    return set(found) if len(found) > 2 else set()


def _closed(tokens: Tokens, mention: Mention) -> bool:
    return mention.last > mention.first and tokens.words[mention.last] == ")"


def _next_line(tokens: Tokens, left: Mention, right: Mention) -> bool:
    return sum(word == "\n" for word in tokens.words[left.last : right.first]) == 1
