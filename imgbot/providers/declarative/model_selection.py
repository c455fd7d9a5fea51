"""Choice of a model for a request, and of the nearest supported scale."""

from imgbot.domain.errors import ConfigError
from imgbot.domain.operations import Operation
from imgbot.providers.declarative.spec import DeclaredModel, Spec
from imgbot.providers.fields import micro
from imgbot.providers.protocol import Capability, InputLimits


def model_for(spec: Spec, operation: Operation, wanted: str) -> DeclaredModel | None:
    able = [model for model in spec.models if operation in model.operations]
    if not wanted:
        return able[0] if able else None
    for model in able:
        if model.id == wanted:
            return model
    known = ", ".join(model.id for model in able) or "none"
    raise ConfigError(
        "IMGBOT_MODELS", f"{spec.name} has no model {wanted!r} for {operation}; it has: {known}"
    )


def offer_of(spec: Spec, model: DeclaredModel, price_micro: int | None) -> Capability:
    rules = spec.inputs
    inputs = InputLimits(
        max_count=model.pictures,
        max_side_px=model.max_side_px or rules.max_side_px,
        max_bytes=rules.max_bytes,
        formats=frozenset(rules.formats),
    )
    if price_micro is not None:
        return Capability(model.id, price_micro, inputs=inputs, scales=frozenset(model.scales))
    by_scale = {int(scale): micro(usd) for scale, usd in model.scale_prices_usd.items()}
    return Capability(model.id, micro(model.price_usd), by_scale, inputs, frozenset(model.scales))


def nearest_scale(wanted: int, known: tuple[int, ...]) -> int:
    return min(known, key=lambda scale: (abs(scale - wanted), -scale)) if known else wanted


def app_of(model: str) -> str:
    """Return owner and name of a model, without any subpath."""
    return "/".join(model.split("/")[:2])


def addresses(spec: Spec, override: str) -> dict[str, str]:
    """Return the base URLs; an override of `api` applies to the others as a prefix."""
    if not override:
        return dict(spec.urls)
    return {name: override if name == "api" else f"{override}/{name}" for name in spec.urls}
