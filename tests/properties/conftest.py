"""How many examples the properties are tried on: `POLICYLENS_PROPERTIES=trust` for 2,000 each, else a few."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = {"suite": 40, "trust": 2000}
_CHOSEN = os.environ.get("POLICYLENS_PROPERTIES", "suite")

# Each example of these runs a model several times.
_SLOW_EXAMPLES = {"suite": 10, "trust": 2000}

settings.register_profile(
    "properties",
    max_examples=_EXAMPLES[_CHOSEN],
    # A busy machine is no failure of the code.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    # The few of the suite are the same ones every time; 2,000 look for new ones.
    derandomize=_CHOSEN == "suite",
    print_blob=True,
)
settings.register_profile(
    "model-properties", parent=settings.get_profile("properties"), max_examples=_SLOW_EXAMPLES[_CHOSEN]
)
