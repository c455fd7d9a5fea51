"""Free checks of a provider: spec file, key, balance."""

from imgbot.domain.errors import ConfigError, ProviderError, ProviderErrorKind
from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.providers.factory import open_provider
from imgbot.providers.protocol import Done, GenerationRequest, Provider, ProviderConfig, Recovery

_KIND = ProviderErrorKind
_UNKNOWN_JOB = "doctor"
_LITTLE = 1.0
"""Low-balance threshold in the provider's own unit (dollars, or credits worth less)."""


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
        return await _ask(provider, check, key_variable)
    except ProviderError as error:
        return _refused(check, error, key_variable, mend_key)
    finally:
        await provider.aclose()


async def _ask(provider: Provider, check: str, key_variable: str) -> Finding:
    if provider.has_account:
        left = await provider.balance()
        if left is None:
            return ok(check, "accepts the key; does not report a balance")
        text = f"accepts the key; balance {left:g}, in its own unit"
        return ok(check, text) if left >= _LITTLE else warning(check, text, "top up the account")
    if provider.recovery is Recovery.LOOK_UP:
        await provider.look_up(_UNKNOWN_JOB)
        return ok(check, "answers")
    if provider.name == "builtin":
        return ok(check, "needs no setup")
    there = "its key is set" if key_variable else "it has no key"
    return ok(check, f"{there}; it cannot be tested without paying for a picture")


def _refused(check: str, error: ProviderError, key_variable: str, mend_key: str) -> Finding:
    match error.kind:
        case _KIND.AUTH:
            return wrong(check, f"refuses the key {key_variable}", mend_key)
        case _KIND.NO_CREDIT:
            return wrong(check, "has no credit left", "top up the account")
        case _:
            return warning(check, f"is unavailable ({error.kind})", "run imgbot doctor again later")


async def _no_engine(order: GenerationRequest) -> Done:
    raise NotImplementedError(f"{order.job_id}: the check makes no picture")
