"""Our own distributions are scipy's, and our sums are NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from instit_bench.stats.distributions import binomial_cdf, share_for, t_quantile
from instit_bench.stats.sums import numpy_sum

SHARES = st.floats(0, 1)


@given(st.floats(1, 1e7), st.sampled_from([0.8, 0.9, 0.975, 0.995]))
def test_students_t(freedom, probability):
    ours = t_quantile(freedom, probability)
    assert ours == pytest.approx(special.stdtrit(freedom, probability), rel=1e-9)


@pytest.mark.parametrize("freedom", [1, 1.5, 2, 3, 9, 29.7, 205, 1e3, 1e5, 1e7])
def test_students_t_where_it_is_used(freedom):
    assert t_quantile(freedom, 0.975) == pytest.approx(special.stdtrit(freedom, 0.975), rel=1e-10)


@given(st.integers(0, 100_000), SHARES)
def test_the_binomial_distribution(n, share):
    most = round(share * n)
    expected = special.bdtr(most, n, 0.5)
    assert binomial_cdf(most, n) == pytest.approx(expected, rel=1e-8, abs=1e-300)


@given(st.integers(6, 100_000), st.sampled_from([1, 3, 6]))
def test_the_share_for_a_number_of_events(n, wanted):
    expected = special.betaincinv(wanted, n - wanted + 1, 0.8)
    assert share_for(wanted, n, 0.8) == pytest.approx(expected, rel=1e-9)


@given(st.lists(SHARES, max_size=40) | st.lists(SHARES, min_size=100, max_size=300))
def test_a_sum_is_numpys_to_the_last_bit(values):
    assert numpy_sum(values) == np.sum(values)


@pytest.mark.parametrize("count", [7, 8, 9, 15, 16, 127, 128, 129, 136, 652, 1001, 10_007])
def test_so_it_is_for_as_many_values_as_benchmarks_have(count):
    rng = np.random.default_rng(count)
    values = rng.uniform(0, 1, count)
    assert numpy_sum(values.tolist()) == np.sum(values)
    assert numpy_sum(values.tolist()) / count == np.mean(values)
