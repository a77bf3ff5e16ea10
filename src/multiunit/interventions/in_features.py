"""`InFeatures`: an edit in the space of any dictionary of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from multiunit.core.edit import Edit, Shown
from multiunit.core.errors import InputError, SiteError


@runtime_checkable
class Dictionary(Protocol):
    """What turns activity `(..., unit)` into codes `(..., feature)` and back."""

    def encode(self, activity: Any) -> Any: ...

    def decode(self, codes: Any) -> Any: ...


@dataclass(frozen=True)
class InFeatures:
    """Encode the activity of a site, edit the codes, and decode them; what the dictionary cannot say is kept.

    h' = decode(edit(encode(h))) + h - decode(encode(h))

    Args:
        site: the site that the dictionary was fitted to.
        dictionary: anything with `encode` and `decode`.
        edit: an edit of features, named `site/feature`.

    Raises:
        SiteError: if the edit names another site.
        InputError: for a dictionary without `encode` or `decode`.

    >>> import numpy as np
    >>> from multiunit.core import Ablate
    >>> class Doubled:
    ...     encode = staticmethod(lambda h: 2 * h[..., :1])
    ...     decode = staticmethod(lambda z: np.concatenate([z / 2, 0 * z], axis=-1))
    >>> InFeatures("a", Doubled(), Ablate(["a/0"])).change("a", np.array([[3.0, 5.0]])).tolist()
    [[0.0, 5.0]]
    """

    site: str
    dictionary: Dictionary
    edit: Edit

    def __post_init__(self) -> None:
        if not isinstance(self.dictionary, Dictionary):
            raise InputError("dictionary", type(self.dictionary).__name__, "needs encode and decode")
        others = [name for name in self.edit.sites() if name != self.site]
        if others:
            raise SiteError("edit", others[0], f"features are named {self.site}/number here")

    def sites(self) -> list[str]:
        return [self.site]

    def change(self, site: str, activity: Any, shown: Shown | None = None) -> Any:
        codes = self.dictionary.encode(activity)
        edited = self.edit.change(site, codes, shown)
        return activity + (self.dictionary.decode(edited) - self.dictionary.decode(codes))
