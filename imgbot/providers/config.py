"""What an operator adds to a provider's file: another address, the key, models, prices."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imgbot.domain.operations import Operation
from imgbot.providers.http import Timeouts


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """Everything that is not in the file; empty leaves it to the file."""

    url: str = ""
    key: str = ""
    hook_key: str = ""
    """What the provider signs its webhooks with, where its dashboard shows it."""
    models: Mapping[Operation, str] = field(default_factory=dict[Operation, str])
    prices_micro: Mapping[Operation, int] = field(default_factory=dict[Operation, int])
    deadlines: Timeouts = field(default_factory=Timeouts)
