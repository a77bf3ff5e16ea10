import numpy as np
import pytest

from multiunit.core.errors import InputError
from multiunit.tasks.narma import narma


@pytest.mark.parametrize(("order", "values"), [(10, (0.3, 0.05, 1.5, 0.1)), (30, (0.2, 0.04, 1.5, 0.001))])
def test_each_value_is_that_of_the_equation_written_out(order, values):
    u = np.random.default_rng(0).uniform(0, 0.5, 200)
    found = narma(u, order=order, coefficients=values)
    a, b, c, d = values

    def y(t):  # y of the equation: y(t + 1) is the answer at t, and 0 before
        return found[t - 1] if t >= 1 else 0.0

    def v(t):
        return u[t] if t >= 0 else 0.0

    for t in range(200):
        wanted = a * y(t) + b * y(t) * sum(y(t - i) for i in range(order)) + c * v(t - order + 1) * v(t) + d
        assert found[t] == pytest.approx(wanted, rel=1e-12)


def test_an_input_is_felt_at_once_and_again_after_the_order():
    u = np.full(60, 0.2)
    changed = u.copy()
    changed[30] = 0.4
    differs = ~np.isclose(narma(u), narma(changed), rtol=0, atol=1e-15)
    assert not differs[:30].any()
    assert differs[30]
    first, second = (narma(s)[39] - narma(s)[38] for s in (u, changed))
    assert second - first > 0.03  # c * 0.2 * 0.2 comes in again, 9 steps later


def test_what_is_refused():
    with pytest.raises(InputError, match="runs away"):
        narma(np.full(500, 2.0))
    with pytest.raises(InputError, match="finite"):
        narma(np.array([np.nan]))
    with pytest.raises(InputError, match="order"):
        narma(np.ones(3), order=0)
