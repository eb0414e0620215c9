"""The scenarios. Importing this package registers them all, in this order."""

from . import (  # noqa: F401
    calls_to_phones, calls_from_phones, between_users, comings_and_goings, changes, resilience, hostile, many_calls, shutdown,
    commands, real_servers)
