"""The contract checks, shipped: does a method keep the promises of its kind?"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "case": ["Case"],
        "contract": ["ContractError", "Promise", "case_of", "check", "promises"],
    },
)
