"""Neuron labels of a protein language model: units that follow a property, pushed, make proteins that have it.

Claim: individual units of a protein language model track biochemical properties well enough that activating the units
labelled with one drives generated sequences to target values of it.

Experiment: a bidirectional transformer (width 64, 3 layers of 256 GELU units) learns to fill in masked residues of
protein-like sequences. Its MLP units are labelled by their correlation with mass, charge, hydropathy (GRAVY), helix
and strand propensity over half of 1,000 fresh sequences, and the labels tried on the other half. For GRAVY, mass and
charge, the 10 units that follow the property most are pushed by 3 standard deviations of their activity, in the
direction that the label says raises it, while 40 new sequences are masked and redrawn for 15 rounds; and in the
opposite direction. Measured: the shift of the property against the same walk without a push, in its standard
deviations over sequences.

Control: ten sets of 10 random units of the same sites and mean activity, pushed as hard, with the signs of the labelled
ones; the push in the other direction, which must move the property the other way; labels dealt to the units at random.
The labels of an untrained network are reported: its units mix residues at random, and a mixture of residues follows
the properties that are sums over residues, so that good labels alone say little about what was learned.

Deviations: sequences come from a generator with real residue tables, not from nature, so that the true structure is
known; the model is small. The published labels are sentences written by a language model; here a label is the list of
correlations it rests on. Zinc fingers and helices: the shift of helix propensity by its own units is reported and not
asked for. Strength and number of units are the catalogue's, as the paper's could not be read.

Not shown: folded structures, the instability index as a target, ESM-2, scaling over model sizes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from multiunit.core.paper import Claim, Paper, Scale
from multiunit.inference.matched_control import matched_control
from multiunit.interventions.push_units import push_units
from multiunit.interventions.resample_masked import resample_masked
from multiunit.learning.train_masked_language_model import train_masked_language_model
from multiunit.networks.tiny_transformer import TinyTransformer
from multiunit.statistics.accumulate import accumulate
from multiunit.statistics.moments import Moments
from multiunit.systems.torch_system import TorchSystem
from multiunit.tasks.protein_properties import protein_properties
from multiunit.tasks.protein_sequences import MASK, N_TOKENS, decode_protein, protein_sequences
from multiunit.units.property_labels import property_labels, units_following

PAPER = Paper(
    id="protein-lm-neuron-labels",
    title="Automated Neuron Labelling Enables Generative Steering and Interpretability in Protein Language Models",
    year=2025,
    source="arXiv:2507.06458",
    level="trained",
    uses=(property_labels,),
)

SITES = "layers.*.mlp.down"
STEERED = ("gravy", "mass", "charge")
PROPERTIES = (*STEERED, "helix_propensity", "strand_propensity")
N_UNITS, STRENGTH, LENGTH = 10, 3.0, 48


def claim(scale: Scale, rng: np.random.Generator) -> Claim:
    known = protein_sequences(scale.pick(smoke=200, small=3000), length=LENGTH, random_state=rng)
    options: dict[str, Any] = {
        "max_positions": LENGTH,
        "width": 64,
        "n_layers": 3,
        "mlp_width": 256,
        "bidirectional": True,
    }
    model, untrained = (TinyTransformer(N_TOKENS, **options, random_state=rng) for _ in range(2))
    losses = train_masked_language_model(
        model,
        known["stimulus"],
        mask_token=MASK,
        n_tokens=MASK,
        n_steps=scale.pick(smoke=30, small=500),
        batch_size=32,
        learning_rate=2e-3,
        random_state=rng,
    )
    fresh = protein_sequences(scale.pick(smoke=100, small=1000), length=LENGTH, random_state=rng)
    labels, blank = (
        property_labels(TorchSystem(net, pool="mean").record(fresh, SITES), PROPERTIES, random_state=rng)
        for net in (model, untrained)
    )
    system = TorchSystem(model)
    moments = accumulate(lambda first: system.stream(fresh, SITES, first_batch=first), {"m": Moments()})["m"]

    starts = protein_sequences(scale.pick(smoke=8, small=40), length=LENGTH, random_state=rng)
    spread = fresh[list(PROPERTIES)].std()
    seed, n_rounds = int(rng.integers(2**31)), scale.pick(smoke=3, small=15)
    unpushed = _walk(system, starts, {}, 0.0, n_rounds, seed)

    def shift(amounts: dict[str, float], name: str, direction: float) -> float:
        pushed = _walk(system, starts, amounts, direction * STRENGTH, n_rounds, seed)
        return float((pushed[name] - unpushed[name]).mean() / spread[name])

    deviation = pd.Series(np.sqrt(moments["variance"].values), index=moments["unit_id"].values)
    up, down, random = {}, {}, {}
    for name in (*STEERED, "helix_propensity"):
        following = units_following(labels, name, n_units=N_UNITS)
        amounts = (np.sign(following) * deviation[following.index]).to_dict()
        up[name], down[name] = shift(amounts, name, 1.0), shift(amounts, name, -1.0)
        if name in STEERED:
            draws = [_random(following, moments, deviation, rng) for _ in range(scale.pick(smoke=2, small=10))]
            random[name] = float(np.mean([abs(shift(drawn, name, 1.0)) for drawn in draws]))

    worked = {s: up[s] >= 0.5 and down[s] < 0 and up[s] >= 2 * random[s] for s in STEERED}
    return Claim(
        measured={
            "loss": float(losses[-50:].mean()),
            "held_out_r": float(labels["held_out"].mean()),
            "properties_steered": float(sum(worked.values())),
            **{f"{name}_up": value for name, value in up.items()},
            **{f"{name}_down": value for name, value in down.items()},
        },
        control={
            "residue_entropy": _entropy(known),
            "permuted_r": _permuted(labels, rng),
            "untrained_r": float(blank["held_out"].mean()),
            **{f"{name}_random": value for name, value in random.items()},
        },
        criterion="measured.properties_steered >= 2 and measured.held_out_r >= control.permuted_r + 0.2",
    )


def _walk(
    system: TorchSystem, starts: pd.DataFrame, amounts: dict[str, float], strength: float, n_rounds: int, seed: int
) -> pd.DataFrame:
    """The properties of the sequences after the last round."""
    edits = push_units(system, amounts, strength=strength) if amounts else []
    table = resample_masked(system, starts, mask_token=MASK, n_rounds=n_rounds, edits=edits, random_state=seed)
    last = table[table["round"] == n_rounds]
    return pd.DataFrame([protein_properties(decode_protein(tokens)) for tokens in last["tokens"]])


def _random(
    following: pd.Series, moments: xr.Dataset, deviation: pd.Series, rng: np.random.Generator
) -> dict[str, float]:
    """Random units of the same sites and mean activity, pushed by their own deviation with the signs of these."""
    chosen = deviation.index.isin(following.index)
    drawn = matched_control(chosen, site=moments["site"].values, mean_activity=moments["mean"].values, random_state=rng)
    signs = rng.permutation(np.sign(following.to_numpy()))
    return dict(zip(deviation.index[drawn], signs * deviation[drawn].to_numpy(), strict=True))


def _permuted(labels: xr.Dataset, rng: np.random.Generator) -> float:
    """The held-out correlation with the property that another unit's label names, in the direction it says."""
    order = rng.permutation(labels.sizes["unit"])
    column = labels.get_index("property").get_indexer(pd.Index(labels["follows"].values[order]))
    sign = np.sign(labels["correlation"].values[order, column])
    return float((sign * labels["held_out_correlation"].values[np.arange(len(order)), column]).mean())


def _entropy(known: pd.DataFrame) -> float:
    """The loss of a model that knows the shares of the residues only, in nats."""
    share = np.bincount(np.concatenate(list(known["stimulus"])), minlength=MASK) / known["sequence"].str.len().sum()
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())
