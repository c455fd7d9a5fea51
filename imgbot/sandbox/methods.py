"""Types of Bot API methods."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from imgbot.sandbox.arguments import Arguments
from imgbot.sandbox.state import SandboxState

Method: TypeAlias = Callable[[SandboxState, Arguments], Awaitable[Any]]
Methods: TypeAlias = Mapping[str, Method]


class RawJson(str):
    """Result that is JSON text already."""

    __slots__ = ()
