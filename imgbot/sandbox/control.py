"""The control interface: JSON over HTTP for the chat page, for tests and for load.

There is no authentication: the server answers on loopback addresses only, and refuses pages of
other sites. Ids are Telegram's. A *message* is the Bot API's Message as the bot would get it, and
besides `"edits": n`, `"deleted": bool`, `"outgoing": bool` (the bot sent it), `"reactions":
["👀"]` and, where the bot asks for a reply, `"force_reply": {"selective": bool, "placeholder"}`.
A refusal is `{"error": "a sentence"}` with status 400, 404 or 413.

State and people
    GET  /control/state
        {"bot": {id, username, first_name, commands: {"": [..], "ru": [..]}}, "users": [User],
        "chats": [Chat and "members": [ids], "hears_all": bool, "blocked": bool if private,
        "closed": what the bot is answered if it can no longer reach the chat, "over": true if
        people cannot write there, either],
        "bot_is_polling": bool, "seq": last event}
    POST /control/users {first_name, username?, language_code?}
        → User; a private chat of the same id appears
    POST /control/chats {title, members: [ids], type?: "supergroup", is_forum?}
        → Chat; type is "group" (a basic one), "supergroup" or "channel". The bot is in it: in
        groups in privacy mode, in a channel as an administrator
    POST /control/settings {flood?: bool, inline_feedback?: bool}
        → the settings; flood limits on or off, chosen_inline_result updates off or on

What people do
    POST /control/files?name=cat.jpg, the body is the file (64 MiB at most)
        → {key, name, size, mime, width?, height?}
    POST /control/chats/{chat_id}/messages
        {user_id, text?, caption?, photos?: [key] or documents?: [key], reply_to_message_id?,
        quote?: a part of that message, thread_id?, spoiler?: over the photos, anonymous?: as an
        administrator of a group who is not named, gap_ms?: time between the messages (10,000 at
        most), media_group_id?: of an album in the chat to which the files come late,
        extra?: {raw fields merged into each message: sticker, voice, …}}
        → {"messages": [..]}; several photos or documents become an album with the caption on the
        first; a text of more than 4096 characters goes out in several messages, as clients do it.
        In a channel the bot gets a channel_post
    POST /control/chats/{chat_id}/forward {user_id, from_chat_id, message_ids: [..],
        hidden?: the author keeps her name to herself} → {"messages": [..]} with forward_origin
    POST /control/chats/{chat_id}/edit {message_id, text: the new text or caption}
        → {"message": ..}
    POST /control/chats/{chat_id}/callbacks {user_id, message_id, data}
        → {"callback_query_id"}; data need not be on the keyboard
    DELETE /control/chats/{chat_id}/messages/{message_id} → {"deleted": true}
    POST /control/inline {user_id, query?, chat_id?, timeout_s?: 10}
        types `@bot query` and waits → {"inline_query_id", "results": [{id, type, title?, photo?,
        document?, text?, caption?, ..}], "next_offset", "cache_time", "is_personal", "button"?}
    POST /control/inline/{inline_query_id} {chat_id, result_id}
        → {"message": ..}, the chosen result, sent by the person via the bot

What becomes of chats
    POST /control/chats/{chat_id}/block {user_id, blocked: bool} → {"blocked": bool}
    POST /control/chats/{chat_id}/privacy {on: bool}
        → Chat; off makes the bot an administrator of the group, who gets every message
    POST /control/chats/{chat_id}/migrate {}
        → Chat, the supergroup that a basic group became: a service message in each of them, and
        calls to the old one are refused with migrate_to_chat_id
    POST /control/chats/{chat_id}/close {reason: "deleted" | "kicked" | "deactivated"}
        → Chat; the bot is answered "chat not found", "bot was kicked", "user is deactivated"
    POST /control/updates {any JSON object} → {"update_id"}; it is queued as it is

Watching
    GET /control/chats/{chat_id}/messages?after=<message_id>
        → {"messages": [..]} in order, as they stand now, the deleted among them
    GET /control/events?after=<seq> (or Last-Event-ID), a text/event-stream
        `id: seq`, `data: {"seq", "type", "chat_id"?, ..}`; without `after` from now on. Types:
        message {message} · edit {message} · delete {message_id} · reaction {message_id, reactions}
        · action {action} · callback_answer {callback_query_id, text, show_alert, user_id} ·
        commands {commands} · polling {active} · chat {chat: a new or changed one} · call {method,
        ok, error_code?, description?} (good getUpdates calls are left out) · reset: events after
        `after` were forgotten (2,000 are kept), load the state anew and go on from its `seq`
    GET /control/calls
        → {"calls": [{seq, method, chat_id?, ok, error_code?, description?}], "counts": {method: n},
        "violations": [what Telegram would have ignored, and no test should]}
    GET /control/files/{file_id or key} → the bytes

Faults
    POST /control/faults {method: "sendMessage" | "download" | "*", kind, times?: 1, chat_id?, ..}
        kind error {error_code?, description?, parameters?} · flood {retry_after_s?} · delay
        {delay_s?} · drop_before: the connection is cut before the method acts · drop_after: it
        acts, then the connection is cut · gateway {error_code?}: a page that is not UTF-8 in its
        place. → {"waiting": n}
    DELETE /control/faults forgets all; calls that are being delayed go on

The simulated provider (see imgbot/sandbox/provider.py)
    GET  /control/provider → {"tasks": [..], "ledger": [..], "settings": {..}}
    POST /control/provider {settings} → the settings

Presets, played (see imgbot/sandbox/played_preset.py)
    GET  /control/provider/{name} and POST, as above; `marks` is a scenario for every order
"""

from collections.abc import Mapping

from aiohttp import web

from imgbot.sandbox.control_http import read_wish, routes_of
from imgbot.sandbox.control_inspection import InspectionControl
from imgbot.sandbox.control_users import UserControl
from imgbot.sandbox.played_preset import PlayedPreset
from imgbot.sandbox.provider import SimulatedProviderServer
from imgbot.sandbox.state import SandboxState


class Control:
    """Everything under /control: the state here, the rest in its two halves."""

    def __init__(
        self,
        world: SandboxState,
        provider: SimulatedProviderServer,
        presets: Mapping[str, PlayedPreset],
    ) -> None:
        self._world = world
        self._acting = UserControl(world)
        self._watching = InspectionControl(world, provider, presets)

    def routes(self) -> list[web.RouteDef]:
        own = routes_of(
            {
                ("GET", "/control/state"): self.state,
                ("POST", "/control/users"): self.add_user,
                ("POST", "/control/settings"): self.set_settings,
            }
        )
        return [*own, *self._acting.routes(), *self._watching.routes()]

    async def state(self, _request: web.Request) -> web.StreamResponse:
        world = self._world
        shown = ("id", "username", "first_name")
        bot = {name: world.bot[name] for name in shown}
        bot["commands"] = world.profile.for_private_chats()
        return web.json_response(
            {
                "bot": bot,
                "users": list(world.users.values()),
                "chats": [chat.view() for chat in world.chats.values()],
                "bot_is_polling": world.poller.is_active,
                "seq": world.events.last_seq,
            }
        )

    async def add_user(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        user = self._world.add_user(
            wish.text("first_name"), wish.text("username", ""), wish.text("language_code", "")
        )
        return web.json_response(user)

    async def set_settings(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        floods, inline = self._world.floods, self._world.inline
        floods.is_on = wish.flag("flood", default=floods.is_on)
        inline.has_feedback = wish.flag("inline_feedback", default=inline.has_feedback)
        return web.json_response({"flood": floods.is_on, "inline_feedback": inline.has_feedback})
