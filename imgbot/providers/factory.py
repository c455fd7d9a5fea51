"""Factory of providers: from a provider's name, or the path of its spec file."""

import re
from pathlib import Path

from imgbot.domain.errors import ConfigError
from imgbot.providers.builtin import BuiltinProvider, Make
from imgbot.providers.comfyui import ComfyUiProvider
from imgbot.providers.comfyui_spec import read_comfyui
from imgbot.providers.declarative import dry_run as rehearsal
from imgbot.providers.declarative.provider import DeclaredProvider
from imgbot.providers.declarative.validation import read_spec
from imgbot.providers.openai import OpenAiProvider
from imgbot.providers.openai_spec import read_openai
from imgbot.providers.protocol import Done, GenerationRequest, Provider, ProviderConfig
from imgbot.providers.simulated import SimulatedProvider
from imgbot.providers.spec_file import PRESETS, SETTING, SpecDocument, read_file, read_preset


def open_provider(name: str, config: ProviderConfig, make: Make) -> Provider:
    """Return the provider; `make` runs the built-in engine.

    Raises ConfigError for a file that cannot be used.
    """
    if name == "builtin":
        return BuiltinProvider(make)
    if name == "simulated":
        if not config.url:
            raise ConfigError("IMGBOT_PROVIDER_URL", "is missing; the sandbox prints it")
        return SimulatedProvider(config)
    document = document_of(name)
    match document.adapter:
        case "":
            return DeclaredProvider(read_spec(document), config)
        case "openai":
            spec = read_openai(document)
            return OpenAiProvider(spec.name, spec, config)
        case "comfyui":
            folder = Path(name).parent if name.endswith(".toml") else PRESETS
            comfyui, graphs = read_comfyui(document, folder)
            return ComfyUiProvider(comfyui.name, comfyui, config, graphs)
        case unknown:
            known = "leave it out, or write openai or comfyui"
            raise document.error(("adapter",), f"there is no {unknown!r}; {known}")


async def dry_run_spec(name: str) -> list[str]:
    """Check a spec file; return, as lines, what it would send. Raises ConfigError."""
    document = document_of(name)
    if document.adapter:
        open_provider(name, ProviderConfig(key="key"), _no_engine)
        return [f"{document.name} can be used (adapter {document.adapter}: no dry run)"]
    return [f"{document.name} can be used", *await rehearsal.dry_run(read_spec(document))]


async def _no_engine(order: GenerationRequest) -> Done:
    raise NotImplementedError(f"{order.job_id}: a dry run makes no picture")


def document_of(name: str) -> SpecDocument:
    """Read a provider's spec file: a preset by name, or an operator's own by path."""
    if name.endswith(".toml"):
        return read_file(Path(name))
    if not re.fullmatch(r"[a-z]+", name) or not (PRESETS / f"{name}.toml").is_file():
        raise ConfigError(SETTING, f"there is no provider {name!r}; write the path of a .toml file")
    return read_preset(name)


def files_of(path: Path) -> tuple[str, ...]:
    """Return the names of an operator's own file and of the workflow files it references."""
    try:
        operations = read_file(path).content.get("operations")
    except ConfigError:
        operations = None
    flows = operations.values() if isinstance(operations, dict) else ()
    named = (flow.get("workflow") for flow in flows if isinstance(flow, dict))
    return (path.name, *dict.fromkeys(name for name in named if isinstance(name, str)))
