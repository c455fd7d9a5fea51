"""Guest mode: the bot mentioned in chats that it is not in, and inline mode's "draw it"."""

import time
from typing import Any

import pytest

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.fixtures.sandbox import Message, picture
from tests.fixtures.waiting import eventually
from tests.integration.stage import BOT_NAME, Stage, User, has_buttons

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def foreign(stage: Stage, *users: User) -> int:
    people = [user.person for user in users]
    return await stage.control.make_group("Friends", people, is_foreign=True)


async def answer_in(stage: Stage, chat: int, after: int) -> Message:
    """The message of the bot in a chat, once it is there."""
    return await stage.control.wait_message(chat, lambda m: m.is_outgoing, after=after)


async def mentioned(stage: Stage, user: User, chat: int, words: str, **fields: Any) -> Message:
    """The answer to a mention of the bot."""
    after = await stage.control.last_seq()
    await user.within(chat).say(f"{BOT_NAME} {words}", **fields)
    return await answer_in(stage, chat, after)


async def test_a_mention_is_answered_at_once_and_becomes_the_picture(stage: Stage) -> None:
    control, anna = stage.control, await stage.user("Anna")
    await anna.ask("/start")
    chat = await foreign(stage, anna)
    long_ago_ms = (time.time() - 2 * 86_400) * 1000
    async with stage.bot.redis() as redis:
        for seen in (keys.SEEN, keys.PEOPLE):
            await redis.zadd(seen, {str(anna.id): long_ago_ms})

    answer = await mentioned(stage, anna, chat, "a fox in the snow")
    shown = await eventually(
        lambda: control.message(chat, answer.id), lambda m: m.photo_id, what="the picture"
    )
    photo = (
        await control.send(
            anna.person, chat_id=chat, photos=[await control.upload(picture(), "photo.jpg")]
        )
    )[0]
    edit = await mentioned(stage, anna, chat, "make it night", reply_to=photo.id)
    edited = await eventually(lambda: control.message(chat, edit.id), lambda m: m.photo_id)

    async with stage.bot.redis() as redis:
        # Who is silent for long is forgotten.
        assert (await redis.zscore(keys.SEEN, str(anna.id)) or 0) > long_ago_ms
    assert "a fox in the snow" in shown.text
    assert "make it night" in edited.text
    ledger = (await control.provider())["ledger"]
    assert [entry["operation"] for entry in ledger[-2:]] == ["create", "edit"]
    assert (await control.calls())["violations"] == []


async def test_a_picture_is_deleted_where_it_was_asked_for_as_well(stage: Stage) -> None:
    anna = await stage.user("Anna")
    await anna.ask("/start")
    chat = await foreign(stage, anna)
    answer = await mentioned(stage, anna, chat, "a fox in the snow")
    await eventually(lambda: stage.control.message(chat, answer.id), lambda m: m.photo_id)

    question = await anna.ask("delete this picture", fits=has_buttons)
    toast = await anna.toast(question, "🗑 Delete this picture")

    left = await stage.control.message(chat, answer.id)
    assert toast == left.text == t("en", "deleted_short")
    assert not left.photo_id
    assert all(each.is_deleted for each in await anna.results())


async def test_a_placeholder_tells_a_refusal_and_can_be_cancelled(stage: Stage) -> None:
    control, anna, boris = stage.control, await stage.user("Anna"), await stage.user("Boris")
    await anna.ask("/start")
    chat = await foreign(stage, anna, boris)
    before = await stage.charges()

    way_in = await mentioned(stage, boris, chat, "a fox")
    offers = await control.ask_inline(boris.person, "a fox", chat_id=chat)
    thanked = await mentioned(stage, anna, chat, "thanks!")
    words = t("en", "guest_words", name=BOT_NAME[1:])
    await eventually(lambda: control.message(chat, thanked.id), lambda m: m.text == words)
    placeholder = await mentioned(stage, anna, chat, "an owl [[sim:slow=600]]")

    async def pressed() -> Message:
        await control.press(anna.person, placeholder, f"cancel:inline.{anna.id}", chat_id=chat)
        return await control.message(chat, placeholder.id)

    # Its last words meet a failing Telegram; chat 0 stands for an inline message.
    await control.fault("editMessageText", "error", chat_id=0)
    cancelled = await eventually(pressed, lambda m: not m.buttons)

    link = f"https://t.me/{BOT_NAME[1:]}?start=guest"
    assert (way_in.text, way_in.buttons) == (t("en", "guest_stranger", link=link), [])
    assert offers.results == []
    assert placeholder.text == t("en", "guest_wait")
    assert not cancelled.photo_id
    assert await stage.charges() - before <= 1


async def test_only_its_user_ends_a_placeholder(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    control, anna, boris = stage.control, await stage.user("Anna"), await stage.user("Boris")
    for user in (anna, boris):
        await user.ask("/start")
    chat = await foreign(stage, anna, boris)

    async def chosen(words: str) -> tuple[Message, dict[str, Any]]:
        """A placeholder whose order is on its way yet."""
        offers, held = await control.ask_inline(anna.person, words, chat_id=chat), dict[str, Any]()
        with monkeypatch.context() as patch:
            patch.setattr(stage.sandbox.state.updates, "add", held.__setitem__)
            return await control.choose_inline(offers, "draw", chat), held

    placeholder, order = await chosen("a fox")
    data = placeholder.buttons[0]["callback_data"]
    # The second one as a client may forge it.
    by_boris = await boris.within(chat).toasts(placeholder, data, "cancel:inline")
    unchanged = await control.message(chat, placeholder.id)
    await control.push_update(order)
    await eventually(lambda: control.message(chat, placeholder.id), lambda m: m.photo_id)
    before = await stage.charges()
    placeholder, order = await chosen("an owl")
    by_anna = await anna.within(chat).toasts(placeholder, placeholder.buttons[0]["callback_data"])
    await control.push_update(order)
    await anna.order("a hare")

    assert by_boris == [t("en", "not_your_button"), t("en", "cancel_over")]
    assert by_anna == [t("en", "cancel_over")]
    assert unchanged.text == t("en", "guest_wait")
    assert (await control.message(chat, placeholder.id)).text == t("en", "guest_lost")
    assert await stage.charges() == before + 1


async def test_of_mentions_beyond_the_limit_one_is_answered(stage: Stage) -> None:
    control, anna, boris = stage.control, await stage.user("Anna"), await stage.user("Boris")
    await anna.ask("/start")
    chat = await foreign(stage, anna, boris)
    name = (await control.get("state"))["bot"]["username"]

    after = await control.last_seq()
    async with stage.bot.redis() as redis:
        await redis.set(f"{keys.RATE_LIMIT}{anna.id}", 10_000, ex=600)
    for user in (anna, anna, boris):
        await control.say(user.person, f"@{name} a fox", chat_id=chat)
    limited = await answer_in(stage, chat, after)
    found = await eventually(
        lambda: control.messages(chat), lambda all_: "https://t.me/" in all_[-1].text
    )

    assert limited.text.startswith("⏳ Too many requests.")
    assert len([each for each in found if each.is_outgoing]) == 2


async def mention_of_old(stage: Stage, user: User, words: str) -> None:
    """Mention the bot so long ago that nothing can be answered there any more."""
    chat = {"id": -100500, "type": "supergroup", "title": "Elsewhere"}
    person = {"id": user.id, "is_bot": False, "first_name": user.person.first_name}
    message = {"message_id": 5, "date": 1_700_000_000, "chat": chat, "from": person}
    mention = message | {"text": words, "guest_query_id": "7"}
    await stage.control.push_update({"guest_message": mention})


async def test_an_old_mention_beyond_the_limit_is_told_of_to_whom_the_bot_knows(
    stage: Stage,
) -> None:
    anna, boris = await stage.user("Anna"), await stage.user("Boris")
    await anna.ask("/start")
    async with stage.bot.redis() as redis:
        for user in (boris, anna):
            await redis.set(f"{keys.RATE_LIMIT}{user.id}", 10_000, ex=600)
            await mention_of_old(stage, user, "a fox")

    await anna.wait(lambda m: m.text == t("en", "guest_unanswered", words="a fox"))

    assert await boris.said() == []


async def test_an_old_mention_orders_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    control, anna = stage.control, await stage.user("Anna")
    await anna.ask("/start")
    before = len((await control.provider())["ledger"])

    await mention_of_old(stage, anna, "a fox")
    await anna.order("a hare")

    assert len((await control.provider())["ledger"]) == before + 1
    assert t("en", "guest_unanswered", words="a fox") in await anna.said()

    # It is old by Telegram's clock, and not by a server's that is a minute ahead.
    for holder, attribute in ((stage.sandbox, "_now"), (stage.sandbox.state, "now")):
        monkeypatch.setattr(holder, attribute, lambda: time.time() - 60)
    group = await foreign(stage, anna)
    await mentioned(stage, anna, group, "thanks!")


async def test_a_placeholder_never_stays_without_its_end(stage: Stage) -> None:
    control, anna = stage.control, await stage.user("Anna")
    await anna.ask("/start")
    chat = await foreign(stage, anna)
    before = await stage.charges()

    # The answer that tells its id was lost: nobody but a user can name the placeholder.
    await control.fault("answerGuestQuery", "drop_after")
    lost = await mentioned(stage, anna, chat, "a fox")
    told = t("en", "guest_unanswered", words=f"{BOT_NAME} a fox")
    await anna.wait(lambda m: m.text == told)
    await control.click(anna.person, lost, "Cancel")
    given_up = await eventually(
        lambda: control.message(chat, lost.id), lambda m: m.text == t("en", "guest_lost")
    )
    # The chat takes no photos.
    refusal = {"error_code": 400, "description": "Bad Request: not enough rights to send photos"}
    await control.fault("editMessageMedia", "error", chat_id=0, **refusal)
    refused = await mentioned(stage, anna, chat, "an owl")
    elsewhere = await eventually(
        lambda: control.message(chat, refused.id), lambda m: m.text == t("en", "guest_ready")
    )

    assert not given_up.buttons
    assert not elsewhere.buttons
    assert await stage.charges() == before + 1


async def test_inline_mode_orders_nothing_for_a_user_who_has_blocked_the_bot(stage: Stage) -> None:
    control, anna = stage.control, await stage.user("Anna")
    await anna.ask("/start")
    chat = await foreign(stage, anna)
    before = await stage.charges()
    await control.block(anna.person)

    async def chosen(words: str) -> str:
        offers = await control.ask_inline(anna.person, words, chat_id=chat)
        sent = await control.choose_inline(offers, "draw", chat)
        ended = await eventually(lambda: control.message(chat, sent.id), lambda m: not m.buttons)
        return ended.text

    told = [await chosen(words) for words in ("a fox", "an owl")]
    await control.block(anna.person, blocked=False)
    await anna.order("a hare")

    assert told == [t("en", "chat_closed")] * 2
    assert await stage.charges() == before + 1


async def test_inline_mode_draws_its_words(stage: Stage) -> None:
    control, anna = stage.control, await stage.user("Anna")
    await anna.ask("/start")
    chat = await foreign(stage, anna)

    # A client may send what no keyboard types: the operator's terminal shows the words.
    offers = await control.ask_inline(anna.person, "a violet\x1b\u202e submarine", chat_id=chat)
    sent = await control.choose_inline(offers, "draw", chat)
    shown = await eventually(lambda: control.message(chat, sent.id), lambda m: m.photo_id)

    assert [offer["title"] for offer in offers.results][:1] == [t("en", "inline_draw")]
    assert "a violet submarine" in shown.text

    # In the chat with the bot it would be shown twice, and the placeholder is no request there.
    here = await control.ask_inline(anna.person, "a violet", chat_id=anna.id)
    before = await anna.said()
    await anna.say(t("ru", "guest_wait"), extra={"via_bot": stage.sandbox.state.bot})
    assert t("en", "inline_draw") not in [offer.get("title") for offer in here.results]
    assert await anna.said() == before
