"""Buttons of broadcasts."""

from imgbot.domain.buttons import Keyboard, button


def unsubscribe(language: str) -> Keyboard:
    return [[button(language, "news_off", "news:off")]]


def preview(language: str, broadcast_id: str) -> Keyboard:
    """Buttons under the preview: send, or do not send."""
    return [
        [button(language, f"cast_{name}", f"cast:{name}.{broadcast_id}")] for name in ("go", "drop")
    ]


def running(language: str, broadcast_id: str) -> Keyboard:
    return [[button(language, "cast_stop", f"cast:stop.{broadcast_id}")]]
