"""What plain texts lead to: an order where one is meant, an answer where not, else a question."""

import asyncio
import json

import pytest

from imgbot.domain.texts import t
from imgbot.providers.chat import DAILY_LIMIT
from imgbot.storage import keys
from tests.fakes.scripted_server import open_script
from tests.fixtures.sandbox import Message
from tests.integration.stage import (
    UNDISTURBED,
    Stage,
    User,
    has_buttons,
    is_picture,
    jpeg,
    open_group,
    open_stage,
)

pytestmark = UNDISTURBED

FOX = {"en": "a fox", "ru": "лиса"}


async def ordered_by(user: User, text: str) -> tuple[list[str], list[Message]]:
    """Orders, each with its prompt, and messages that a text led to."""
    before, shown = await user.stage.orders(), await user.heard()
    await user.say(text)
    after = (await user.heard())[len(shown) :]
    return (await user.stage.orders())[len(before) :], after


async def after_a_picture(
    stage: Stage, said: list[tuple[str, str, str]]
) -> tuple[list[str], dict[str, list[Message]]]:
    """Orders that these texts led to, each of a user with a picture, and messages by text."""
    led_to: dict[str, list[Message]] = {}

    async def say(user: User, text: str) -> None:
        shown = await user.heard()
        await user.say(text)
        led_to[text] = (await user.heard())[len(shown) :]

    users = [await stage.user(language=language) for language, *_ in said]
    async with asyncio.TaskGroup() as group:
        for user, (language, *_) in zip(users, said, strict=True):
            group.create_task(user.order(FOX[language]))
    before = await stage.orders()
    async with asyncio.TaskGroup() as group:
        for user, (_, text, _) in zip(users, said, strict=True):
            group.create_task(say(user, text))
    return (await stage.orders())[len(before) :], led_to


async def requests_of(user: User) -> int:
    async with user.stage.bot.redis() as redis:
        return int(await redis.get(f"{keys.RATE_LIMIT}{user.id}") or 0)


ORDERED = [
    ("en", "a castle in the clouds", "create a castle in the clouds"),
    ("ru", "замок в облаках", "create замок в облаках"),
    ("en", "A fox", "create A fox"),
    ("en", "could you draw an owl?", "create an owl"),
    ("ru", "смотри мне надо чтобы ты мне сделал картинку где кот спит", "create кот спит"),
    ("en", "make it brighter", "edit make it brighter"),
    ("ru", "сделай её ярче", "edit сделай её ярче"),
    ("en", "another one", "create a fox"),
    ("ru", "ещё", "create лиса"),
    ("en", "remove the background", "removebg"),
    ("ru", "увеличь в 4 раза", "upscale"),
]


async def test_sure_text_after_a_picture_is_ordered_once(simulated_stage: Stage) -> None:
    orders, led_to = await after_a_picture(simulated_stage, ORDERED)

    assert sorted(orders) == sorted(expected for *_, expected in ORDERED)
    for text, messages in led_to.items():
        assert [is_picture(message) for message in messages] == [True], text


ANSWERED = [
    ("en", "how much does it cost?", "answer_price"),
    ("ru", "сколько это стоит?", "answer_price"),
    ("en", "delete my data", "answer_privacy"),
    ("ru", "удали мои данные", "answer_privacy"),
    ("en", "is this a neural network?", "answer_provider"),
    ("ru", "это нейросеть?", "answer_provider"),
    ("en", "where is my picture?", "queue_empty"),
    ("ru", "долго ещё?", "queue_empty"),
    ("en", "what can you draw?", "help"),
    ("en", "can you speak French?", "help"),
    ("en", "I don't like it", "complaint"),
    ("ru", "мне не нравится", "complaint"),
    ("ru", "настройки", "settings"),
    ("en", "thanks!", "pleasantry"),
    ("ru", "отмена", "cancel_nothing"),
    ("en", "it is blurry", "complaint"),
    ("en", "wrong fox", "complaint"),
    ("ru", "лиса не рыжая", "complaint"),
    ("en", "delete this picture", "delete_ask"),
    ("en", "stop sending me pictures", "cancel_nothing"),
    ("en", "reset everything", "start"),
    ("en", "Don´t draw it", "cancel_nothing"),
    ("en", "Thanks, John", "pleasantry"),
    ("ru", "Одну минуту", "tell_me"),
    ("en", "hmm", "tell_me"),
    ("en", "fuck you", "tell_me"),
    ("en", "I love it", "pleasantry"),
    ("ru", "👍", "pleasantry"),
]


async def test_question_or_complaint_is_answered_and_never_ordered(simulated_stage: Stage) -> None:
    orders, led_to = await after_a_picture(simulated_stage, ANSWERED)

    assert orders == []
    for language, text, key in ANSWERED:
        [answer] = led_to[text]
        expected = t(language, key, **({"makers": "…"} if key == "answer_provider" else {}))
        assert answer.text.startswith(expected.partition("…")[0]), text


async def test_complaint_offers_another_one_and_a_change(simulated_stage: Stage) -> None:
    user = await simulated_stage.user(language="ru")
    await user.order("лиса")
    complaint = await user.ask("мне не нравится", fits=has_buttons)

    again = await user.click(complaint, "Ещё раз", is_picture)
    question = await user.click(complaint, "Изменить")

    assert again.text == "лиса"
    assert question.text == t("ru", "ask_edit_words")


async def test_complaint_about_the_picture_of_another_offers_no_buttons(
    simulated_stage: Stage,
) -> None:
    ann, bob = await open_group(simulated_stage)
    fox = await ann.order("/create a fox")

    own, others = [await user.ask("I don't like it", reply_to=fox.id) for user in (ann, bob)]

    assert (own.text, others.text) == (t("en", "complaint"), t("en", "complaint_nothing"))
    assert own.buttons
    assert not others.buttons


async def test_change_is_shown_in_reply_to_the_picture_it_changes(anna: User) -> None:
    fox = await anna.order("a fox")

    brighter = await anna.order("make it brighter")

    assert brighter.reply_to == fox.id


@pytest.mark.parametrize(
    ("language", "text", "pressed", "expected"),
    [
        ("en", "on the beach", "New picture", "create on the beach"),
        ("ru", "на пляже", "Изменить эту", "edit на пляже"),
    ],
)
async def test_unsure_text_is_ordered_by_a_button_and_next_time_at_once(
    simulated_stage: Stage, language: str, text: str, pressed: str, expected: str
) -> None:
    user = await simulated_stage.user(language=language)
    await user.order(FOX[language])
    counted = await requests_of(user)

    orders, [question] = await ordered_by(user, text)
    still_counted = await requests_of(user)
    before = len(await simulated_stage.orders())
    await user.click(question, pressed, is_picture)
    chosen = (await simulated_stage.orders())[before:]
    shown = await user.heard()
    # About another picture, not the one that was just made of these words.
    await user.order(FOX[language])
    repeated, _ = await ordered_by(user, text)

    assert orders == []
    assert question.text == t(language, "ask_meaning")
    assert (still_counted, await requests_of(user)) == (counted, counted + 3)
    assert chosen == repeated == [expected]
    assert question.id not in {message.id for message in shown}


async def test_text_that_is_gone_is_not_guessed(anna: User) -> None:
    await anna.order("a fox")
    question = await anna.ask("on the beach")
    before = await anna.stage.orders()
    # Telegram shows a question without the deleted message that it replied to.
    del anna.stage.sandbox.state.chats[anna.id].posts[question.id].message["reply_to_message"]

    assert await anna.toasts(question, "meant:create") == [t("en", "words_gone")]
    assert await anna.stage.orders() == before


async def test_new_idea_is_offered_while_a_photo_waits_and_the_question_stays(
    simulated_stage: Stage,
) -> None:
    user, text = await simulated_stage.user(language="ru"), "на пляже"
    await user.ask("", jpeg("cat"), fits=has_buttons)

    orders, [question] = await ordered_by(user, text)
    created = await user.click(question, t("ru", "button_new_picture"), is_picture)
    edited = await user.order("чб")

    assert orders == []
    assert created.text == text
    assert edited.text == "✏️ чб"


async def test_new_idea_is_offered_while_a_size_is_awaited(anna: User) -> None:
    await anna.ask("/upscale", jpeg("cat"))

    orders, [question] = await ordered_by(anna, "two cats in space")
    created = await anna.click(question, "New picture", is_picture)
    enlarged, _ = await ordered_by(anna, "4")

    assert orders == []
    assert question.text == t("en", "choose_scale_please")
    assert created.text == "two cats in space"
    assert enlarged == ["upscale"]


async def test_picture_of_another_chat_is_not_changed(simulated_stage: Stage) -> None:
    ann, bob = await open_group(simulated_stage)
    await ann.within(ann.id).order("a fox")

    await ann.say("@imgbot_sandbox_bot make it brighter")
    [question] = await ann.heard()

    assert question.text == t("en", "nothing_to_change")
    assert await bob.toast(question, "New picture") == t("en", "not_your_button")


async def test_flags_of_other_services_are_named_once_and_never_sent(anna: User) -> None:
    orders, messages = await ordered_by(anna, "a fox, 2 variants --v 6.1 --s 250 --no snow")
    changed, [edited] = await ordered_by(anna, "make the second one brighter --q 2")

    captions = sorted(message.text for message in messages)
    assert orders == ["create a fox, without: snow"] * 2
    assert captions == [
        "1/2 · a fox, without: snow\nIgnored: --v 6.1, --s 250",
        "2/2 · a fox, without: snow",
    ]
    assert changed == ["edit make it brighter"]
    assert edited.text == "✏️ make it brighter\nIgnored: --q 2"


async def test_more_variants_than_possible_are_reported(simulated_stage: Stage) -> None:
    user = await simulated_stage.user(language="ru")

    orders, messages = await ordered_by(user, "5 вариантов лисы")

    assert orders == ["create лисы"] * 4
    assert t("ru", "variants_most", limit=4) in [message.text for message in messages]


@pytest.mark.parametrize(
    ("text", "count"), [("one more", 1), ("3 more", 3), ("давай ещё два варианта", 2)]
)
async def test_as_many_more_are_made_as_asked_for(anna: User, text: str, count: int) -> None:
    await anna.order("a fox")

    orders, _ = await ordered_by(anna, text)

    assert orders == ["create a fox"] * count


async def test_more_repetitions_than_possible_are_reported(anna: User) -> None:
    await anna.order("a fox")

    orders, messages = await ordered_by(anna, "make 7 variants of this")

    assert orders == ["create a fox"] * 4
    assert t("en", "variants_most", limit=4) in [message.text for message in messages]


@pytest.mark.parametrize("text", ["/create 3 variants", "16:9", "/create --ar 16:9"])
async def test_options_alone_are_no_picture(anna: User, text: str) -> None:
    orders, [answer] = await ordered_by(anna, text)

    assert orders == []
    assert answer.text in {t("en", "words_empty"), t("en", "again_nothing")}


@pytest.mark.parametrize("caption", ["edit this", "look at my cat!", "отредактируй"])
async def test_caption_that_asks_for_nothing_is_asked_about(
    simulated_stage: Stage, caption: str
) -> None:
    user, before = await simulated_stage.user(), await simulated_stage.orders()

    answer = await user.ask(caption, jpeg("cat", (320, 240)), fits=has_buttons)

    assert answer.text in {t("en", "ask_photo_action"), t("ru", "ask_photo_action")}
    assert await simulated_stage.orders() == before


@pytest.mark.parametrize("text", ["merge them", "Объедини эти фото"])
async def test_merging_in_words_waits_for_another_photo(simulated_stage: Stage, text: str) -> None:
    bob = await simulated_stage.user()
    await bob.after(bob.photos(jpeg("cat", (320, 240))))

    ordered, [answer] = await ordered_by(bob, text)
    count = await bob.after(bob.photos(jpeg("astronaut", (240, 320))), has_buttons)
    merged = await bob.click(count, "🧩", is_picture)

    assert ordered == []
    assert (await simulated_stage.orders())[-1] == f"merge {text}"
    assert answer.text in {t("en", "merge_count_one"), t("ru", "merge_count_one")}
    assert "2" in merged.text


async def test_two_photos_are_merged_by_a_word(anna: User) -> None:
    await anna.after(anna.photos(jpeg("astronaut", (320, 240))))
    await anna.after(anna.photos(jpeg("cat", (320, 240))))

    merged = await anna.order("merge them")

    assert (await anna.stage.orders())[-1] == "merge merge them"
    assert "2" in merged.text


async def test_another_one_while_photos_are_collected_orders_nothing(
    simulated_stage: Stage,
) -> None:
    user = await simulated_stage.user(language="ru")
    await user.order("лиса")
    await user.ask("/merge")
    await user.ask("", jpeg("cat"))

    ordered, _ = await ordered_by(user, "ещё")
    offered, [question] = await ordered_by(user, "нарисуй кота в космосе")

    assert ordered == offered == []
    assert [button["text"] for button in question.buttons] == [
        t("ru", "button_new_picture"),
        t("ru", "button_merge_now"),
    ]


def _completion(content: dict[str, object]) -> dict[str, object]:
    return {"choices": [{"message": {"role": "assistant", "content": json.dumps(content)}}]}


async def test_a_chat_model_decides_and_writes_out_until_its_daily_limit(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with open_script() as model:
        pairs = [{"shown": f"лиса {n}", "sent": f"a fox {n}"} for n in (1, 2, 3)]
        model.on(
            "POST /v1/chat/completions",
            _completion({"intent": "change", "pictures": [1], "words": "", "ratio": ""}),
            _completion({"versions": pairs[:2]}),
            _completion({"versions": pairs}),
        )
        settings = {
            "IMGBOT_CHAT": f"{model.url}/v1/ small-1",
            "IMGBOT_CHAT_KEY": "sk-not-for-the-log",
        }
        folder = tmp_path_factory.mktemp("chat")
        async for stage in open_stage(folder, is_simulated=True, **settings):
            user, ivan = await stage.user(), await stage.user("Ivan", language="ru")
            fox = await ivan.unfold(await ivan.order("лиса, 16:9"))
            await user.order("a fox")

            first, _ = await ordered_by(user, "on the beach")
            failed = await ivan.toast(fox, "Подробнее")
            offered = [await ivan.click(fox, "Подробнее") for _ in range(2)]
            stale = offered[1].button("🎨 2")["callback_data"].rpartition(".")[0] + ".00000000"
            assert await ivan.press_again(offered[1], stale) == [t("ru", "price_changed_short")]
            drawn = await ivan.click(offered[1], "🎨 2", is_picture)
            receipt = await ivan.click(await ivan.unfold(drawn), "ℹ️")
            async with stage.bot.redis() as redis:
                [today] = await redis.keys("img:chat-calls:*")
                assert await redis.getset(today, DAILY_LIMIT) == "3"
            second, [question] = await ordered_by(user, "in the desert")
            privacy = await user.ask("/privacy")

            assert (first, second) == (["edit on the beach"], [])
            assert question.text == t("en", "ask_meaning")
            assert failed == t("ru", "more_failed")
            # The second press shows what was written and paid for already.
            assert [each.text for each in offered] == [
                "1. лиса 1\n\n2. лиса 2\n\n3. лиса 3\n\nКакой нарисовать?"
            ] * 2
            assert (drawn.text, (await ivan.image(drawn)).size) == (
                "лиса 2",
                (await ivan.image(fox)).size,
            )
            assert "Отправлено так: a fox 2" in receipt.text
            assert (await stage.orders())[-1] == "create a fox 2"
            assert len(model.asked) == 3
            assert (
                "name, are also sent to 127.0.0.1; so is a prompt when you press ✨."
                in privacy.text
            )
            assert "sk-not-for-the-log" not in stage.bot.log


async def test_a_chat_model_chooses_among_several_pictures(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with open_script() as model:
        answers = [("create", []), ("change", [2]), ("other", [])]
        model.on(
            "POST /v1/chat/completions",
            *(
                _completion({"intent": intent, "pictures": numbers, "words": "", "ratio": ""})
                for intent, numbers in answers
            ),
        )
        settings = {"IMGBOT_CHAT": f"{model.url}/v1/ small-1"}
        async for stage in open_stage(tmp_path_factory.mktemp("several"), **settings):
            user = await stage.user()
            fox = await user.order("a fox")
            await user.order("a ship")

            chosen = await user.order("make it darker")
            newest = await user.order("make it warmer")

            assert chosen.reply_to == fox.id
            # Without an answer of the model, the words are read as they are without one.
            assert newest.reply_to == chosen.id
            assert len(model.asked) == 3


async def test_who_leaves_it_to_the_bot_gets_suggestions_as_buttons(anna: User) -> None:
    before = await anna.stage.orders()

    offer = await anna.ask("draw me anything", fits=lambda message: message.buttons)
    asked = await anna.stage.orders()
    drawn = await anna.click(offer, "lighthouse", is_picture)

    assert (offer.text, len(offer.buttons)) == (t("en", "ask_idea"), 3)
    assert asked == before
    assert drawn.text == "a lighthouse in a storm at night"


async def test_unsure_text_waits_for_its_button_through_a_restart(anna: User) -> None:
    await anna.order("a fox")
    question = await anna.ask("on the beach")
    await anna.stage.bot.stop()
    await anna.stage.bot.start()

    changed = await anna.click(question, "Change this", is_picture)

    assert changed.text == "✏️ on the beach"
