"""`Population`: many units of one element, each with its own values where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multiunit.core.errors import InputError
from multiunit.dynamics.element import element_of


class Population:
    """Units of one element.

    Args:
        n: how many.
        element: an element's step function, or its record.
        name: how the population is called; the element's name by default.
        labels: names of the units, such as those of a worm's neurons; recordings carry them.
        values: parameters, and states at the start, by name: a number or `(unit,)`. What is left out is the element's.

    Raises:
        InputError: for no units, a name that the element lacks, or shapes that do not fit.

    >>> from multiunit.dynamics.izhikevich import izhikevich
    >>> cells = Population(3, izhikevich, name="cells", d=2.0, v=[-70.0, -65.0, -60.0])
    >>> cells, cells.initial["v"].tolist(), float(cells.parameters["d"])
    (Population(3, izhikevich, name='cells'), [-70.0, -65.0, -60.0], 2.0)
    """

    def __init__(
        self, n: int, element: Any, *, name: str | None = None, labels: Sequence[str] | None = None, **values: Any
    ) -> None:
        if n < 1:
            raise InputError("n", n, "a population has one unit or more")
        self.n, self.element = int(n), element_of(element)
        self.name = self.element.name if name is None else name
        if not self.name or "/" in self.name or "." in self.name:
            raise InputError("name", self.name, "needs a name without '.' and '/'")
        self.labels = None if labels is None else tuple(str(label) for label in labels)
        if self.labels is not None and len(set(self.labels)) != self.n:
            raise InputError("labels", len(set(self.labels)), f"needs {self.n} different names")
        self.parameters, self.initial = dict[str, np.ndarray](), dict[str, np.ndarray]()
        known = {**self.element.parameters, **self.element.states}
        for key, value in values.items():
            if key not in known:
                raise InputError(key, value, f"{self.element.name} has {', '.join(known)}")
        for key, default in known.items():
            value = np.asarray(values.get(key, default), dtype=np.float64)
            if value.shape not in ((), (self.n,)) or not np.isfinite(value).all():
                raise InputError(key, value.shape, f"needs a finite number, or one for each of {self.n} units")
            (self.parameters if key in self.element.parameters else self.initial)[key] = value

    @property
    def varying(self) -> tuple[str, ...]:
        """The parameters that differ between units."""
        return tuple(name for name, value in self.parameters.items() if value.ndim)

    def units(self, *labels: str) -> list[str]:
        """The unit ids of units by their labels, as edits take them.

        >>> from multiunit.dynamics.izhikevich import izhikevich
        >>> Population(2, izhikevich, name="worm", labels=["AVAL", "AVAR"]).units("AVAR")
        ['worm/1']
        """
        known = list(self.labels or ())
        for label in labels:
            if label not in known:
                raise InputError("labels", label, f"{self.name} has no unit of this name among {len(known)}")
        return [f"{self.name}/{known.index(label)}" for label in labels]

    def __repr__(self) -> str:
        return f"Population({self.n}, {self.element.name}, name={self.name!r})"
