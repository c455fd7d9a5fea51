"""Clips: asked about with their price, ordered once, shown in place of their status message."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from imgbot.domain.errors import UserError
from imgbot.domain.operations import Operation
from imgbot.domain.texts import t
from imgbot.domain.words import read
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import Talk
from imgbot.features.clips import ROW, TOPIC
from imgbot.features.stars.ledger import StarLedger
from imgbot.painter.clips import check_clip
from imgbot.sandbox.provider_tasks import draw_picture
from imgbot.sandbox.simulated_provider import PAGE
from imgbot.storage import keys
from tests.fixtures.bot import PAID
from tests.fixtures.clips import is_clip, mp4
from tests.fixtures.sandbox import picture
from tests.integration.stage import BOT_NAME, Stage, User, is_picture, jpeg, open_group, open_stage

LOOP = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
AGREE = "Make the clip · 20 🪙"

CHAT = ChatState((ChatPicture("p", Operation.CREATE, ("a fox",)),))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "animate it",
            "make it move, please",
            "make a 5 second clip",
            "turn this photo into a gif",
        ),
        *("make me a short video of it", "Make her come alive!", "оживи", "оживите это фото"),
        *(
            "пусть двигается",
            "сделай, чтобы она двигалась",
            "сделай гифку",
            "сделай короткое видео",
        ),
        *("анимируй её", "сделай 5-секундный ролик из этой картинки", "преврати фото в анимацию"),
    ],
)
def test_words_for_a_moving_picture_are_no_order(text: str) -> None:
    found = read(text, CHAT, [ROW])

    assert isinstance(found, Talk)
    assert found.topic == TOPIC


@pytest.mark.parametrize(
    "text",
    [
        *("an animated fox", "make it move to the left", "a video camera", "make a movie poster"),
        *("a clip art of a cat", "make the fox a gif icon", "оживи цвета", "пусть двигается поезд"),
        *("кадр из видео", "сделай обложку для клипа", "пусть она оживлённо говорит"),
    ],
)
def test_words_that_mean_a_still_picture_are_read_as_before(text: str) -> None:
    assert read(text, CHAT, [ROW]) == read(text, CHAT)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (mp4(), "video"),
        (mp4(60), "video"),
        (mp4(size_bytes=50_000_000), "video"),
        (mp4(size_bytes=51_000_000), ""),
        (mp4(61), ""),
        (mp4(0), ""),
        (mp4()[:-1], ""),
        (b"\0\0\0\x18ftypisom" + bytes(100), ""),
        (b"GIF89a" + bytes(100), ""),
        (picture(), ""),
        (PAGE, ""),
        (b"", ""),
    ],
    ids=[
        *("mp4", "a minute", "50 MB", "51 MB", "too long", "no length", "cut short"),
        *("no boxes", "half a gif", "jpeg", "page", "nothing"),
    ],
)
def test_only_a_whole_short_clip_that_telegram_takes_is_one(
    content: bytes, kind: str, tmp_path: Path
) -> None:
    (tmp_path / "result").write_bytes(content)
    paths = str(tmp_path / "result"), str(tmp_path / "ready")
    if not kind:
        with pytest.raises(UserError, match="result_not_a_picture"):
            check_clip(*paths)
        return
    found = check_clip(*paths)
    assert (found.kind, Path(found.path).read_bytes()) == (kind, content)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot that sells pictures for Stars."""
    settings = {**PAID, "IMGBOT_STARS": "picture=5, usd=100, pack=50"}
    async for stage in open_stage(tmp_path_factory.mktemp("shop"), **settings):
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def buyer(shop: Stage) -> User:
    """A user with 50 Stars."""
    user = await shop.user("Bob")
    invoice = await user.click(await user.ask("/buy"), "50")
    after = await user.control.last_seq()
    await user.control.pay(user.person, invoice)
    await user.wait(lambda each: each.text.startswith("✅"), after=after)
    return user


async def stars(user: User) -> int:
    async with user.stage.bot.redis() as redis:
        found = await StarLedger(redis).account(user.id)
    assert found.difference == 0
    return found.balance


def making(stage: Stage, content: bytes | None) -> None:
    """Have the provider answer with this file from now on; None is what it usually makes."""
    provider = stage.sandbox.providers["simulated"]
    provider.render = draw_picture if content is None else lambda _: content


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_clip_is_ordered_after_its_price_and_becomes_of_the_status_message(
    buyer: User, tmp_path: Path
) -> None:
    fox = await buyer.order("a red fox")
    before = await buyer.stage.charges()
    question = await buyer.ask("make it move")
    asked = await buyer.stage.charges()
    clip = await buyer.click(question, AGREE, is_clip)
    file = tmp_path / "clip.gif"
    file.write_bytes(await buyer.control.file(clip.raw["animation"]["file_id"]))
    latest = await buyer.ask("/last", fits=is_picture)

    assert question.text == t("en", "clips_ask")
    assert (asked, await buyer.stage.charges()) == (before, before + 1)
    assert (clip.text, clip.buttons) == (t("en", "caption_animate"), [])
    assert clip.edits > 0
    with Image.open(file) as decoded:
        assert (decoded.format, getattr(decoded, "n_frames", 1)) == ("GIF", 20)
    # Nothing is made of a clip: the picture is the fox.
    assert latest.photo_unique_id == fox.photo_unique_id
    assert await stars(buyer) == 50 - 5 - 20
    assert await buyer.toasts(question, question.buttons[0]["callback_data"])
    assert await buyer.stage.charges() == before + 1


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_words_behind_the_command_are_sent_with_a_photo_and_a_video_is_shown(
    buyer: User,
) -> None:
    making(buyer.stage, mp4())
    question = await buyer.ask("/animate she waves", jpeg("astronaut", (320, 320)))
    clip = await buyer.click(question, AGREE, is_clip)
    making(buyer.stage, None)

    assert clip.raw["video"]["mime_type"] == "video/mp4"
    assert (await buyer.stage.orders())[-1] == "animate she waves"


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("words", "order"),
    [
        ("slower", "animate slower"),
        ("/animate he runs", "animate he runs"),
        *((each, "animate she waves") for each in ("again", "make it move", "/animate")),
    ],
)
async def test_words_in_reply_to_a_clip_ask_about_another_one_of_its_picture(
    buyer: User, words: str, order: str
) -> None:
    question = await buyer.ask("/animate she waves", jpeg("cat", (320, 320)))
    clip = await buyer.click(question, AGREE, is_clip)
    await buyer.order("a red fox")
    before = await buyer.stage.charges()
    question = await buyer.ask(words, reply_to=clip.id)
    assert await buyer.stage.charges() == before
    again = await buyer.click(question, AGREE, is_clip)
    thanks = await buyer.ask("thanks!", reply_to=clip.id)

    assert again.id != clip.id
    assert (await buyer.stage.orders())[-1] == order
    assert thanks.buttons == []
    assert await buyer.stage.charges() == before + 1


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_question_that_could_not_be_removed_orders_one_clip(buyer: User) -> None:
    question = await buyer.ask("/animate", jpeg("cat", (320, 320)))
    before, control = await buyer.stage.charges(), buyer.control
    await control.fault("deleteMessage", "error", times=1, chat_id=buyer.id)
    await buyer.click(question, AGREE, is_clip)
    async with buyer.stage.bot.redis() as redis:
        # As if they pressed again a while later.
        await redis.delete("", *await redis.keys(f"{keys.ONCE}tap.*"))

    assert await buyer.toast(question, AGREE) == t("en", "tapped_already")
    assert await buyer.stage.charges() == before + 1


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_clip_of_51_mb_is_told_of_and_never_shown(buyer: User) -> None:
    before = await buyer.stage.charges()
    making(buyer.stage, mp4(size_bytes=51_000_000))
    question = await buyer.ask("оживи", jpeg("cat", (320, 320)))
    told = await buyer.click(question, "Сделать видео", lambda each: not each.buttons)
    making(buyer.stage, None)

    sentences = t("ru", "result_unusable"), t("ru", "charge_maybe"), "За это списано 20 🪙."
    assert told.text == " ".join(sentences)
    assert not [each for each in await buyer.results() if is_clip(each)]
    assert await buyer.stage.charges() == before + 1


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_one_that_failed_is_free_and_its_price_is_asked_again(buyer: User) -> None:
    await buyer.order("a red fox")
    before = await buyer.stage.charges()
    question = await buyer.ask("/animate [[sim:fail]]")
    failed = await buyer.click(question, AGREE, lambda each: "Try again" in str(each.raw))
    again = await buyer.click(failed, "Try again")

    assert failed.text.startswith(t("en", "provider_failed"))
    assert (again.text, await stars(buyer)) == (t("en", "clips_ask"), 45)
    assert AGREE in again.buttons[0]["text"]
    assert await buyer.stage.charges() == before


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_at_another_price_nothing_is_ordered_and_it_is_asked_again(buyer: User) -> None:
    await buyer.order("a red fox")
    before = await buyer.stage.charges()
    question = await buyer.ask("animate it")
    async with buyer.stage.bot.redis() as redis:
        [key] = await redis.keys(f"{keys.ONCE}said.{buyer.id}.clip.*")
        await redis.set(key, json.dumps(["10 🪙", *json.loads(str(await redis.get(key)))[1:]]))
    toast = await buyer.toast(question, "Make the clip")
    [*_, again] = await buyer.heard()

    assert toast == t("en", "price_changed_short")
    assert (again.text, again.id == question.id) == (t("en", "clips_ask"), False)
    assert await buyer.stage.charges() == before


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_who_has_too_few_stars_gets_none_and_pays_nothing(shop: Stage) -> None:
    anna, before = await shop.user("Anna"), await shop.charges()
    question = await anna.ask("make it move", jpeg("cat", (320, 320)))
    refusal = await anna.toast(question, AGREE)

    assert refusal.startswith("This costs 20 🪙, and your balance is 0 🪙.")
    assert await shop.charges() == before


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_in_a_topic_only_who_asked_can_agree_and_the_clip_comes_there(
    simulated_stage: Stage,
) -> None:
    ann, bob = await open_group(simulated_stage, is_forum=True)
    owl = await ann.order("/create an owl", thread_id=7)
    question = await ann.ask(f"{BOT_NAME} make it move", reply_to=owl.id, thread_id=7)
    data = question.button("Make the clip")["callback_data"]
    before = await simulated_stage.charges()
    foreign = await bob.toasts(question, data)
    clip = await ann.click(question, "Make the clip", is_clip)

    assert foreign == [t("en", "not_your_button")]
    assert clip.raw["message_thread_id"] == 7
    assert await simulated_stage.charges() == before + 1


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_group_that_forbids_videos_costs_one_clip(ann: User) -> None:
    owl = await ann.order("/create an owl")
    refusal = {"description": "Bad Request: not enough rights to send animations to the chat"}
    before = await ann.stage.charges()
    await ann.control.fault(
        "editMessageMedia", "error", times=1, chat_id=ann.chat_id, error_code=400, **refusal
    )
    told = t("en", "videos_forbidden")
    question = await ann.ask("/animate", reply_to=owl.id)
    await ann.click(question, "Make the clip", lambda each: each.text.startswith(told))
    question = await ann.ask("/animate", reply_to=owl.id)
    toast = await ann.toast(question, "Make the clip")

    assert toast == told
    assert await ann.stage.charges() == before + 1


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_without_a_model_nothing_is_offered_and_nothing_ordered(bob: User) -> None:
    fox = await bob.order("a red fox")
    panel = await bob.unfold(fox)
    menus = bob.stage.sandbox.state.commands.values()

    for words in ("make a 5 second clip", "/animate"):
        assert (await bob.ask(words)).text == t("en", "clips_none")
    assert t("en", "button_animate") not in str(panel.buttons)
    assert "animate" not in {each["command"] for menu in menus for each in menu}


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_button_asks_about_a_result_and_about_a_photo_that_was_sent(anna: User) -> None:
    owl = await anna.order("an owl")
    of_owl = await anna.click(await anna.unfold(owl), t("en", "button_animate"))
    menu = await anna.ask("", jpeg("cat", (320, 320)))
    of_cat = await anna.click(menu, t("en", "button_animate"))
    nobody = await (await anna.stage.user("Eve")).ask("make it move")

    assert of_owl.text == of_cat.text == t("en", "clips_ask")
    assert nobody.text == t("en", "clips_no_photo")
    # Both questions can be agreed to.
    for question in (of_owl, of_cat):
        await anna.click(question, "Make the clip", is_clip)
