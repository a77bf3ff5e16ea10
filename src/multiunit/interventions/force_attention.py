"""Make an attention head attend where it should: its output becomes what the chosen positions have to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from multiunit.core.edit import Shown, group_units, shown_or_all
from multiunit.core.errors import InputError
from multiunit.interventions.inner_sites import InnerSites

Places = Sequence[int] | Mapping[int, Sequence[int]]


@dataclass(frozen=True)
class ForceAttention:
    """Let one head, at one position of each sequence, spend `weight` of its attention evenly on some positions.

    z[query] <- (1 - weight) z[query] + weight / |keys| sum_{k in keys} v[k]: the head's output as if the rest of its
    attention, `1 - weight`, were spent as before. An edit of the system within `inner`.

    Args:
        inner: of `with_inner_sites`; its module must project to values in a module of its own.
        site: of the head.
        head: which one.
        keys: positions, or sequence_id -> positions; negative ones count from the last token. Positions after the
            query are taken too: nobody checks causality.
        query: the position that attends; -1 is the last token.
        weight: in [0, 1].

    Raises:
        InputError: for a weight outside [0, 1], no keys, or positions that a sequence lacks, when it acts.
        SiteError: for a head that does not exist or has no values of its own.

    Source: the repair of Merullo et al. 2024, arXiv:2310.08744; reconstructed from its description.

    >>> import numpy as np
    >>> from multiunit.interventions.inner_sites import with_inner_sites
    >>> from multiunit.networks.induction_circuit import induction_circuit
    >>> from multiunit.systems.torch_system import TorchSystem
    >>> inner = with_inner_sites(TorchSystem(induction_circuit()), [[5, 6, 7, 8, 5]])
    >>> edit = ForceAttention(inner, "layers.1.attention.output", head=0, keys=[2])
    >>> with inner.system.edited([edit]) as net:
    ...     net(torch.tensor([[5, 6, 7, 8, 5]]))[0, -1].argmax().item()
    7
    """

    inner: InnerSites = field(repr=False)
    site: str
    head: int = field(kw_only=True)
    keys: Places = field(kw_only=True)
    query: int = field(default=-1, kw_only=True)
    weight: float = field(default=1.0, kw_only=True)
    _places: tuple[str, Any, Any] = field(init=False, repr=False, compare=False)
    _values: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise InputError("weight", self.weight, "must lie in [0, 1]")
        ((_, own),) = group_units(self.inner.system.head_units(self.site, head=self.head)).items()
        values = self.inner.head_units(self.site, head=self.head, part="value")
        ((source, index),) = group_units(values).items()
        object.__setattr__(self, "_places", (source, torch.as_tensor(index), torch.as_tensor(own)))

    def sites(self) -> list[str]:
        return [self._places[0], self.site]

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        source, index, own = self._places
        if site == source:
            # The values pass first; they are kept until the heads that average them come by.
            self._values["now"] = activity[..., index.to(activity.device)]
            return activity
        values, known = self._values.pop("now"), shown_or_all(activity, shown)
        out = activity.clone()
        for row, (sequence, length) in enumerate(zip(known.sequence_id, known.length, strict=True)):
            keys = self.keys[int(sequence)] if isinstance(self.keys, Mapping) else self.keys
            places = [int(key) + int(length) if key < 0 else int(key) for key in keys]
            query = self.query + int(length) if self.query < 0 else self.query
            if not places or min(places) < 0 or max([*places, query]) >= length:
                raise InputError("keys", list(keys), f"no such positions in a sequence of {int(length)} tokens")
            forced = values[row, places].mean(dim=0)
            before = activity[row, query, own.to(activity.device)]
            out[row, query, own.to(activity.device)] = (1 - self.weight) * before + self.weight * forced
        return out
