"""Means corrected by a few human scores, checked against figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from instit_bench.stats.agreement import kappa_with_humans
from instit_bench.stats.intervals import wilson
from instit_bench.stats.prediction_powered import corrected_mean, tuned_mean
from instit_bench.stats.rogan_gladen import rogan_gladen
from instit_bench.stats.two_phase import Frame, two_phase_mean


def frame_of(n, labelled, strata=None, clusters=None):
    return Frame.of(clusters or range(n), strata or [0] * n, labelled)


class TestTheCorrectedMean:
    JUDGE = np.array([0.2, 0.4, 0.6, 0.8, 1.0, 0.0])

    def test_it_is_the_judges_mean_plus_the_mean_of_human_minus_judge(self):
        frame = frame_of(6, [0, 2, 4])
        found = corrected_mean(self.JUDGE, np.array([0.1, 0.6, 0.7]), frame)
        assert found.mean.value == pytest.approx(0.5 + (-0.1 + 0.0 - 0.3) / 3)
        assert found.weight == 1

    def test_strata_count_by_their_size_and_not_by_their_labels(self):
        judge = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
        frame = frame_of(6, [0, 1, 4, 5], strata=[0, 0, 0, 0, 1, 1])
        found = corrected_mean(judge, np.array([0.3, 0.1, 0.6, 0.6]), frame)
        assert found.mean.value == pytest.approx(4 / 6 * 0.2 + 2 / 6 * 0.6)

    def test_where_everything_is_labelled_it_is_the_mean_of_the_human_scores_and_its_error(self):
        human = np.array([0.2, 0.5, 0.9, 0.4, 0.7, 0.3])
        found = corrected_mean(self.JUDGE, human, frame_of(6, range(6))).mean
        assert found.value == pytest.approx(human.mean())
        # Each label stands for itself, corrected for one mean that they gave.
        assert found.stderr == pytest.approx(human.std(ddof=1) / math.sqrt(6), rel=0.35)

    def test_labels_of_one_cluster_count_as_one(self):
        rng = np.random.default_rng(0)
        shared = np.repeat(rng.normal(0, 0.2, 20), 5)
        known = np.zeros(400)
        alone = two_phase_mean(known, shared, frame_of(400, range(100)), bounds=(-1, 1))
        clusters = [k // 5 for k in range(400)]
        together = two_phase_mean(
            known, shared, frame_of(400, range(100), clusters=clusters), bounds=(-1, 1)
        )
        assert together.stderr == pytest.approx(alone.stderr * math.sqrt(5), rel=0.2)

    def test_a_judge_that_agrees_each_time_still_leaves_doubt(self):
        judge = np.full(1000, 0.5)
        frame = frame_of(1000, range(30))
        low, high = corrected_mean(judge, judge[:30], frame).mean.ci95
        assert high - 0.5 == pytest.approx(0.5 - low)
        assert 0.11 < high - 0.5 < 0.15  # 0 of 30 by Wilson is at most 0.113

    def test_a_single_cluster_gives_no_interval(self):
        frame = frame_of(4, [0, 1], clusters=["a"] * 4)
        found = two_phase_mean(np.zeros(4), np.array([0.1, 0.3]), frame)
        assert (found.stderr, found.ci95) == (None, None)

    def test_a_stratum_with_a_single_label_is_refused(self):
        with pytest.raises(ValueError, match="fewer than 2 labelled"):
            frame_of(6, [0, 1, 4], strata=[0, 0, 0, 1, 1, 1])


class TestTheTunedWeight:
    def scores(self, slope, n=60):
        rng = np.random.default_rng(3)
        judge = rng.random(1000)
        human = np.clip(0.3 + slope * (judge - 0.5) + rng.normal(0, 0.05, 1000), 0, 1)
        return judge, human[:n], frame_of(1000, range(n))

    def test_it_finds_how_much_the_judge_knows(self):
        assert tuned_mean(*self.scores(0.5)).weight == pytest.approx(0.5, abs=0.05)
        assert tuned_mean(*self.scores(0.0)).weight == pytest.approx(0.0, abs=0.05)

    def test_it_makes_the_interval_of_a_poor_judge_narrower(self):
        scores = self.scores(0.3)
        assert tuned_mean(*scores).mean.stderr < corrected_mean(*scores).mean.stderr

    def test_it_takes_fifty_human_scores(self):
        with pytest.raises(ValueError, match="takes 50"):
            tuned_mean(*self.scores(0.5, n=49))


class TestRoganGladen:
    def test_it_is_the_formula(self):
        # Of 100 labelled answers 40 are right; the judge calls 36 of them and 12 others right.
        human = np.array([1.0] * 40 + [0.0] * 60)
        verdicts = np.array([1.0] * 36 + [0.0] * 4 + [1.0] * 12 + [0.0] * 48)
        judge = np.concatenate([verdicts, [1.0] * 540, [0.0] * 360])
        found = rogan_gladen(judge, human, frame_of(1000, range(100)))
        assert (found.sensitivity, found.specificity) == pytest.approx((0.9, 0.8))
        assert found.share.value == pytest.approx((0.588 + 0.8 - 1) / 0.7)
        low, high = found.share.ci95
        assert low < found.share.value < high

    def test_drawn_by_verdict_it_is_the_corrected_mean(self):
        rng = np.random.default_rng(0)
        judge = (rng.random(500) < 0.7).astype(float)
        truth = np.where(rng.random(500) < 0.85, judge, 1 - judge)
        places = [*np.flatnonzero(judge == 0)[:30], *np.flatnonzero(judge == 1)[:30]]
        frame = frame_of(500, places, strata=judge.astype(int).tolist())
        human = truth[places]
        found = rogan_gladen(judge, human, frame).share
        other = corrected_mean(judge, human, frame).mean
        assert found.value == pytest.approx(other.value)
        assert found.stderr == pytest.approx(other.stderr, rel=0.05)

    def test_a_judge_no_better_than_chance_gives_no_share(self):
        judge = np.array([0.0, 0.0, 1.0, 1.0] * 5)
        found = rogan_gladen(judge, np.array([1.0, 1.0, 0.0, 0.0]), frame_of(20, range(4)))
        assert found.share is None

    def test_without_a_wrong_answer_nothing_is_known(self):
        assert rogan_gladen(np.ones(9), np.ones(4), frame_of(9, range(4))) is None


class TestKappa:
    def test_it_is_cohens_with_quadratic_weights(self):
        rng = np.random.default_rng(1)
        human = rng.integers(0, 11, 80)
        judge = np.clip(human + rng.integers(-2, 3, 80), 0, 10)
        table = np.zeros((11, 11))
        np.add.at(table, (judge, human), 1 / 80)
        by_chance = np.outer(table.sum(axis=1), table.sum(axis=0))
        apart = np.subtract.outer(np.arange(11), np.arange(11)) ** 2
        kappa, (low, high) = kappa_with_humans(judge / 10, human / 10, frame_of(80, range(80)))
        assert kappa == pytest.approx(1 - (apart * table).sum() / (apart * by_chance).sum())
        assert low < kappa < high

    def test_a_judge_that_agreed_with_all_of_a_few_may_still_differ_elsewhere(self):
        scores = np.array([0.0, 1.0] * 15)
        kappa, (low, high) = kappa_with_humans(scores, scores, frame_of(90, range(30)))
        assert (kappa, high) == (1, 1)
        assert low == pytest.approx(1 - wilson(0.0, 30)[1] / 0.5)

    def test_a_few_large_differences_make_the_interval_skewed(self):
        judge = np.array([0.0, 1.0] * 20)
        human = judge.copy()
        human[:3] = 1 - human[:3]
        kappa, (low, high) = kappa_with_humans(judge, human, frame_of(90, range(40)))
        assert kappa - low > 2 * (high - kappa)

    def test_it_is_unknown_where_no_score_differs(self):
        same = np.full(10, 0.5)
        assert kappa_with_humans(same, same, frame_of(10, range(10))) == (None, None)
