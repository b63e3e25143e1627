"""What the questions alone give away: a model of words that has never seen an image.

For each option, a logistic regression on TF-IDF values of its words estimates whether it is right;
the most probable option is the answer. It also knows the option's letter, its length against the
others' and how many of its words the question contains. It is trained on other images' questions
only: images and videos are dealt to folds as a whole, and a question that other images have word
for word is not learned from for itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from instit_bench.stats.intervals import mean_metric
from instit_bench.types import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FOLDS = 5
_WORD = re.compile(r"\w+|\[\d+\]|<\d+>")


@dataclass(frozen=True, slots=True)
class Question:
    """A multiple-choice question; ``right`` is the place of the right option, from 0."""

    question: str
    choices: tuple[str, ...]
    right: int
    cluster: str


@dataclass(frozen=True, slots=True)
class TextOnly:
    """How often the right option is found from the text alone, and by chance (0..1)."""

    accuracy: Metric
    chance: float


class MissingLibraryError(Exception):
    """scikit-learn is not installed."""


def text_only(questions: Sequence[Question]) -> TextOnly | None:
    """Answer questions by their words, each after training on those of other images.

    Where there is nothing to learn from, the first option is the answer. ``None`` if there are not
    two images or videos.

    Raises:
        MissingLibraryError: scikit-learn is not installed.
    """
    clusters = [question.cluster for question in questions]
    if len(set(clusters)) < 2:
        return None
    try:
        from sklearn.model_selection import GroupKFold
    except ImportError as error:
        raise MissingLibraryError from error
    import numpy as np

    right = np.zeros(len(questions))
    folds = GroupKFold(min(_FOLDS, len(set(clusters))))
    for train, test in folds.split(right, groups=clusters):
        asked = [questions[n] for n in test]
        known = {_words_of(question) for question in asked}
        taught = [questions[n] for n in train if _words_of(questions[n]) not in known]
        if taught:
            right[test] = _Learned(taught).answers(asked) == [question.right for question in asked]
        else:
            right[test] = [question.right == 0 for question in asked]
    chance = float(np.mean([1 / len(question.choices) for question in questions]))
    return TextOnly(mean_metric(right.tolist(), clusters), chance)


def _words_of(question: Question) -> tuple[str, ...]:
    """Return what makes two questions the same, whatever the order of their options."""
    return (question.question, *sorted(question.choices))


class _Learned:
    """A regression on the options of some questions."""

    def __init__(self, questions: Sequence[Question]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        options = [option for question in questions for option in question.choices]
        self._words = TfidfVectorizer(token_pattern=_WORD.pattern, ngram_range=(1, 2))
        try:
            self._words.fit(options)
        except ValueError:  # options without any word
            self._words.fit(["empty"])
        truth = [place == q.right for q in questions for place in range(len(q.choices))]
        rows = self._rows(questions)
        self._model: Any = LogisticRegression(class_weight="balanced", solver="liblinear")
        self._model.fit(rows, truth)

    def answers(self, questions: Sequence[Question]) -> NDArray[Any]:
        """Return the place of the most probable option of each question, the first of equals."""
        import numpy as np

        values = self._model.decision_function(self._rows(questions))
        ends = np.cumsum([len(question.choices) for question in questions])
        return np.array([part.argmax() for part in np.split(values, ends[:-1])])

    def _rows(self, questions: Sequence[Question]) -> Any:
        from scipy.sparse import csr_array, hstack

        options = [option for question in questions for option in question.choices]
        return hstack([self._words.transform(options), csr_array(_cues(questions))]).tocsr()


def _cues(questions: Sequence[Question]) -> NDArray[Any]:
    """Return a row for each option: its letter, length and overlap with the question."""
    import numpy as np

    rows = []
    for question in questions:
        asked = set(_WORD.findall(question.question.lower()))
        lengths = [len(choice) for choice in question.choices]
        for place, choice in enumerate(question.choices):
            own = set(_WORD.findall(choice.lower()))
            letter = [float(place == n) for n in range(len(ascii_uppercase))]
            ratio = lengths[place] / max(1.0, sum(lengths) / len(lengths))
            extremes = [lengths[place] == max(lengths), lengths[place] == min(lengths)]
            overlap = len(own & asked) / max(1, len(own))
            rows.append([ratio, *map(float, extremes), overlap, *letter])
    return np.asarray(rows)
