"""The scenarios. Importing this package registers them all, in this order."""

from . import calls_to_phones, calls_from_phones, between_users, comings_and_goings, changes, resilience, commands  # noqa: F401
