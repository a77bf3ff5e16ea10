import numpy as np
import pytest
import torch

from multiunit.core import InputError
from multiunit.learning.train_masked_frames import _spans, contrastive_loss, train_masked_frames
from multiunit.networks.speech_encoder import SpeechEncoder


def turns(n=300, seed=0):
    """Four sounds of five frames in fixed turns, with a little noise: what is hidden follows from what is not."""
    classes = np.arange(n) // 5 % 4
    return np.eye(4)[classes] + 0.1 * np.random.default_rng(seed).normal(size=(n, 4)), classes


def encoder(n_outputs):
    return SpeechEncoder(n_bands=4, n_outputs=n_outputs, width=16, n_layers=1, random_state=1)


def test_contrastive_loss_written_out_where_the_draw_has_one_way():
    rng = np.random.default_rng(0)
    c, z = (torch.as_tensor(rng.normal(size=(2, 6, 3))) for _ in range(2))
    masked = torch.zeros(2, 6, dtype=torch.bool)
    masked[0, [1, 4]] = masked[1, [0, 5]] = True

    def alike(a, b):
        return float(a @ b / a.norm() / b.norm()) / 0.5

    expected = []
    for s, (t, other) in [(0, (1, 4)), (0, (4, 1)), (1, (0, 5)), (1, (5, 0))]:
        right, wrong = np.exp(alike(c[s, t], z[s, t])), np.exp(alike(c[s, t], z[s, other]))
        expected.append(-np.log(right / (right + 3 * wrong)))
    found = contrastive_loss(c, z, masked=masked, n_negatives=3, temperature=0.5).item()
    assert abs(found - np.mean(expected)) < 1e-10


def test_wrong_answers_are_other_masked_frames_of_the_sequence():
    z = torch.zeros(1, 9, 9)
    z[0] = torch.eye(9)
    masked = torch.tensor([[True] * 4 + [False] * 5])
    # The output is like all masked latents but its own, and like no frame outside: only these can be the wrong ones.
    outputs = torch.ones(1, 9, 9) - torch.eye(9)
    outputs[..., 4:] = 0
    loss = contrastive_loss(outputs, z, masked=masked, n_negatives=7, temperature=1.0).item()
    assert abs(loss - np.log(1 + 7 * np.exp(1 / np.sqrt(3)))) < 1e-6


def test_spans_are_whole_and_every_sequence_has_one():
    rng = np.random.default_rng(0)
    hidden = _spans(500, 60, 10, 0.0, rng)
    assert (hidden.sum(axis=1) == 10).all()
    assert (np.abs(np.diff(hidden.astype(int), axis=1)).sum(axis=1) <= 2).all()
    assert hidden.any(axis=0).all()
    assert 0.4 < _spans(500, 100, 10, 0.065, rng).mean() < 0.55


@pytest.mark.parametrize("predictive", [True, False])
def test_a_rule_is_learned_and_shuffled_frames_teach_less(predictive):
    frames, classes = turns()
    order = np.random.default_rng(1).permutation(len(frames))
    state = torch.random.get_rng_state()
    losses = []
    for rows in (np.arange(len(frames)), order):
        net = encoder(4 if predictive else 16)
        options = {"classes": classes[rows]} if predictive else {}
        losses.append(
            train_masked_frames(
                net, frames[rows], n_steps=150, window=40, learning_rate=5e-3, random_state=3, **options
            )
        )
    assert torch.equal(state, torch.random.get_rng_state())
    ends = [loss[-20:].mean() for loss in losses]
    assert ends[0] < 0.7 * losses[0][0]
    assert ends[0] < ends[1] - 0.3


def test_the_same_seed_gives_the_same_network():
    frames, _ = turns()
    nets = [encoder(16) for _ in range(2)]
    losses = [train_masked_frames(net, frames, n_steps=3, window=40, random_state=5) for net in nets]
    np.testing.assert_array_equal(*losses)
    assert nets[0].training
    assert torch.equal(nets[0].head.weight, nets[1].head.weight)


def test_gradients_are_the_same_every_time_on_two_threads():
    rng = np.random.default_rng(0)
    c, z = (torch.as_tensor(rng.normal(size=(16, 100, 16))).float() for _ in range(2))
    masked = torch.as_tensor(rng.random((16, 100)) < 0.5)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        gradients = []
        for _ in range(60):
            latents = z.clone().requires_grad_()
            contrastive_loss(c, latents, masked=masked).backward()
            gradients.append(latents.grad)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(gradient, gradients[0]) for gradient in gradients)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"window": 400}, "frames"),
        ({"classes": [0, 1]}, "classes"),
        ({"classes": np.zeros(300)}, "classes"),
        ({"n_steps": 0}, "n_steps"),
        ({"span": 1}, "span"),
    ],
)
def test_what_cannot_be_trained_on_is_named(change, named):
    with pytest.raises(InputError, match=named):
        train_masked_frames(encoder(16), turns()[0], **{"n_steps": 1, "window": 40} | change)


def test_losses_of_unlike_shapes_or_nothing_masked_are_named():
    z = torch.zeros(1, 4, 3)
    with pytest.raises(InputError, match="outputs"):
        contrastive_loss(torch.zeros(1, 4, 2), z, masked=torch.ones(1, 4, dtype=torch.bool))
    with pytest.raises(InputError, match="two masked"):
        contrastive_loss(z, z, masked=torch.tensor([[True, False, False, False]]))
