"""The stages of the integration tests, for the tests of features."""

from tests.integration.conftest import *  # noqa: F403 -- pytest finds fixtures by their names
