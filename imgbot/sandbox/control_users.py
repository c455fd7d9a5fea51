"""Control interface, part one: user actions (write, press, forward, ask inline)."""

from aiohttp import web

from imgbot.sandbox.control_http import chat_by_id, chat_of, read_wish, routes_of
from imgbot.sandbox.membership import Membership
from imgbot.sandbox.state import SandboxState
from imgbot.sandbox.users import SandboxUsers

_ANSWER_S = 10


class UserControl:
    """Everything under /control that a user does."""

    def __init__(self, world: SandboxState) -> None:
        self._world = world
        self._people = SandboxUsers(world)
        self._membership = Membership(world)

    def routes(self) -> list[web.RouteDef]:
        chat = "/control/chats/{chat_id}"
        return routes_of(
            {
                ("POST", "/control/chats"): self.add_chat,
                ("POST", f"{chat}/messages"): self.send,
                ("GET", f"{chat}/messages"): self.messages,
                ("DELETE", f"{chat}/messages/{{message_id}}"): self.delete,
                ("POST", f"{chat}/edit"): self.edit,
                ("POST", f"{chat}/forward"): self.forward,
                ("POST", f"{chat}/callbacks"): self.press,
                ("POST", f"{chat}/block"): self.block,
                ("POST", f"{chat}/privacy"): self.set_privacy,
                ("POST", f"{chat}/migrate"): self.migrate,
                ("POST", f"{chat}/close"): self.close,
                ("POST", "/control/inline"): self.ask_inline,
                ("POST", "/control/inline/{query_id}"): self.choose_inline,
            }
        )

    async def add_chat(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        chat = self._membership.found(
            wish.text("title"),
            wish.numbers("members"),
            wish.text("type", "supergroup"),
            is_forum=wish.flag("is_forum"),
        )
        return web.json_response(chat.view())

    async def send(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        chat = chat_of(self._world, request)
        posts = await self._people.send(chat, wish.number("user_id"), wish.message())
        return web.json_response({"messages": [post.view() for post in posts]})

    async def messages(self, request: web.Request) -> web.StreamResponse:
        after = int(request.query.get("after", "0"))
        posts = chat_of(self._world, request).posts.values()
        return web.json_response({"messages": [post.view() for post in posts if post.id > after]})

    async def edit(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        chat = chat_of(self._world, request)
        post = self._people.edit(chat, wish.number("message_id"), wish.text("text"))
        return web.json_response({"message": post.view()})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        chat = chat_of(self._world, request)
        self._people.delete(chat, int(request.match_info["message_id"]))
        return web.json_response({"deleted": True})

    async def forward(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        posts = self._people.forward(
            chat_of(self._world, request),
            wish.number("user_id"),
            chat_by_id(self._world, wish.number("from_chat_id")),
            wish.numbers("message_ids"),
            is_hidden=wish.flag("hidden"),
        )
        return web.json_response({"messages": [post.view() for post in posts]})

    async def press(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        query_id = self._people.press(
            chat_of(self._world, request),
            wish.number("user_id"),
            wish.number("message_id"),
            wish.text("data"),
        )
        return web.json_response({"callback_query_id": query_id})

    async def block(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        is_blocked = wish.flag("blocked", default=True)
        chat = chat_of(self._world, request)
        self._membership.block(chat, wish.number("user_id"), is_blocked=is_blocked)
        return web.json_response({"blocked": is_blocked})

    async def set_privacy(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        chat = chat_of(self._world, request)
        self._membership.set_privacy(chat, is_private=wish.flag("on", default=True))
        return web.json_response(chat.view())

    async def migrate(self, request: web.Request) -> web.StreamResponse:
        successor = self._membership.migrate(chat_of(self._world, request))
        return web.json_response(successor.view())

    async def close(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        chat = chat_of(self._world, request)
        self._membership.close(chat, wish.text("reason", "deleted"))
        return web.json_response(chat.view())

    async def ask_inline(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        chat_id = wish.number("chat_id", 0)
        chat = chat_by_id(self._world, chat_id) if chat_id else None
        timeout_s = wish.number("timeout_s", _ANSWER_S)
        answer = await self._people.ask_inline(
            wish.number("user_id"), wish.text("query", ""), chat, min(timeout_s, 60)
        )
        return web.json_response(answer)

    async def choose_inline(self, request: web.Request) -> web.StreamResponse:
        wish = await read_wish(request)
        chat = chat_by_id(self._world, wish.number("chat_id"))
        query_id = request.match_info["query_id"]
        post = self._people.choose_inline(chat, query_id, wish.text("result_id"))
        return web.json_response({"message": post.view()})
