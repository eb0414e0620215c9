"""The scenarios. Importing this package registers them all, in this order."""

from . import (  # noqa: F401
    calls_to_phones, calls_from_phones, between_users, comings_and_goings, changes, resilience, hostile, many_calls, shutdown,
    encryption, session_timers, commands, real_servers, component_contacts, component_calls_to_phones, component_calls_from_phones,
    component_comings_and_goings, component_desk_phones, component_when_answered, component_intercept,
    component_intercept_from_phones)

#: Modules with scenarios for parts that the gateway does not have yet: registered by `run.py --pending` only.
PENDING: tuple[str, ...] = ()
