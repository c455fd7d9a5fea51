"""Preferences of a user, which the prompt of one request may override. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
"""Aspect ratios offered by buttons; a prompt may name others."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """Stored preferences of a user; an empty language means that of their texts."""

    language: str = ""
    ratio: str = ""
    variants: int = 1
    is_file: bool = False
    is_quiet: bool = False
    is_unsubscribed: bool = False
    """True if the user has unsubscribed from broadcasts."""
    models: Mapping[str, str] = field(default_factory=dict[str, str])
    """Chosen models by operation; without one, the usual model of the operator."""

    def with_choice(self, name: str, choice: str) -> "Preferences | None":
        """Return the preferences with one of them changed; None for an unknown choice."""
        setting = SETTINGS.get(name)
        if setting is None or choice not in setting.choices:
            return None
        value, _ = setting.choices[choice]
        return replace(self, **{setting.field: value})

    def with_model(self, operation: str, model: str) -> "Preferences":
        """Return the preferences with a model for an operation; an empty one is the usual."""
        others = {name: each for name, each in self.models.items() if name != operation}
        return replace(self, models=others | ({operation: model} if model else {}))


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of /settings: a field of the preferences, and its choices."""

    field: str
    choices: Mapping[str, tuple[str | int, str]]
    """Choice in callback data → value of the field, and its label or the key of a text."""


SETTINGS: Mapping[str, Setting] = {
    "language": Setting("language", {"ru": ("ru", "Русский"), "en": ("en", "English")}),
    "ratio": Setting(
        "ratio",
        {
            "any": ("", "choice_any"),
            **{ratio.replace(":", "x"): (ratio, ratio) for ratio in _RATIOS},
        },
    ),
    "variants": Setting("variants", {str(count): (count, str(count)) for count in (1, 2, 3, 4)}),
    "file": Setting("is_file", {"0": (False, "choice_photo"), "1": (True, "choice_file")}),
    "quiet": Setting("is_quiet", {"0": (False, "choice_on"), "1": (True, "choice_off")}),
    "news": Setting("is_unsubscribed", {"1": (False, "choice_on"), "0": (True, "choice_off")}),
}
"""Settings by their name in callback data, in the order of /settings."""
