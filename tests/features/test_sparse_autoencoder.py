import numpy as np
import pytest
import torch

from multiunit.core.errors import InputError
from multiunit.features import SparseAutoencoder, fit_sparse_autoencoder
from multiunit.interventions import InFeatures


def planted(rng, n=1500, n_atoms=12, width=8):
    """Sums of few of `n_atoms` atoms: more atoms than units, so that no linear basis finds them."""
    atoms = rng.normal(size=(n_atoms, width))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = rng.uniform(1, 2, size=(n, n_atoms)) * (rng.random((n, n_atoms)) < 0.12)
    return codes @ atoms, atoms


def recovered(model, atoms):
    """Mean over planted atoms of the largest cosine with a learned one."""
    return (atoms @ model.decoder.detach().numpy().T).max(axis=1).mean()


def test_planted_atoms_are_found_and_random_ones_are_not():
    x, atoms = planted(np.random.default_rng(7))
    model = fit_sparse_autoencoder(x, n_features=16, l1=0.05, n_epochs=150, batch_size=256, learning_rate=1e-2)
    assert recovered(model, atoms) > 0.9
    assert recovered(SparseAutoencoder(8, n_features=16), atoms) < 0.8


def test_a_stronger_penalty_gives_fewer_active_features():
    x, _ = planted(np.random.default_rng(1))
    counts = []
    for l1 in (0.0, 0.2):
        model = fit_sparse_autoencoder(x, n_features=16, l1=l1, n_epochs=40, batch_size=256, learning_rate=1e-2)
        counts.append((model.encode(x) > 1e-3).float().sum(1).mean().item())
    assert counts[1] < 0.7 * counts[0]


def test_atoms_have_norm_one_and_scale_makes_the_answer_the_same_for_activity_of_any_size():
    x, _ = planted(np.random.default_rng(2), n=200)
    small, large = (fit_sparse_autoencoder(factor * x, n_features=10, n_epochs=20) for factor in (1.0, 1000.0))
    assert torch.allclose(small.decoder.norm(dim=1), torch.ones(10), atol=1e-5)
    assert torch.allclose(small.encode(x), large.encode(1000 * x), atol=1e-3)


def test_encode_by_hand_and_edits_in_feature_space():
    model = SparseAutoencoder(2, n_features=3)
    with torch.no_grad():
        model.encoder.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
        model.decoder.copy_(model.encoder)
        model.center.fill_(2.0)
        model.scale.fill_(2.0)
        assert model.encode(np.array([[3.0, 0.0]])).tolist() == [[4.0, 0.0, 0.0]]
        assert model.decode(torch.tensor([4.0, 0.0, 0.0])).tolist() == [3.0, 1.0]
        from multiunit.core import Ablate

        edit = InFeatures("a", model, Ablate(["a/0"]))
        assert edit.change("a", torch.tensor([[3.0, 0.5]])).tolist() == [[1.0, 0.5]]


def test_the_global_generator_is_left_alone_and_a_seed_is_a_seed():
    x, _ = planted(np.random.default_rng(3), n=50)
    before = torch.get_rng_state()
    a, b, c = (fit_sparse_autoencoder(x, n_features=9, n_epochs=3, random_state=s) for s in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(a.decoder, b.decoder)
    assert not torch.equal(a.decoder, c.decoder)


@pytest.mark.parametrize(
    ("activity", "options", "named"),
    [
        (np.ones((5, 3)), {}, "activity"),
        (np.full((5, 3), np.nan), {}, "activity"),
        (np.ones(5), {}, "activity"),
        (np.eye(3), {"n_features": 0}, "n_features"),
        (np.eye(3), {"n_epochs": 0}, "n_epochs"),
    ],
)
def test_bad_input_is_named(activity, options, named):
    with pytest.raises(InputError) as caught:
        fit_sparse_autoencoder(activity, **options)
    assert caught.value.argument == named


def test_width_is_checked():
    with pytest.raises(InputError, match="columns"):
        SparseAutoencoder(3, n_features=4).encode(torch.ones(2, 5))
