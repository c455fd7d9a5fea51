"""Operator's overrides of a provider's spec file: address, key, models, prices."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imgbot.domain.operations import Operation
from imgbot.providers.http import Timeouts


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """Everything that is not in the spec file; empty values leave the choice to the file."""

    url: str = ""
    key: str = ""
    hook_key: str = ""
    """Webhook signing key, where the provider's dashboard shows one."""
    models: Mapping[Operation, str] = field(default_factory=dict[Operation, str])
    prices_micro: Mapping[Operation, int] = field(default_factory=dict[Operation, int])
    deadlines: Timeouts = field(default_factory=Timeouts)
