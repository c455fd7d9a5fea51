"""Users of the simulated world: each action is what a person types, sends or taps."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.network import Network
from tests.simulation.plan import ADMIN, Action
from tests.simulation.provider import FAILING_WORD, REFUSED_WORD
from tests.simulation.telegram import NEWS, Sent, Telegram

_WHAT = ("red fox", "blue owl", "old ship", "tall tree", "small house", "white cat", "green hill")
_WHERE = ("in the snow", "by the sea", "at dawn", "in a forest", "on the moon")
_PRESSED_S = (3.0, 20.0)


@dataclass(frozen=True)
class Asked:
    """A request of a user, which is to be answered."""

    update_id: int
    user: int
    at_s: float


@dataclass
class Users:
    """All users, and what they have asked for."""

    telegram: Telegram
    network: Network
    random: Random
    asked: list[Asked] = field(default_factory=list[Asked])
    disturbed: set[int] = field(default_factory=set[int])
    """Users who blocked the bot, or deleted something: not all of it can be shown to them."""
    pending: int = 0
    """Deeds to come."""
    forgotten: set[int] = field(default_factory=set[int])

    def act(self, action: Action) -> None:
        """Do what a plan says."""
        what = self.random.choice(_WHAT) + " " + self.random.choice(_WHERE)
        if action.kind in _BUTTONS:
            self._press(action.user, *_BUTTONS[action.kind])
        elif action.kind in _TEXTS:
            self._say(action.user, _TEXTS[action.kind].format(what))
        elif action.kind in _CAPTIONS:
            self._send(action, _CAPTIONS[action.kind].format(what))
        else:
            getattr(self, f"_{action.kind}")(action, what)

    def _later(self, delay_s: float, act: Callable[..., object], *args: Any) -> None:
        def do() -> None:
            self.pending -= 1
            act(*args)

        self.pending += 1
        self.network.later(delay_s, do)

    def _say(self, user: int, text: str) -> None:
        update_id, _ = self.telegram.message(user, text=text)
        self.asked.append(Asked(update_id, user, self.network.loop.now_s))

    def _send(self, action: Action, caption: str, number: int = 0, **more: str) -> int:
        photo = self.telegram.photo(f"{action.user}-{action.number}-{number}")
        content = {"photo": photo, **more, **({"caption": caption} if caption else {})}
        update_id, _ = self.telegram.message(action.user, **content)
        if not more:
            self.asked.append(Asked(update_id, action.user, self.network.loop.now_s))
        return update_id

    def _double(self, action: Action, what: str) -> None:
        for _ in range(2):
            self._say(action.user, f"/create a {what}")

    def _upscale(self, action: Action, _: str) -> None:
        self._send(action, f"/upscale {self.random.choice((2, 4))}")

    def _photo(self, action: Action, _: str) -> None:
        self._send(action, "")
        self._press_later(action.user, "photo:")

    def _album(self, action: Action, what: str, caption: str = "/merge make it a {}") -> None:
        group = f"g{action.user}-{action.number}"
        for number in range(self.random.randint(2, 4)):
            said = caption.format(what) if number == 0 else ""
            delay_s = self.random.uniform(0, 1) if number else 0
            self._later(delay_s, self._album_item, action, said, number, group)

    def _album_item(self, action: Action, said: str, number: int, group: str) -> None:
        update_id = self._send(action, said, number, media_group_id=group)
        if number == 0:
            self.asked.append(Asked(update_id, action.user, self.network.loop.now_s))

    def _album_asked(self, action: Action, what: str) -> None:
        self._album(action, what, "")
        self._press_later(action.user, "merge:")

    def _settings(self, action: Action, _: str) -> None:
        self._say(action.user, "/settings")
        self._press_later(action.user, "set:variants", "set:")

    def _stuck(self, action: Action, _: str) -> None:
        """The administrator looks at the stuck jobs, and has one delivered or ended."""
        self._say(ADMIN, "/stuck")
        self._press_later(ADMIN, "stuck:again", "stuck:end")

    def _news(self, action: Action, _: str) -> None:
        """The administrator writes to everybody."""
        self._say(ADMIN, f"/broadcast {NEWS} {action.user}.{action.number}")
        self._press_later(ADMIN, "cast:go")

    def _payback(self, action: Action, _: str) -> None:
        """A user has a payment returned of which nothing is used."""
        self._say(action.user, "/balance")
        self._later(3.0, self._press, action.user, "payback:ask")
        self._press_later(action.user, "payback:yes")

    def _edit_result(self, action: Action, what: str) -> None:
        if self._press(action.user, "edit:"):
            self._later(3.0, self._say, action.user, f"add a {what}")

    def _delete(self, action: Action, _: str) -> None:
        self._say(action.user, "/delete")
        self.disturbed.add(action.user)
        self._press_later(action.user, "delete:")

    def _forget(self, action: Action, _: str) -> None:
        self._say(action.user, "/forget_me")
        self._later(self.random.uniform(1, 6), self._confirm_forgetting, action.user)

    def _confirm_forgetting(self, user: int) -> None:
        if self._press(user, "forget:"):
            self.forgotten.add(user)
            self.disturbed.add(user)

    def _block(self, action: Action, _: str) -> None:
        self.disturbed.add(action.user)
        self.telegram.blocked.add(action.user)
        self._later(20.0, self.telegram.blocked.discard, action.user)

    def _gone(self, action: Action, _: str) -> None:
        """The user deletes the newest message of the bot."""
        self.disturbed.add(action.user)
        if messages := self.telegram.in_chat(action.user):
            del self.telegram.sent[messages[-1].id]

    def _press_later(self, user: int, *starts: str) -> None:
        self._later(self.random.uniform(*_PRESSED_S), self._press, user, *starts)

    def _press(self, user: int, *starts: str) -> bool:
        """Press a button whose data begin so, of the newest message that has one."""
        found = next(_buttons(reversed(self.telegram.in_chat(user)), starts), None)
        if found is None:
            return False
        message, data = found
        self.telegram.press(user, message, data)
        if self.random.random() < 0.2:
            self.telegram.press(user, message, data)
        return True


def _buttons(messages: Iterable[Sent], starts: tuple[str, ...]) -> Iterator[tuple[Sent, str]]:
    for message in messages:
        for data in message.data:
            if data.startswith(starts):
                yield message, data


_TEXTS = {
    "create": "/create a {}",
    "words": "draw a {}",
    "variants": "/create a {} --n 3",
    "forbidden": f"/create a {REFUSED_WORD} {{}}",
    "unlucky": f"/create an {FAILING_WORD} {{}}",
    "stop": "/cancel",
    "history": "/history",
    "queue": "/queue",
    "limits": "/limits",
}
_CAPTIONS = {"edit": "/edit put a {} into it", "retouch": "/retouch", "removebg": "/removebg"}
_BUTTONS = {
    "cancel": ("cancel:",),
    "again": ("again:",),
    "retry": ("retry:", "resend:"),
    "file": ("file:",),
    "undo": ("undo:",),
    "compare": ("compare:", "panel:"),
}
