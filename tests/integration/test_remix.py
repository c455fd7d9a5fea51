"""Changes of pictures that came from words, which are drawn anew, and options that repeat them."""

from pathlib import Path

import pytest

from imgbot.domain.texts import LANGUAGES, t
from imgbot.storage.stats import QueueStats
from tests.fixtures.bot import PAID
from tests.integration.stage import Stage, User, is_picture, jpeg, open_group, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_change_that_cannot_be_made_is_drawn_anew_with_the_same_seed(bob: User) -> None:
    await bob.order("a fox in a city --seed 7")

    fits = "without: city\n\n" + t("en", "drawn_anew")
    red = await bob.order("make it red")
    outside = await bob.order("without the city")
    winter = await bob.order("now in winter")

    assert red.text == "a red fox in a city\n\n" + t("en", "drawn_anew")
    assert outside.text == f"a red fox, {fits}"
    assert winter.text.startswith("a red fox, in winter, without: city")
    prompt = await bob.click(await bob.unfold(winter), "📝 Prompt", lambda m: "--seed" in m.text)
    assert prompt.text.endswith("\n\na red fox, in winter --no city --seed 7")


async def test_change_of_a_changed_picture_is_drawn_anew(builtin_stage: Stage) -> None:
    user = await builtin_stage.user(language="ru")
    await user.order("лиса")

    changed = await user.order("ярче")
    anew = await user.order("зимой")
    before = await user.ask("верни как было", fits=is_picture)

    assert not changed.text.endswith(t("ru", "drawn_anew"))
    assert anew.text == "лиса, зимой\nБез прежних правок: ярче\n\n" + t("ru", "drawn_anew")
    assert before.text == changed.text


async def test_drawn_anew_keeps_light_and_technique(builtin_stage: Stage) -> None:
    user = await builtin_stage.user(language="ru")
    for words in ("дом у озера", "сделай ночь", "как акварель"):
        await user.order(words)

    anew = await user.order("добавь лодку")

    assert anew.text.startswith("дом у озера, ночью, акварелью, лодка\n")
    assert "Без прежних правок" not in anew.text


async def test_drawn_anew_keeps_the_words_on_it(builtin_stage: Stage) -> None:
    user = await builtin_stage.user(language="ru")
    await user.order("открытка с новым годом, снеговик")
    await user.order("допиши «Ваша Аня»")
    anew = await user.order("добавь ёлку")

    words = "снеговик, открытка: «С Новым годом! Ваша Аня», ёлка"
    assert anew.text == f"открытка с новым годом, {words}\n\n" + t("ru", "drawn_anew")


async def test_photo_and_a_picture_whose_prompt_was_forgotten_are_not_drawn_anew(
    builtin_stage: Stage,
) -> None:
    user = await builtin_stage.user()
    refusal = "I can't do “wearing"
    picture = await user.order("a fox")
    async with builtin_stage.bot.redis() as redis:
        await redis.delete(*[key async for key in redis.scan_iter("img:result:*")])

    for sent in (picture, (await user.photos(jpeg("cat")))[0]):
        for words in ("wearing a hat", "wearing a crown"):
            await user.ask(words, reply_to=sent.id, fits=lambda m: m.text.startswith(refusal))


REPEATED = [
    ("16:9", ["create a castle"]),
    ("2 variants", ["create a castle", "create a castle"]),
    ("давай две", ["create a castle", "create a castle"]),
    ("same prompt, different seed", ["create a castle"]),
    ("another one, but at night", ["create a castle, at night"]),
    ("1:1 and no text", ["create a castle, without: text"]),
]


@pytest.mark.parametrize(("text", "expected"), REPEATED)
async def test_options_alone_repeat_the_prompt(anna: User, text: str, expected: list[str]) -> None:
    await anna.order("a castle --seed 5")
    before = len(await anna.stage.orders())

    await anna.say(text)
    await anna.heard()

    assert (await anna.stage.orders())[before:] == expected


async def test_a_wish_that_no_longer_fits_is_not_ordered(anna: User) -> None:
    await anna.order("a fox, " + "tall birches, " * 141)
    before = await anna.stage.charges()

    answer = await anna.ask("another one, but at night with a red moon and a green scarf")

    assert answer.text == t("en", "change_too_long", limit=2000)
    assert await anna.stage.charges() == before


async def test_options_after_a_photo_change_the_photo(anna: User) -> None:
    await anna.order("a castle")
    [photo] = await anna.photos(jpeg("cat"))
    before = len(await anna.stage.orders())

    await anna.order("16:9", reply_to=photo.id)

    assert (await anna.stage.orders())[before:] == ["edit 16:9"]


async def test_options_after_a_change_of_a_photo_change_it_once_more(anna: User) -> None:
    await anna.order("make it darker", jpeg("cat"))
    before = await anna.stage.orders()

    await anna.order("16:9")

    assert (await anna.stage.orders())[len(before) :] == ["edit 16:9"]


async def test_part_of_a_change_that_is_left_out_can_be_drawn_anew(bob: User) -> None:
    await bob.order("a cat --seed 7")
    changed = await bob.order("brighter and with a hat")

    anew = await bob.click(changed, "🎨 Draw anew: with a hat", is_picture)

    assert anew.text.splitlines()[0] == "a cat, with a hat"


COMPLAINTS = [
    ("en", "a car", "wrong car!", "🔁 Draw a different car", "create a car"),
    ("en", "a cat", "where is the hat?", "✏️ Change: add the hat", "edit add the hat"),
    ("en", "a cat", "you forgot the hat", "🔁 Draw again with “hat”", "create a cat, hat"),
    ("ru", "кот", "шляпу-то забыл", "✏️ Изменить: добавь шляпу", "edit добавь шляпу"),
    (
        "ru",
        "машина",
        "машина не красная",
        "🔁 Нарисовать снова: «красная машина»",
        "create красная машина",
    ),
    ("en", "a cat", "too dark", "✏️ Change: brighter", "edit brighter"),
]


@pytest.mark.parametrize(("language", "prompt", "complaint", "label", "expected"), COMPLAINTS)
async def test_complaint_is_answered_with_an_offer_in_its_words(
    simulated_stage: Stage, language: str, prompt: str, complaint: str, label: str, expected: str
) -> None:
    user = await simulated_stage.user(language=language)
    await user.order(prompt)
    before = len(await simulated_stage.orders())

    offer = await user.ask(complaint)
    await user.heard()
    unordered = (await simulated_stage.orders())[before:]
    await user.click(offer, label, is_picture)

    assert unordered == []
    assert (await simulated_stage.orders())[before:] == [expected]


async def test_picture_is_deleted_with_what_is_stored_of_it(builtin_stage: Stage) -> None:
    user = await builtin_stage.user()
    await user.order("a cat")
    picture = await user.order("a fox")

    question = await user.ask("delete this picture", reply_to=picture.id)
    gone_before = [each.id for each in await user.results() if each.is_deleted]
    toast = await user.toast(question, "🗑 Delete this picture")

    assert gone_before == []
    assert toast == t("en", "deleted_short")
    assert [each.id for each in await user.results() if each.is_deleted] == [picture.id]
    assert (await user.ask("/last", fits=is_picture)).text == "a cat"
    async with builtin_stage.bot.redis() as redis:
        [result] = [
            key
            async for key in redis.scan_iter("img:result:*")
            if await redis.hget(key, "user_id") == str(user.id)
        ]
        assert await redis.hget(result, "words") == "a cat"
        ended = await QueueStats(redis).ended(user.id)
        assert [job.words for job in ended] == ["a cat"]


@pytest.mark.parametrize("text", ["delete both", "удали их"])
async def test_both_pictures_are_deleted_after_one_question(anna: User, text: str) -> None:
    pictures = [await anna.order(each) for each in ("a cat", "a fox")]

    question = await anna.ask(text)
    toast = await anna.toast(question, question.buttons[0]["text"])

    assert toast in {t(language, "deleted_short") for language in LANGUAGES}
    gone = [each.id for each in await anna.results() if each.is_deleted]
    assert gone == [each.id for each in pictures]
    assert (await anna.ask("/last")).text in {t(each, "history_empty") for each in LANGUAGES}


async def test_pictures_named_by_numbers_are_shown_sent_and_deleted_together(anna: User) -> None:
    cat, _, owl = [await anna.order(each) for each in ("a cat", "a fox", "an owl")]

    await anna.say("send me the first and the third as files")
    captions = {t(each, "original_caption") for each in LANGUAGES}
    files = {each.document_id for each in await anna.heard() if each.text in captions}
    await anna.say("покажи первую и третью")
    shown = [each.text for each in await anna.heard() if is_picture(each)]
    question = await anna.ask("delete the last two")
    await anna.toast(question, question.buttons[0]["text"])

    assert len(files) == 2
    assert shown[-2:] == ["a cat", "an owl"]
    assert {cat.id, owl.id} <= {each.id for each in await anna.results() if each.is_deleted}
    assert (await anna.ask("/last", fits=is_picture)).text == "a fox"


async def test_only_the_own_picture_is_deleted(builtin_stage: Stage) -> None:
    ann, bob = await open_group(builtin_stage)
    picture = await ann.order("/create a fox")

    answer = await bob.ask("delete this picture", reply_to=picture.id)

    assert answer.text == t("en", "delete_nothing")
    assert not answer.buttons


WORDS = [
    ("en", "send me the png", t("en", "original_format", format="JPEG")),
    ("en", "send me the jpg", t("en", "original_caption")),
    ("ru", "пришли в png", t("ru", "original_format", format="JPEG")),
    ("ru", "скинь файлом", t("ru", "original_caption")),
    ("en", "what seed was that?", "Seed: 7"),
    ("ru", "что за промпт", "Промпт: a fox"),
    ("ru", "стикер", "🏷"),
    ("en", "make it a sticker", "🏷"),
]


@pytest.mark.parametrize(("language", "text", "expected"), WORDS)
async def test_words_do_what_the_buttons_do(
    builtin_stage: Stage, language: str, text: str, expected: str
) -> None:
    user = await builtin_stage.user(language=language)
    await user.order("a fox --seed 7")

    await user.ask(text, fits=lambda m: expected in m.text)


async def test_picture_that_is_drawn_anew_costs_what_a_new_one_costs(tmp_path: Path) -> None:
    settings = {
        "IMGBOT_PROVIDER": f"{PAID['IMGBOT_PROVIDER']}, edit=builtin",
        "IMGBOT_PER_USER": "usd=0.1",
    }
    async for stage in open_stage(tmp_path, **settings):
        user = await stage.user()
        await user.order("a fox")

        await user.order("make it red")
        free = await user.order("brighter")
        await user.ask("make it blue", fits=lambda m: m.text.startswith("I can't do “make"))

        assert "brighter" in free.text
        assert await stage.orders() == ["create a fox", "create a red fox"]
        assert await stage.charges() == 2
