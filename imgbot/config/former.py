"""Settings that the previous release had, and what became of each; the next one drops them."""

from collections.abc import Mapping, MutableMapping

from imgbot.domain.operations import ACTIONS

_PROVIDER = "IMGBOT_PROVIDER"

FORMER: Mapping[str, str] = {
    f"{_PROVIDER}_{operation.upper()}": f"{operation}=" for operation in ACTIONS
}
"""What takes the value of each: an entry of IMGBOT_PROVIDER."""


def replace_former(values: MutableMapping[str, object]) -> tuple[str, ...]:
    """Move the values of former settings to the present ones; return what to say of each."""
    found = {name: value for name in FORMER if (value := values.pop(name, ""))}
    if found:
        moved = [f"{FORMER[name]}{value}" for name, value in found.items()]
        values[_PROVIDER] = ", ".join([str(values.get(_PROVIDER) or "builtin"), *moved])
    return tuple(f"{name} has a new name; write {_PROVIDER}={values[_PROVIDER]}" for name in found)
