"""Two runs on the same samples."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, t, ttest_rel

from instit_bench.stats.paired import PairedTest, conclusion, paired_test

ANSWERS = st.sampled_from([0.0, 1.0])
SCORES = st.integers(0, 10).map(lambda tenths: tenths / 10)
THIRDS = st.integers(0, 3).map(lambda thirds: thirds / 3)


def rows(values: st.SearchStrategy[float], clusters: int, most: int = 40):
    """Split samples, given as (value in A, value in B, cluster), into three lists."""
    return st.lists(
        st.tuples(values, values, st.integers(0, clusters - 1)), min_size=2, max_size=most
    ).filter(lambda samples: len({cluster for *_, cluster in samples}) > 1)


def by_brute_force(samples: list[tuple[float, float, int]]) -> float:
    """Return the share of sign patterns whose total is at least as far from zero."""
    sums: dict[int, float] = {}
    for a, b, cluster in samples:
        sums[cluster] = sums.get(cluster, 0.0) + b - a
    observed = abs(sum(sums.values()))
    totals = [
        abs(sum(sign * value for sign, value in zip(signs, sums.values(), strict=True)))
        for signs in itertools.product((-1, 1), repeat=len(sums))
    ]
    return float(np.mean([total >= observed - 1e-9 for total in totals]))


def compare(samples: list[tuple[float, float, int]], seed: int = 0) -> PairedTest:
    return paired_test(*zip(*samples, strict=True), seed=seed)


def changed(losses: int, wins: int = 0, n: int = 1000, of_each: int = 5) -> PairedTest:
    """``n`` questions, ``of_each`` per video, all right in A; changes are spread over videos."""
    a = [1.0] * n
    b = [1.0] * n
    for video in range(losses + wins):
        a[video * of_each], b[video * of_each] = (1.0, 0.0) if video < losses else (0.0, 1.0)
    return paired_test(a, b, [i // of_each for i in range(n)])


class TestP:
    @given(st.lists(st.tuples(ANSWERS, ANSWERS), min_size=2, max_size=300))
    def test_right_or_wrong_without_clusters_is_the_exact_mcnemar_test(self, answers):
        found = compare([(a, b, i) for i, (a, b) in enumerate(answers)])
        wins, losses = answers.count((0.0, 1.0)), answers.count((1.0, 0.0))
        assert (found.wins, found.losses) == (wins, losses)
        exact = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
        assert found.p == found.mcnemar_p == pytest.approx(exact)
        assert found.test == "mcnemar"

    @given(rows(ANSWERS, clusters=8))
    def test_right_or_wrong_in_clusters_is_exact_over_all_sign_patterns(self, samples):
        samples = [*samples, samples[0]]  # so that each cluster has two
        found = compare(samples)
        assert found.p == pytest.approx(by_brute_force(samples))
        assert found.test == "cluster-permutation"

    @given(rows(SCORES, clusters=8) | rows(THIRDS, clusters=8))
    def test_scores_in_few_clusters_have_an_exact_test(self, samples):
        samples = [*samples, (0.3, 0.4, samples[0][2])]
        found = compare(samples)
        assert found.p == pytest.approx(by_brute_force(samples))
        assert found.mcnemar_p is None

    def test_scores_in_many_clusters_use_seeded_permutations_that_agree_with_student_s_test(self):
        rng = np.random.default_rng(1)
        a = rng.uniform(0, 0.9, 120)
        b = np.clip(a + rng.normal(0.02, 0.1, 120), 0, 1)
        found = paired_test(a.tolist(), b.tolist(), range(120), seed=3)
        assert found.test == "permutation"
        assert found.p == pytest.approx(ttest_rel(a, b).pvalue, abs=0.01)
        assert paired_test(a.tolist(), b.tolist(), range(120), seed=3) == found
        assert paired_test(a.tolist(), b.tolist(), range(120), seed=4).p != found.p

    @pytest.mark.parametrize("parts", [3, 10])
    def test_the_order_of_runs_and_samples_does_not_matter(self, parts):
        """Even with sampled patterns, the same data and seed give the same p."""
        rng = np.random.default_rng(parts)
        values = rng.integers(0, parts + 1, (2, 60)) / parts
        samples = [(a, b, i // 2) for i, (a, b) in enumerate(values.T.tolist())]
        other_order = [samples[i] for i in rng.permutation(60)]
        p = compare(samples).p
        assert 0 < p < 1
        assert compare(other_order).p == p
        assert compare([(b, a, cluster) for a, b, cluster in samples]).p == p

    @pytest.mark.parametrize("of_each", [1, 2])
    def test_it_is_never_zero(self, of_each):
        """Nor is McNemar's: 2**-2399 is too small for a float, but not impossible."""
        found = paired_test([1.0] * 2400, [0.0] * 2400, [i // of_each for i in range(2400)])
        assert 0 < found.p < 1e-300
        assert 0 < found.mcnemar_p < 1e-300

    def test_questions_that_change_together_count_once(self):
        """Eight videos with five questions, all lost: McNemar's test counts 40 changes, not 8."""
        a, b = [1.0] * 100, [0.0] * 40 + [1.0] * 60
        found = paired_test(a, b, [i // 5 for i in range(100)])
        assert found.p == pytest.approx(2 / 2**8)
        assert found.mcnemar_p == pytest.approx(2 / 2**40)

    @given(rows(SCORES, clusters=5))
    def test_swapping_the_runs_swaps_everything_except_p(self, samples):
        there, back = compare(samples), compare([(b, a, cluster) for a, b, cluster in samples])
        assert there.difference == pytest.approx(-back.difference, abs=1e-9)
        assert there.ci95 == pytest.approx((-back.ci95[1], -back.ci95[0]), abs=1e-9)
        assert (there.wins, there.losses) == (back.losses, back.wins)
        assert there.p == pytest.approx(back.p)
        assert there.detectable == pytest.approx(back.detectable)


class TestInterval:
    def test_it_is_student_s_interval_of_the_differences(self):
        rng = np.random.default_rng(5)
        a, b = rng.uniform(0, 1, 80), rng.uniform(0, 1, 80)
        found = paired_test(a.tolist(), b.tolist(), range(80))
        students = ttest_rel(b, a).confidence_interval(0.95)
        assert found.ci95 == pytest.approx((students.low, students.high))
        assert found.stderr == pytest.approx(np.std(b - a, ddof=1) / math.sqrt(80))

    @given(rows(SCORES, clusters=6))
    def test_it_contains_the_difference(self, samples):
        found = compare(samples)
        a, b, _ = zip(*samples, strict=True)
        assert found.difference == pytest.approx(np.mean(b) - np.mean(a), abs=1e-9)
        low, high = found.ci95
        assert -1 <= low <= found.difference + 1e-9
        assert found.difference - 1e-9 <= high <= 1

    @pytest.mark.parametrize(
        ("losses", "low", "high"),
        [
            (0, -3.7, 3.7),  # of 1,000; exact (Poisson): none seen, up to 3.69 expected
            (2, -7.2, 0.8),  # two seen, up to 7.22 expected
            (5, -11.7, -0.63),  # five seen, up to 11.67 expected
        ],
    )
    def test_hardly_any_change_is_not_certainty(self, losses, low, high):
        found = changed(losses)
        assert found.difference == pytest.approx(-losses / 1000)
        assert found.ci95 == pytest.approx((low / 1000, high / 1000), rel=0.05)

    @pytest.mark.parametrize(("videos", "of_each"), [(6, 1), (10, 1), (10, 4)])
    def test_losing_everything_is_not_certainty(self, videos, of_each):
        n = videos * of_each
        low, high = paired_test([1.0] * n, [0.0] * n, [i // of_each for i in range(n)]).ci95
        exact = binomtest(videos, videos).proportion_ci(method="exact")
        assert low == -1
        assert high == pytest.approx(-exact.low, abs=0.07)

    def test_changes_that_cancel_up_to_rounding_leave_both_directions_open(self):
        """The sum of these differences is 2.8e-17; only three of 1,000 answers changed."""
        a, b = [0.1, 0.2, 0.3] + [1.0] * 997, [0.2, 0.4, 0.0] + [1.0] * 997
        low, high = paired_test(a, b, range(1000)).ci95
        assert low == pytest.approx(-high)

    def test_changes_that_cancel_within_every_video_are_no_difference(self):
        found = paired_test([0.1, 0.2, 0.4] * 4, [0.4, 0.1, 0.2] * 4, [i // 3 for i in range(12)])
        assert (found.difference, found.stderr, found.p) == (0.0, 0.0, 1.0)
        assert found.ci95[0] < 0 < found.ci95[1]


class TestDetectable:
    def test_it_is_2_8_standard_errors_if_many_answers_change(self):
        rng = np.random.default_rng(2)
        a, b = rng.uniform(0, 1, (2, 1000))
        found = paired_test(a.tolist(), b.tolist(), range(1000))
        students = t.ppf(0.975, 999) + t.ppf(0.8, 999)
        assert found.detectable == pytest.approx(students * found.stderr, rel=0.08)

    def test_for_equal_runs_eight_changed_answers_are_detectable(self):
        """The exact test needs six losses and no win; to see six, about eight must be expected."""
        assert changed(0).detectable == pytest.approx(0.0079, abs=2e-4)
        assert changed(5).p > 0.05 > changed(6).p

    @pytest.mark.parametrize("videos", [2, 5])
    def test_nothing_is_detectable_if_no_test_could_show_it(self, videos):
        """Even losing everything is not significant: with five videos, p is at least 1/16."""
        found = paired_test([1.0] * 3 * videos, [0.0] * 3 * videos, [*range(videos)] * 3)
        assert found.p > 0.05
        assert found.detectable is None

    @pytest.mark.parametrize("videos", [6, 8, 12])
    def test_with_few_videos_the_detectable_difference_changes_six_of_them(self, videos):
        equal = paired_test([1.0] * videos, [1.0] * videos, range(videos))
        assert binom.sf(5, videos, equal.detectable) == pytest.approx(0.8, abs=0.01)

    def test_more_questions_make_smaller_differences_detectable(self):
        assert changed(2, n=1000).detectable < changed(2, n=200).detectable
        assert changed(2).detectable < changed(20, 20).detectable


class TestVerdict:
    @pytest.mark.parametrize(
        ("losses", "wins", "adjusted_p", "lower_is_better", "said"),
        [
            (40, 0, 0.001, False, "worse"),
            (0, 40, 0.001, False, "better"),
            (40, 0, 0.001, True, "better"),
            (0, 40, 0.001, True, "worse"),
            (40, 0, 0.05, False, "worse"),
            (40, 0, 0.051, False, "no difference shown"),
            (40, 0, None, False, "no difference shown"),
            (0, 0, 1.0, False, "no difference shown"),
        ],
    )
    def test_it_follows_the_corrected_p(self, losses, wins, adjusted_p, lower_is_better, said):
        test = changed(losses, wins)
        assert conclusion(test, adjusted_p, lower_is_better=lower_is_better) == said


def test_one_image_allows_no_interval_and_no_test():
    found = paired_test([1.0, 0.0, 1.0], [0.0, 0.0, 0.0], ["same"] * 3)
    assert found.difference == pytest.approx(-2 / 3)
    assert found.losses == 2
    unknown = replace(found, stderr=None, ci95=None, p=None, detectable=None)
    assert found == unknown
    assert conclusion(found, found.p) == "no difference shown"


@pytest.mark.parametrize(
    ("a", "b", "clusters"), [([], [], []), ([1.0], [1.0, 0.0], ["x"]), ([1.0], [1.0], [])]
)
def test_samples_must_be_pairs(a, b, clusters):
    with pytest.raises(ValueError, match="values"):
        paired_test(a, b, clusters)
