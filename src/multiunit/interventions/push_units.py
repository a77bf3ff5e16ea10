"""Push chosen units up or down by given amounts, as edits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from multiunit.core.edit import Add, group_units
from multiunit.core.errors import InputError, SiteError
from multiunit.core.system import System


def push_units(system: System, amounts: Mapping[str, float], *, strength: float = 1.0) -> list[Add]:
    """Edits that add `strength` times its amount to each unit, wherever it is active or not.

    Args:
        system: that the units belong to.
        amounts: unit id -> what to add, such as a sign times the unit's standard deviation.
        strength: one factor for all; a negative one pushes the other way.

    Returns:
        One `Add` for every site.

    Raises:
        InputError: for no units, or an amount that is not finite.
        SiteError: for a unit that the system does not have.

    >>> import torch
    >>> from multiunit.systems import TorchSystem
    >>> system = TorchSystem(torch.nn.Sequential(torch.nn.Linear(2, 3)))
    >>> push_units(system, {"0/1": 2.0, "0/2": -1.0}, strength=3.0)[0].change("0", np.zeros((1, 3))).tolist()
    [[0.0, 6.0, -3.0]]
    """
    if not amounts or not np.isfinite(list(amounts.values())).all():
        raise InputError("amounts", dict(amounts), "needs a finite amount for at least one unit")
    widths = system.sites()["n_units"]
    edits = []
    for site, index in group_units(list(amounts)).items():
        if site not in widths.index or index[-1] >= widths[site]:
            raise SiteError("amounts", f"{site}/{index[-1]}", "the system has no such unit")
        direction = np.zeros(int(widths[site]))
        direction[index] = [amounts[f"{site}/{i}"] for i in index]
        edits.append(Add(site, direction, strength))
    return edits
