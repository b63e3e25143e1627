"""Pair predicted calls with target calls and compare their arguments.

The benchmark's own scoring goes by position, so one extra call at the start spoils all that
follow. Here the pairing is the best one that keeps the order of both sides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from instit_bench.scorers.tool_call.calls import ToolCall
from instit_bench.scorers.tool_call.prompt import Prompt, file_names

# The unseen split writes this name into its target calls whatever the image is really called.
PLACEHOLDER = "example.png"
ACCEPTABLE_ROUGE = 0.5

_EDGES = " \t\r\n\"'`“”‘’.,;:!?()[]{}<>"
_WORD = re.compile(r"\w+")
_COMMA = re.compile(r" ?, ?")
# A pair of calls of the same tool scores this plus its match; of two tools, 1; an unpaired call, 0.
_SAME_TOOL = 4


class Match(IntEnum):
    """How well an argument, or the worst of several, matches the target."""

    WRONG = 0
    ACCEPTABLE = 1
    EXACT = 2


@dataclass(frozen=True, slots=True)
class Pair:
    """A target call and the predicted call paired with it; one side may be missing.

    ``arguments`` is ``WRONG`` unless both sides exist and name the same tool.
    """

    gold: ToolCall | None
    predicted: ToolCall | None
    arguments: Match = Match.WRONG

    @property
    def same_tool(self) -> bool:
        """Whether both sides exist and name the same tool."""
        return bool(self.gold and self.predicted and self.gold.name == self.predicted.name)


@dataclass(frozen=True, slots=True)
class Scene:
    """The files that can be named when a call is made.

    ``context`` comes from the prompt, oldest first. ``results`` are the files that the same text,
    target or prediction, names in the results under its calls, each with the number of calls above
    the first result that names it; ``before`` is the number of calls above this one, and
    ``last_result`` the last file that those results name.
    """

    context: tuple[str, ...]
    results: Mapping[str, int]
    before: int
    last_result: str | None

    def observed(self, name: str) -> bool:
        """Whether a result above the call names the file."""
        return self.results.get(name, self.before) < self.before

    def knows(self, name: str) -> bool:
        """Whether anything above the call names the file."""
        return name in self.context or self.observed(name)


def scenes(calls: Sequence[ToolCall], context: tuple[str, ...]) -> list[Scene]:
    """The scene of each call in a sequence."""
    results: dict[str, int] = {}
    last: str | None = None
    found = []
    for place, call in enumerate(calls):
        found.append(Scene(context, results, place, last))
        for name in file_names(call.observation) if call.observation else ():
            results.setdefault(name, place)
            last = last if name == PLACEHOLDER else name
    return found


def align(
    gold: Sequence[ToolCall], predicted: Sequence[ToolCall], prompt: Prompt
) -> tuple[Pair, ...]:
    """Pair two sequences of calls for the highest total score, keeping both orders.

    This is the dual of edit distance (Wagner and Fischer, 1974): a pair of the same tool scores 4
    plus 0 to 2 for its arguments, a pair of different tools 1, and an unpaired call nothing.
    """
    context = prompt.files
    gold_scenes, predicted_scenes = scenes(gold, context), scenes(predicted, context)
    grid = [
        [
            Pair(want, give, compare_arguments(want, give, prompt, gold_scenes[i], scene))
            for give, scene in zip(predicted, predicted_scenes, strict=True)
        ]
        for i, want in enumerate(gold)
    ]
    rows, columns = len(gold), len(predicted)
    # best[i][j]: the highest total for the calls from target i and predicted j on.
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            paired = _worth(grid[i][j]) + best[i + 1][j + 1]
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    pairs: list[Pair] = []
    i = j = 0
    while i < rows and j < columns:
        if best[i][j] == _worth(grid[i][j]) + best[i + 1][j + 1]:
            pairs.append(grid[i][j])
            i, j = i + 1, j + 1
        elif best[i][j] == best[i][j + 1]:
            pairs.append(Pair(None, predicted[j]))
            j += 1
        else:
            pairs.append(Pair(gold[i], None))
            i += 1
    pairs += [Pair(call, None) for call in gold[i:]]
    pairs += [Pair(None, call) for call in predicted[j:]]
    return tuple(pairs)


def _worth(pair: Pair) -> int:
    return _SAME_TOOL + pair.arguments if pair.same_tool else 1


def compare_arguments(
    gold: ToolCall, predicted: ToolCall, prompt: Prompt, gold_scene: Scene, scene: Scene
) -> Match:
    """Compare all arguments of two calls: the worst match, ``WRONG`` if tools or counts differ.

    An argument is a file if the tool's description says so or the target's is a file name.
    """
    if gold.name != predicted.name or len(gold.arguments) != len(predicted.arguments):
        return Match.WRONG
    tool = prompt.find_tool(gold.name)
    matches = [Match.EXACT]
    for place, (want, give) in enumerate(zip(gold.arguments, predicted.arguments, strict=True)):
        declared = tool is not None and tool.takes_file[place]
        if declared or file_names(want) == (clean_file(want),):
            matches.append(compare_files(want, give, gold_scene, scene))
        else:
            matches.append(compare_texts(want, give))
    return min(matches)


def compare_files(gold: str, predicted: str, gold_scene: Scene, scene: Scene) -> Match:
    """Compare two file names; letter case and folders count.

    The same name is exact. Otherwise the target may stand for another name:

    * the target is the placeholder ``example.png``: any file that can be named then is acceptable,
      and the current one (the last named in the conversation or in a result) is exact;
    * the target is a result of its own earlier calls: a result of the prediction's earlier calls is
      acceptable, the last of them exact.
    """
    gold, predicted = clean_file(gold), clean_file(predicted)
    if gold == predicted:
        return Match.EXACT
    if gold == PLACEHOLDER and predicted != PLACEHOLDER and scene.knows(predicted):
        named = [name for name in scene.context if name != PLACEHOLDER]
        current = scene.last_result or (named[-1] if named else None)
        return Match.EXACT if predicted == current else Match.ACCEPTABLE
    if gold_scene.observed(gold) and gold not in gold_scene.context and scene.observed(predicted):
        return Match.EXACT if predicted == scene.last_result else Match.ACCEPTABLE
    return Match.WRONG


def clean_file(name: str) -> str:
    """Return a file name without surrounding quotes, brackets, full stop or a leading ``./``."""
    return name.lstrip(_EDGES.replace(".", "")).rstrip(_EDGES).removeprefix("./")


def compare_texts(gold: str, predicted: str) -> Match:
    """Compare two texts, ignoring case, spacing and surrounding marks.

    Equal texts are exact; a ROUGE-L F1 of at least 0.5 is acceptable (see ``rouge_l``). A space
    after a comma does not count: the data's generator drops it.
    """
    if gold == predicted or _normalise(gold) == _normalise(predicted):
        return Match.EXACT
    n_gold, n_predicted = len(_words(gold)), len(_words(predicted))
    # No common subsequence is longer than the shorter text, so long texts can skip the table.
    if 2 * min(n_gold, n_predicted) < ACCEPTABLE_ROUGE * (n_gold + n_predicted):
        return Match.WRONG
    return Match.ACCEPTABLE if rouge_l(gold, predicted) >= ACCEPTABLE_ROUGE else Match.WRONG


def rouge_l(gold: str, predicted: str) -> float:
    """ROUGE-L F1 (Lin, 2004): 2L / (g + p).

    L is the length of the longest common subsequence of the two texts' words, g and p their
    numbers of words. Word order counts, unlike in BLEU-1.
    """
    want, give = _words(gold), _words(predicted)
    if not want or not give:
        return 0.0
    longest = [0] * (len(give) + 1)
    for word in want:
        row = [0]
        for place, other in enumerate(give):
            row.append(longest[place] + 1 if word == other else max(longest[place + 1], row[place]))
        longest = row
    return 2 * longest[-1] / (len(want) + len(give))


def _words(text: str) -> list[str]:
    return _WORD.findall(_normalise(text))


def _normalise(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _COMMA.sub(",", " ".join(folded.split())).strip(_EDGES)
