import numpy as np
import pytest
import torch

from multiunit.papers.deep_snn_training_review import N_HIDDEN, N_IN, by_gradients, competing_units


def test_smoke_scale_runs_and_labels_matter(smoke_claim):
    result = smoke_claim("deep-snn-training-review")
    for name in ("conversion", "latency", "stdp_readout", "taught"):
        assert result.measured[f"{name}_accuracy"] > result.control[f"{name}_shuffled"] + 0.15
    assert result.control["ann_accuracy"] > 0.4
    assert result.control["ann_operations"] == 784 * 100 + 100 * 10
    assert 0 < result.control["ann_nonzero_operations"] < result.control["ann_operations"]
    assert result.measured["conversion_operations"] > result.control["ann_nonzero_operations"] - 100 * 10


def test_families_by_gradients_learn_a_plain_task_and_more_steps_come_closer():
    """Ten prototypes with noise: every family must know them, and the conversion answer as its original does."""
    rng = np.random.default_rng(0)
    kinds = rng.random((10, N_IN)) < 0.15
    labels = np.arange(400) % 10
    images = (kinds[labels] * rng.uniform(0.3, 1.0, (400, N_IN))).astype(np.float32)
    answers, operations = by_gradients(images[:300], labels[:300], images[300:], 150, 0)
    for name in ("ann", "conversion", "surrogate", "latency"):
        assert (answers[name] == labels[300:]).mean() > 0.9, name
    agree = [(answers[name] == answers["ann"]).mean() for name in ("conversion_4_steps", "conversion")]
    assert agree[1] >= agree[0]
    shown = torch.from_numpy(images[300:350])
    assert operations["latency"] <= float((shown > 0).sum()) / 50 * N_HIDDEN + N_HIDDEN * 10


def test_random_units_begin_as_those_that_learn():
    images = np.random.default_rng(0).random((5, N_IN))
    plastic, random = competing_units(images, np.arange(5), 0)
    assert random.hidden_weights_.sum(axis=0) == pytest.approx(np.full(N_HIDDEN, 0.1 * N_IN))
    assert plastic.hidden_weights_.sum(axis=0) == pytest.approx(np.full(N_HIDDEN, 0.1 * N_IN), rel=0.2)
    assert (random.threshold_ == 20).all()
    assert plastic.threshold_.max() > 20
