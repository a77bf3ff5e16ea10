"""Kernels: what they hold and refuse, their exponentials, their files."""

import subprocess
import sys

import numpy as np
import pytest

from multiunit.core.errors import InputError, StoreError
from multiunit.dynamics.element import element
from multiunit.dynamics.elementary import exp, sqrt, where
from multiunit.dynamics.hodgkin_huxley import hodgkin_huxley
from multiunit.dynamics.integrate import EULER, HEUN, RUNGE_KUTTA_4, integrated
from multiunit.dynamics.kernel import compile_element, load_module
from multiunit.dynamics.kernel_functions import FAST_EXP, FUNCTIONS, library_source
from multiunit.dynamics.leaky_integrate_and_fire import exponential_current_neuron
from multiunit.dynamics.rulkov import rulkov
from multiunit.dynamics.trajectory import trajectory

GRAVITY = 9.81


def _square(x):
    return x**2


@element(kind="unit", states={"x": 1.0}, source="here", order=None, example={"drive": 1.0})
def uses_all(x, drive, *, scale=0.5, dt=1.0):
    """A constant of the module, a function of its own with a keyword, a power, a negated condition."""
    small = ~(x > GRAVITY) & (x >= 0.0)
    return where(small, scale * _square(x=x) + sqrt(abs(drive)), 1.0 - x / 100.0)


def test_an_element_of_ones_own_runs_everywhere():
    runs = [
        trajectory(uses_all, n_steps=50, inputs={"drive": [0.5, -2.0]}, backend=b) for b in ("numba", "numpy", "torch")
    ]
    assert np.array_equal(runs[0].states["x"], runs[1].states["x"])
    # torch divides by a number through its inverse, and so may differ in the last bit.
    assert runs[2].states["x"] == pytest.approx(runs[1].states["x"], rel=1e-12)
    assert np.ptp(runs[0].states["x"]) > 1


def test_arithmetic_without_exp_gives_the_same_bits_even_in_chaos():
    a, b = (trajectory(rulkov, n_steps=20_000, backend=backend) for backend in ("numba", "numpy"))
    assert np.array_equal(a.states["u"], b.states["u"])
    assert np.array_equal(a.spike_step, b.spike_step)


def _with_if(x, *, dt=1.0):
    if dt > 2:
        return x
    return -x


def _with_ternary(x, *, dt=1.0):
    return x if dt > 1 else -x


def _with_numpy(x, *, dt=1.0):
    return np.exp(x)


def _with_array(x, *, dt=1.0):
    return x * TABLE


def _with_cube(x, *, dt=1.0):
    return x**3


def _with_two(x, *, dt=1.0):
    return x, x


TABLE = np.ones(3)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_with_if, "write where"),
        (_with_ternary, "write where"),
        (_with_numpy, "multiunit.dynamics.elementary"),
        (_with_array, "'TABLE'"),
        (_with_cube, "write a product"),
        (_with_two, "must return its one state"),
    ],
)
def test_what_a_kernel_cannot_hold_is_named(function, words):
    made = element(kind="unit", states={"x": 0.0}, source="here")(function)
    with pytest.raises(InputError, match=words):
        compile_element(made)


@pytest.mark.parametrize(
    ("states", "function", "words"),
    [
        ({"y": 0.0}, lambda x, *, dt=1.0: x, "must begin with its states"),
        ({"x": 0.0}, lambda x, *, tau=None, dt=1.0: x, "needs a number"),
        ({"x": 0.0}, lambda x: x, "keyword argument dt"),
        ({"x": 0.0}, lambda x, *more, dt=1.0: x, "args"),
        ({"x": 0.0}, lambda x, *, _k=1.0, dt=1.0: x, "kernel's own"),
    ],
)
def test_a_signature_that_does_not_fit_is_named(states, function, words):
    with pytest.raises(InputError, match=words):
        element(kind="unit", states=states, source="here")(function)


@pytest.mark.parametrize(("precision", "high", "low"), [("float64", 709.0, -708.0), ("float32", 88.0, -87.0)])
def test_exponentials_are_exact_to_a_few_units_in_the_last_place(precision, high, low):
    mpmath = pytest.importorskip("mpmath")
    truth = {
        "exp": mpmath.exp,
        "expm1": mpmath.expm1,
        "tanh": mpmath.tanh,
        "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
        "exprel": lambda x: mpmath.expm1(x) / x,
        "inverse_exprel": lambda x: x / mpmath.expm1(x),
        "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    }
    bound = {"exp": 1.0, "sigmoid": 3.0, "tanh": 3.0}
    head = f"import math\nimport numpy as np\nfrom numba import njit\n_real = np.{precision}\n"
    head += "_inlined = njit\n_fused = njit(fastmath={'contract'})\n"
    module = load_module(head + library_source(set(truth), precision=precision), name="exponentials")
    real = np.dtype(precision).type
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-1, 1, 700), rng.uniform(low, high, 700)]).astype(precision)
    for name, exact in truth.items():
        function = getattr(module, name)
        found = np.array([function(real(value)) for value in x]).astype(precision)
        with mpmath.workprec(120):
            off = [
                abs(float((mpmath.mpf(float(f)) - exact(mpmath.mpf(float(v)))) / mpmath.mpf(float(np.spacing(abs(f))))))
                for f, v in zip(found, x, strict=True)
                if abs(f) > np.finfo(precision).tiny
            ]
        assert len(off) > 1000
        assert max(off) < bound.get(name, 2.0)
        assert np.isnan(function(real(np.nan)))
    ends = [module.exp(real(value)) for value in (np.inf, -np.inf, 1000.0, -1000.0, 0.0)]
    assert ends == [np.inf, 0.0, np.inf, 0.0, 1.0]


def test_every_function_of_a_kernel_has_its_like_for_arrays():
    from multiunit.dynamics import elementary

    x, y = np.array([0.3, 1.7]), np.array([0.9, 0.2])
    head = (
        "import math\nimport numpy as np\nfrom numba import njit\n_real = np.float64\n_inlined = njit\n_fused = njit\n"
    )
    public = [name for name in (*FUNCTIONS, *FAST_EXP) if not name.startswith("_") and name != "where"]
    module = load_module(head + library_source(set(public), precision="float64"), name="functions")
    for name in public:
        given = (x, y) if name in ("maximum", "minimum", "power") else (x,)
        expected = getattr(elementary, name)(*given)
        found = [getattr(module, name)(*values) for values in zip(*given, strict=True)]
        assert found == pytest.approx(expected, rel=1e-14), name


def test_library_exp_is_an_option_and_agrees():
    fast, library = (compile_element(hodgkin_huxley, library_exp=flag) for flag in (False, True))
    assert "math.exp" in library.source
    assert "math.exp" not in fast.source
    answers = []
    for kernel in (fast, library):
        states = [np.linspace(-80, 20, 9), *(np.linspace(0.1, 0.9, 9) for _ in range(3))]
        values = hodgkin_huxley.element.parameters.values()
        kernel.update(*states, np.ones(9), np.zeros(9, np.uint8), *values, 1e-5)
        answers.append(np.stack(states))
    assert answers[0] == pytest.approx(answers[1], rel=1e-14)
    assert not np.array_equal(*answers)


def test_inputs_can_be_left_out_and_slices_be_updated():
    kernel = compile_element(exponential_current_neuron, without=("excitatory_spikes", "inhibitory_spikes"))
    assert kernel.inputs == ("current",)
    states = [np.full(10, value) for value in exponential_current_neuron.element.states.values()]
    states[1][:] = 0.01
    arrays = [*states, np.zeros(10), np.zeros(10, np.uint8)]
    kernel.update(*(a[:4] for a in arrays), *exponential_current_neuron.element.parameters.values(), 1e-3)
    assert (states[0][:4] > -0.06).all()
    assert (states[0][4:] == -0.06).all()
    with pytest.raises(InputError, match="voltage"):
        compile_element(exponential_current_neuron, without=("voltage",))


def test_file_is_written_once_and_made_whole_again(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIUNIT_CACHE", str(tmp_path))
    source = '"""A kernel."""\nANSWER = 42\n'
    assert load_module(source, name="toy").ANSWER == 42
    (path,) = (tmp_path / "kernels").glob("*.py")
    path.write_text("ANSWER = ")  # cut short
    sys.modules.pop(path.stem)
    assert load_module(source, name="toy").ANSWER == 42
    assert path.read_text() == source
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("MULTIUNIT_CACHE", str(blocked))
    with pytest.raises(StoreError):
        load_module(source + "#", name="toy")


def test_numba_keeps_the_compiled_code(tmp_path):
    code = (
        "from multiunit.dynamics.leaky_rate import leaky_rate\n"
        "from multiunit.dynamics.trajectory import trajectory\n"
        "from multiunit.dynamics.kernel import compile_element\n"
        "trajectory(leaky_rate, n_steps=3)\n"
        "print(sum(compile_element(leaky_rate).module.run.stats.cache_hits.values()))\n"
    )
    hits = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"MULTIUNIT_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert hits == ["0", "1"]


@pytest.mark.parametrize(("tableau", "order"), [(EULER, 1), (HEUN, 2), (RUNGE_KUTTA_4, 4)])
def test_tableaus_have_their_order(tableau, order):
    @integrated(tableau)
    def logistic(x, *, rate=1.0, dt=0.1):
        return rate * x * (1.0 - x)

    exact = 1 / (1 + 9 * np.exp(-2.0))
    errors = []
    for n in (20, 40):
        x = 0.1
        for _ in range(n):
            x = logistic(x, dt=2.0 / n)
        errors.append(abs(x - exact))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


def test_euler_maruyama_diffuses_with_the_root_of_time():
    @element(kind="noise", states={"x": 0.0}, noise=("noise_x",), source="here")
    @integrated(EULER, diffusion={"x": "sigma"})
    def wiener(x, *, sigma=2.0, dt=0.01):
        return 0.0 * x

    found = trajectory(wiener, n_steps=100, n_units=4000)
    assert found.final["x"].std() == pytest.approx(2.0, rel=0.05)
    for backend in ("numpy", "torch"):
        again = trajectory(wiener, n_steps=100, n_units=4000, backend=backend)
        assert again.final["x"] == pytest.approx(found.final["x"], rel=1e-12)
    assert not np.array_equal(
        trajectory(wiener, n_steps=100, n_units=4000, random_state=1).final["x"], found.final["x"]
    )


def test_gradients_pass_through_an_element():
    import torch

    tau = torch.tensor(0.02, dtype=torch.float64, requires_grad=True)
    x = torch.zeros(3, dtype=torch.float64)
    from multiunit.dynamics.leaky_rate import leaky_rate

    for _ in range(10):
        x = leaky_rate(x, torch.ones(3, dtype=torch.float64), tau=tau, dt=1e-3)
    x.sum().backward()
    # d/dtau 3 (1 - exp(-t / tau))
    assert tau.grad.item() == pytest.approx(-3 * np.exp(-0.5) * 0.01 / 0.02**2, rel=1e-10)
    assert exp(1.0) == pytest.approx(np.e)
