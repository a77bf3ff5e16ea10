"""The parts of a transformer that write to its stream: attention heads and MLPs, as sets of units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from multiunit.core.edit import group_units
from multiunit.core.errors import SiteError
from multiunit.systems.torch_system import TorchSystem

Components = Mapping[str, Sequence[str]]


def heads_and_mlps(system: TorchSystem, stimuli: Any, *, mlps: bool = True) -> pd.DataFrame:
    """Every attention head and every MLP, in the order in which they act.

    A head is what it hands to the output projection; an MLP is all its hidden units, which is the same as its output.

    Args:
        system: of torch.
        stimuli: one of them is run, to see the order.
        mlps: whether MLPs are wanted too.

    Returns:
        One row a component, by name ("head 0.3", "mlp 0"): `kind` (head, mlp), `layer`, `head` (-1 of an MLP), `site`
        (the first, of an MLP of several) and `units`, their ids.

    Raises:
        SiteError: if the system has no attention heads.

    >>> from multiunit.networks.tiny_transformer import TinyTransformer
    >>> system = TorchSystem(TinyTransformer(5, width=8, n_heads=2, n_layers=1))
    >>> heads_and_mlps(system, [[1, 2]])["site"].to_dict()
    {'head 0.0': 'layers.0.attention.output', 'head 0.1': 'layers.0.attention.output', 'mlp 0': 'layers.0.mlp.down'}
    """
    table = system.sites(stimuli)
    attention = table[table["kind"] == "attention-head"]
    if not len(attention):
        raise SiteError("system", system.name, "has no attention heads")
    layers = layers_of(table)
    rows = []
    for site, row in attention.iterrows():
        for head in range(int(row["n_heads"])):
            layer = layers[str(site)]
            units = system.head_units(str(site), head=head)
            rows.append((f"head {layer}.{head}", "head", layer, head, str(site), units))
    grouped: dict[int, list[str]] = {}
    for site in table.index[table["kind"] == "mlp-neuron"] if mlps else ():
        grouped.setdefault(layers[str(site)], []).append(str(site))
    for layer, sites in grouped.items():
        units = [f"{site}/{unit}" for site in sites for unit in range(int(table["n_units"][site]))]
        rows.append((f"mlp {layer}", "mlp", layer, -1, sites[0], units))
    found = pd.DataFrame(rows, columns=["component", "kind", "layer", "head", "site", "units"])
    order = found.sort_values(["layer", "kind", "head"], kind="stable").index
    return found.loc[order].set_index("component")


def layers_of(table: pd.DataFrame) -> dict[str, int]:
    """The layer of every head and MLP site: the number of its block, or, where blocks do not tell, its rank."""
    blocks = [str(name) for name in table.index[table["kind"] == "residual"]]
    layers: dict[str, int] = {}
    for kind in ("attention-head", "mlp-neuron"):
        sites = [str(name) for name in table.index[table["kind"] == kind]]
        inside = [[k for k, block in enumerate(blocks) if site.startswith(f"{block}.")] for site in sites]
        # Two attentions in one block, as where a decoder reads an encoder, are told apart by their rank.
        told = all(inside) and (kind == "mlp-neuron" or len({tuple(k) for k in inside}) == len(sites))
        layers |= {site: inside[rank][-1] if told else rank for rank, site in enumerate(sites)}
    return layers


def chosen_components(system: TorchSystem, stimuli: Any, components: Components | None) -> dict[str, list[str]]:
    """The components asked for, by default all heads and MLPs, as name -> unit ids.

    Raises:
        SiteError: for none, or a component without units.
    """
    if components is None:
        return heads_and_mlps(system, stimuli)["units"].to_dict()  # type: ignore[return-value]
    system.sites(stimuli)
    empty = [name for name, units in components.items() if not len(units)]
    if empty or not components:
        raise SiteError("components", empty[:1] or "(none)", "give at least one, each with units")
    return {str(name): list(units) for name, units in components.items()}


def sites_of(units: Sequence[str]) -> list[str]:
    """The sites of some units."""
    return list(group_units(units))
