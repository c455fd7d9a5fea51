"""Factory of providers by name or spec file, and their checks that cost nothing."""

import hashlib
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from imgbot.config.settings import key_names
from imgbot.domain.errors import ConfigError, ProviderError, ProviderErrorKind
from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.providers.declarative.provider import DeclaredProvider
from imgbot.providers.declarative.spec import read_spec
from imgbot.providers.http import copy_result
from imgbot.providers.protocol import (
    Capability,
    Done,
    GenerationRequest,
    Make,
    Output,
    Provider,
    ProviderConfig,
    Recovery,
)
from imgbot.providers.spec_file import (
    PRESETS,
    SETTING,
    SpecDocument,
    read_file,
    read_preset,
    validate,
)


class BuiltinProvider(Provider):
    """Returns the finished picture from `submit`; equal requests give equal pictures."""

    name = "builtin"
    prompt_language = ""
    recovery = Recovery.REPEAT
    is_deterministic = True
    is_literal = True
    offers = dict.fromkeys(
        (each for each, spec in OPERATIONS.items() if not spec.needs_model), Capability()
    ) | {Operation.CREATE: Capability(takes_seed=True)}

    def __init__(self, make: Make) -> None:
        self._make = make

    async def submit(self, order: GenerationRequest) -> Done:
        return await self._make(order)

    async def fetch(self, output: Output, target: Path) -> None:
        await copy_result(output.path, target)


def name_at(name: str, url: str) -> str:
    """Return the name of a provider at one of its addresses; orders are stored with it."""
    # An alert's button carries the name, in the 64 bytes that Telegram allows.
    where, room = url.removeprefix("http://"), 41 - len(name)
    if len(where) > room:
        where = f"{where[: room - 9]}~{hashlib.sha256(url.encode()).hexdigest()[:8]}"
    return f"{name}@{where}"


def open_provider(name: str, config: ProviderConfig, make: Make) -> Provider:
    """Return the provider; `make` runs the built-in engine.

    Raises ConfigError for a file that cannot be used.
    """
    if name == "builtin":
        return BuiltinProvider(make)
    document = document_of(name)
    match document.adapter:
        case "":
            return DeclaredProvider(read_spec(document), config)
        case "openai":
            # Adapters are loaded by those who use them: each takes a part of the start.
            from imgbot.providers.openai import OpenAiProvider, OpenAiSpec  # noqa: PLC0415

            spec = validate(document, OpenAiSpec)
            spec.check_offered(document)
            return OpenAiProvider(spec, config)
        case "comfyui":
            from imgbot.providers.comfyui import ComfyUiProvider  # noqa: PLC0415
            from imgbot.providers.comfyui_workflow import read_comfyui  # noqa: PLC0415

            folder = Path(name).parent if name.endswith(".toml") else PRESETS
            spec, graphs = read_comfyui(document, folder)
            return ComfyUiProvider(spec, config, graphs)
        case unknown:
            known = "leave it out, or write openai or comfyui"
            raise document.error(("adapter",), f"there is no {unknown!r}; {known}")


def dry_run_spec(name: str) -> list[str]:
    """Check a spec file; return, as lines, what it would send. Raises ConfigError."""
    document = document_of(name)
    if document.adapter:
        open_provider(name, ProviderConfig(key="key"), _no_engine)
        return [f"{document.name} can be used (adapter {document.adapter}: no dry run)"]
    from imgbot.providers.declarative.dry_run import dry_run  # noqa: PLC0415

    return [f"{document.name} can be used", *dry_run(read_spec(document))]


async def _no_engine(order: GenerationRequest) -> Done:
    raise NotImplementedError(f"{order.job_id}: a check makes no picture")


def document_of(name: str) -> SpecDocument:
    """Read a provider's spec file: a preset by name, or an operator's own by path."""
    if name.endswith(".toml"):
        return read_file(Path(name))
    if name not in key_names().keys() - {"builtin"}:
        hint = "write the name of a preset, or the path of a .toml file"
        raise ConfigError(SETTING, f"there is no provider {name!r}; {hint}")
    return read_preset(name)


def files_of(path: Path) -> tuple[str, ...]:
    """Return the names of an operator's own file and of the files it references."""
    try:
        document = read_file(path)
        base = tomllib.loads(document.text).get("extends")
        flows = document.content.get("operations")
    except ConfigError:
        base = flows = None
    tables = [*flows.values()] if isinstance(flows, dict) else []
    named = [each.get("workflow") for each in tables if isinstance(each, dict)]
    names = (name for name in (*named, base) if isinstance(name, str))
    return (path.name, *dict.fromkeys(name for name in names if (path.parent / name).is_file()))


_KIND = ProviderErrorKind


async def check_provider(
    name: str, config: ProviderConfig, key_variable: str, mend_key: str
) -> Finding:
    """Check a provider without a paid call.

    `key_variable` names the setting that holds its key, `mend_key` is the command that replaces it.
    """
    check = f"provider {name.rpartition('/')[2].removesuffix('.toml')}"
    try:
        provider = open_provider(name, config, _no_engine)
    except ConfigError as error:
        return wrong(check, str(error), f"imgbot doctor --provider {name}")
    try:
        found = await _ask(provider, check, key_variable)
        await provider.ask_retirements()
    except ProviderError as error:
        if error.kind is _KIND.AUTH:
            return wrong(check, f"refuses the key {key_variable}", mend_key)
        if error.kind is _KIND.NO_CREDIT:
            return wrong(check, "has no credit left", "top up the account")
        again = "run imgbot doctor again later"
        if not config.url:
            return warning(check, f"is unavailable ({error})", again)
        mend = f"correct IMGBOT_PROVIDER_URL, or {again}"
        return warning(check, f"is unavailable at {config.url} ({error})", mend)
    finally:
        await provider.aclose()
    return _retirement(provider, check) or found


def _retirement(provider: Provider, check: str) -> Finding | None:
    """Warn of a usual model that ends soon and that nothing follows by itself."""
    today = datetime.now(UTC).date()
    provider.renew(today)
    usual = {each.model for each in provider.offers.values()}
    for end in provider.retirements:
        if end.is_announced(today) and end.old.model in usual:
            follower = f"; {end.new.title} follows it" if end.new and not end.is_dearer else ""
            text = f"its usual model {end.old.title} is switched off on {end.day}{follower}"
            advice = "write another one into the provider's file, as usual" if not follower else ""
            return warning(check, text, advice or "nothing to do")
    return None


async def _ask(provider: Provider, check: str, key_variable: str) -> Finding:
    if provider.has_account:
        left = await provider.balance()
        if left is None:
            return ok(check, "accepts the key; does not report a balance")
        text = f"accepts the key; balance {left:g}, in its own unit"
        # Low-balance threshold in the provider's own unit (dollars, or credits worth less).
        return ok(check, text) if left >= 1.0 else warning(check, text, "top up the account")
    if provider.recovery is Recovery.LOOK_UP:
        await provider.look_up("doctor")
        return ok(check, "answers")
    if provider.name == "builtin":
        return ok(check, "needs no setup")
    there = "its key is set" if key_variable else "it has no key"
    return ok(check, f"{there}; it cannot be tested without paying for a picture")
