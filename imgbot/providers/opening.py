"""From a provider's name, or the path of its file, to the provider."""

from pathlib import Path

from imgbot.errors import ConfigError
from imgbot.providers.access import Access
from imgbot.providers.builtin import BuiltinProvider, Make
from imgbot.providers.declared.checking import read_spec
from imgbot.providers.declared.provider import DeclaredProvider
from imgbot.providers.documents import SETTING, Document, read_file, read_preset
from imgbot.providers.protocol import Provider
from imgbot.providers.simulated import SimulatedProvider


def open_provider(name: str, access: Access, make: Make) -> Provider:
    """Return the provider; `make` is how the built-in engine makes a picture.

    Raises ConfigError for a file that cannot be used.
    """
    if name == "builtin":
        return BuiltinProvider(make)
    if name == "simulated":
        if not access.url:
            raise ConfigError("IMGBOT_PROVIDER_URL", "is missing; the sandbox prints it")
        return SimulatedProvider(access)
    document = document_of(name)
    if not document.adapter:
        return DeclaredProvider(read_spec(document), access)
    raise ConfigError(SETTING, f"{document.name}: there is no adapter {document.adapter!r}")


def document_of(name: str) -> Document:
    """Read the file of a provider: a preset by its name, or an operator's own by its path."""
    return read_file(Path(name)) if name.endswith(".toml") else read_preset(name)
