"""Bot profile: commands, names, descriptions, menu button."""

import json
import re
from collections.abc import Callable
from typing import Any

from imgbot.sandbox.api_errors import bad_request
from imgbot.sandbox.arguments import Arguments

Json = dict[str, Any]
_SCOPES = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}
_MAX_COMMANDS = 100
_MAX_LISTS = 1_000
_TEXT_LIMITS = {"name": 64, "description": 512, "short_description": 120}
_MENU_BUTTONS = frozenset({"default", "commands", "web_app"})


class Profile:
    """Lists of commands by scope and language, texts by language."""

    def __init__(self, name: str) -> None:
        self._commands: dict[tuple[str, str], list[Json]] = {}
        self._texts: dict[tuple[str, str], str] = {("name", ""): name}
        self._menu_button: Json = {"type": "commands"}

    def for_private_chats(self) -> dict[str, list[Json]]:
        """Return the commands of private chats by language; the narrower scope wins."""
        found: dict[str, list[Json]] = {"": []}
        for scope in ("default", "all_private_chats"):
            for (its_scope, language), commands in self._commands.items():
                if its_scope == scope:
                    found[language] = commands
        return found

    def set_commands(self, arguments: Arguments, note_fields: Callable[[str, Json], None]) -> None:
        commands = arguments.json_objects("commands", "BotCommand")
        if commands is None:
            raise bad_request("can't parse commands JSON object")
        if len(commands) > _MAX_COMMANDS:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        checked = [_checked_command(command) for command in commands]
        for command in commands:
            note_fields("BotCommand", command)
        place = self._place(arguments)
        if len(self._commands) >= _MAX_LISTS:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        if checked:
            self._commands[place] = checked
        else:
            self._commands.pop(place, None)

    def delete_commands(self, arguments: Arguments) -> None:
        self._commands.pop(self._place(arguments), None)

    def commands(self, arguments: Arguments) -> list[Json]:
        return self._commands.get(self._place(arguments), [])

    def set_text(self, kind: str, arguments: Arguments) -> None:
        text = arguments.text(kind)
        if len(text) > _TEXT_LIMITS[kind]:
            raise bad_request(f"BOT_{'TITLE' if kind == 'name' else 'DESCRIPTION'}_INVALID")
        place = (kind, _language(arguments))
        if text:
            self._texts[place] = text
        else:
            self._texts.pop(place, None)

    def text(self, kind: str, arguments: Arguments) -> str:
        language = _language(arguments)
        return self._texts.get((kind, language), self._texts.get((kind, ""), ""))

    def set_menu_button(self, arguments: Arguments) -> None:
        button = arguments.json_object("menu_button", "menu button") or {"type": "default"}
        if button.get("type") not in _MENU_BUTTONS:
            raise bad_request("can't parse menu button: invalid type specified")
        self._menu_button = button

    @property
    def menu_button(self) -> Json:
        return self._menu_button

    @staticmethod
    def _place(arguments: Arguments) -> tuple[str, str]:
        scope = arguments.json_object("scope", "BotCommandScope") or {"type": "default"}
        kind = scope.get("type")
        if kind not in _SCOPES:
            raise bad_request("can't parse BotCommandScope: unsupported type specified")
        named = [scope.get(name) for name in _SCOPES[kind]]
        if None in named:
            raise bad_request("chat_id is empty")
        key = kind if not named else f"{kind}{json.dumps(named)}"
        return key[:100], _language(arguments)


def _language(arguments: Arguments) -> str:
    language = arguments.text("language_code")
    if not re.fullmatch(r"(?:[a-z]{2})?", language):
        raise bad_request("invalid language code specified")
    return language


def _checked_command(command: Json) -> Json:
    name, description = command.get("command"), command.get("description")
    if not isinstance(name, str):
        raise bad_request("can't parse BotCommand: Can't find field \"command\"")
    if not isinstance(description, str):
        raise bad_request("can't parse BotCommand: Can't find field \"description\"")
    name = name.removeprefix("/")
    if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}
