"""What the tests with made-up inputs share: how many examples, and which JSON there is."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# Any text but NUL and lone surrogates, which are refused.
storable_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
any_text = st.text(st.characters())  # lone surrogates too
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=10,
)


# `make search` looks for more; what is found there becomes a test of its own.
TIMES = int(os.environ.get("EXAMPLES_TIMES", "1"))


def examples(count: int) -> settings:
    """So many examples, whatever time each takes; the server of the test serves them all.

    In CI the same ones each time: what is pushed should not fail for what was pushed long ago.
    """
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        database=None,
        derandomize="CI" in os.environ,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
