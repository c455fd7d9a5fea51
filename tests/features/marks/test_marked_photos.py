"""Circle it and say it: a photo that was drawn on comes back, with words."""

from pathlib import Path

import pytest
from PIL import Image, ImageOps

from imgbot.domain.texts import t
from tests.fixtures.bot import Bot, with_simulated_provider, with_terms
from tests.fixtures.drawings import BLUE, RED, drawn, loop, stored
from tests.fixtures.photos import load_photo
from tests.fixtures.sandbox import open_sandbox
from tests.integration.stage import (
    BOT_NAME,
    Stage,
    User,
    has_buttons,
    is_picture,
    jpeg,
    open_group,
    open_owned,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CAT = load_photo("cat").resize((900, 600))
CIRCLE = loop(0.45, 0.45, 0.2)
PLAIN, DRAWN = stored(CAT), stored(drawn(CAT, CIRCLE))
OPEN_LINE = stored(drawn(CAT, loop(0.45, 0.45, 0.2, gap=0.12)))
DOT = stored(drawn(CAT, [(0.5, 0.5), (0.502, 0.5)]))
OTHER, SMALL = jpeg("astronaut"), jpeg("astronaut", (90, 60))


async def last_order(stage: Stage) -> tuple[str, str, int, float]:
    task = (await stage.control.provider())["tasks"][-1]
    return task["operation"], task["words"], task["images"], round(task["area"], 1)


@pytest.mark.parametrize("words", ["убери это", "make this red", "put a hat here", "delete this"])
@pytest.mark.usefixtures("undisturbed")
async def test_words_with_a_drawn_photo_are_about_the_area(
    simulated_stage: Stage, anna: User, words: str
) -> None:
    [photo] = await anna.photos(PLAIN)
    result = await anna.order(words, DRAWN, reply_to=photo.id)

    assert await last_order(simulated_stage) == ("inpaint", words, 1, 0.1)
    language = "ru" if words == "убери это" else "en"
    assert result.text == t(language, "caption_inpaint", words=words)
    assert await simulated_stage.charges() == len(await simulated_stage.orders())


@pytest.mark.parametrize("album", [(PLAIN, DRAWN), (DRAWN, PLAIN)], ids=["after it", "before it"])
@pytest.mark.parametrize("words", ["make this red", "сделай зелёным"])
async def test_an_album_of_a_photo_and_its_drawn_copy_is_about_the_area(
    simulated_stage: Stage, anna: User, album: tuple[bytes, bytes], words: str
) -> None:
    await anna.order(words, *album)

    assert await last_order(simulated_stage) == ("inpaint", words, 1, 0.1)


@pytest.mark.parametrize("between", [(), (OTHER, jpeg("pendulum"), SMALL)], ids=["last", "fourth"])
@pytest.mark.parametrize("words", ["remove the cat", "убери это"])
async def test_a_drawn_copy_of_one_of_the_four_latest_pictures_needs_no_reply(
    simulated_stage: Stage, anna: User, words: str, between: tuple[bytes, ...]
) -> None:
    for photo in (PLAIN, *between):
        await anna.photos(photo)
    await anna.order(words, DRAWN)

    assert await last_order(simulated_stage) == ("inpaint", words, 1, 0.1)


async def test_a_circle_on_the_original_is_no_second_mark_beside_what_was_changed(
    simulated_stage: Stage, anna: User
) -> None:
    changed = stored(drawn(CAT, loop(0.8, 0.8, 0.08), colours=[BLUE], width=0.03))
    for photo in (PLAIN, changed):
        await anna.photos(photo)

    await anna.order("put a hat here", DRAWN)

    assert await last_order(simulated_stage) == ("inpaint", "put a hat here", 1, 0.1)


async def test_a_circle_on_a_photo_of_long_ago_says_to_reply(
    simulated_stage: Stage, anna: User
) -> None:
    charges = await simulated_stage.charges()
    for photo in (PLAIN, OTHER, jpeg("pendulum"), SMALL, jpeg("pendulum", (90, 60))):
        await anna.photos(photo)

    await anna.ask("remove this", DRAWN, fits=lambda m: m.text == t("en", "area_alone"))

    assert await simulated_stage.charges() == charges


async def test_two_members_of_a_group_may_circle_one_picture(simulated_stage: Stage) -> None:
    anna, bob = await open_group(simulated_stage)
    created = await anna.order(f"{BOT_NAME} a cat")
    image = (await anna.image(created)).convert("RGB")

    for member, words in ((anna, "make it blue"), (bob, "remove this")):
        await member.order(f"{BOT_NAME} {words}", stored(drawn(image, CIRCLE)))
        assert (await last_order(simulated_stage))[:3] == ("inpaint", words, 1)


@pytest.mark.parametrize(
    ("photos", "words"), [((DRAWN,), "delete this"), ((DRAWN,), "убери"), ((PLAIN, DRAWN), "удали")]
)
async def test_words_that_remove_may_follow_what_was_drawn(
    simulated_stage: Stage, anna: User, photos: tuple[bytes, ...], words: str
) -> None:
    [photo] = await anna.photos(PLAIN)
    await anna.ask("", *photos, reply_to=photo.id, fits=has_buttons)
    await anna.order(words)

    assert await last_order(simulated_stage) == ("inpaint", words, 1, 0.1)


async def test_retouch_by_its_button_is_about_the_whole_photo(
    simulated_stage: Stage, anna: User
) -> None:
    [photo] = await anna.photos(PLAIN)
    question = (await anna.heard())[-1]
    asked = await anna.ask("", DRAWN, reply_to=photo.id, fits=lambda m: m.id != question.id)
    await anna.click(asked, "Retouch", is_picture)

    assert (await last_order(simulated_stage))[0] == "retouch"


async def test_words_may_follow_the_drawn_photo_and_a_result_may_be_drawn_on(
    simulated_stage: Stage, anna: User
) -> None:
    created = await anna.order("a cat")
    image = (await anna.image(created)).convert("RGB")

    await anna.ask("", stored(drawn(image, CIRCLE)), reply_to=created.id, fits=has_buttons)
    result = await anna.order("make it blue")
    undone = await anna.ask("undo", fits=is_picture)

    assert (await last_order(simulated_stage))[:3] == ("inpaint", "make it blue", 1)
    assert (await anna.unfold(result)).button("↩️ Undo")
    assert undone.photo_unique_id == created.photo_unique_id


@pytest.mark.parametrize(
    ("label", "order"),
    [
        ("✅ This area", ("inpaint", "make this red", 1, 0.1)),
        ("🖼 The whole photo", ("edit", "make this red", 1, 0)),
    ],
)
async def test_a_doubtful_area_is_shown_before_it_is_ordered(
    simulated_stage: Stage, anna: User, label: str, order: tuple[str, str, int, float]
) -> None:
    charges = await simulated_stage.charges()
    [photo] = await anna.photos(PLAIN, spoiler=True)

    asked = await anna.order("make this red", OPEN_LINE, reply_to=photo.id)
    before = await simulated_stage.charges()
    await anna.click(asked, label, is_picture)

    assert asked.text.startswith(t("en", "area_unsure"))
    assert asked.raw["has_media_spoiler"]
    assert before == charges
    assert await last_order(simulated_stage) == order
    assert await simulated_stage.charges() == charges + 1
    assert (await anna.control.message(anna.id, asked.id)).is_deleted


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (stored(drawn(CAT, CIRCLE).crop((90, 60, 810, 540))), "area_elsewhere"),
        (stored(ImageOps.mirror(drawn(CAT, CIRCLE))), "area_elsewhere"),
        (stored(Image.new("RGB", CAT.size, RED)), "area_all"),
        (DOT, "area_dot"),
        (stored(drawn(CAT, CIRCLE, loop(0.8, 0.8, 0.1), colours=[RED, BLUE])), "area_two_pens"),
        (OTHER, "area_missing"),
    ],
    ids=["cropped", "mirrored", "everything", "dot", "two pens", "another photo"],
)
async def test_a_drawing_that_says_too_little_is_asked_about_for_free(
    simulated_stage: Stage, anna: User, sent: bytes, reason: str
) -> None:
    charges = await simulated_stage.charges()
    [photo] = await anna.photos(PLAIN)

    answer = await anna.ask(
        "remove this", sent, reply_to=photo.id, fits=lambda m: t("en", reason) in m.text
    )

    assert await simulated_stage.charges() == charges
    assert bool(answer.buttons) == (reason != "area_missing")


@pytest.mark.parametrize(
    ("photos", "is_reply", "reason"),
    [
        ((PLAIN, DRAWN, OTHER), False, "area_many"),
        ((OTHER,), True, "area_missing"),
        ((OTHER,), False, "area_alone"),
    ],
)
async def test_words_that_need_an_area_order_nothing_without_one(
    simulated_stage: Stage, anna: User, photos: tuple[bytes, ...], is_reply: bool, reason: str
) -> None:
    charges = await simulated_stage.charges()
    [photo] = await anna.photos(PLAIN)
    fields = {"reply_to": photo.id} if is_reply else {}

    await anna.ask("убери это", *photos, fits=lambda m: t("ru", reason) in m.text, **fields)

    assert await simulated_stage.charges() == charges


@pytest.mark.parametrize(
    ("sent", "photos"), [(OPEN_LINE, ()), (OPEN_LINE, (DRAWN,)), (DOT, (DRAWN,))]
)
async def test_a_question_about_a_drawing_is_no_photo_itself(
    simulated_stage: Stage, anna: User, sent: bytes, photos: tuple[bytes, ...]
) -> None:
    [photo] = await anna.photos(PLAIN)
    asked = await anna.ask(
        "make this red",
        sent,
        reply_to=photo.id,
        fits=lambda m: any("The whole photo" in each["text"] for each in m.buttons),
    )
    charges = await simulated_stage.charges()

    answer = await anna.ask("make this red", *photos, reply_to=asked.id)

    assert answer.text == t("en", "area_no_photo")
    assert await simulated_stage.charges() == charges


async def test_only_what_reads_a_photo_is_refused_in_reply_to_a_question(
    simulated_stage: Stage,
) -> None:
    anna, _ = await open_group(simulated_stage)
    [photo] = await anna.photos(PLAIN)
    asked = await anna.ask(
        f"{BOT_NAME} make this red", OPEN_LINE, reply_to=photo.id, fits=is_picture
    )
    charges = await simulated_stage.charges()
    before = await anna.said()

    cancelled = await anna.ask("/cancel", reply_to=asked.id)
    for words in ("/help@another_bot", "thanks", "make this red"):
        await anna.say(words, reply_to=asked.id)
    await anna.photos(OTHER, DRAWN, reply_to=asked.id)

    refusal = t("en", "area_no_photo")
    assert cancelled.text == t("en", "cancel_nothing")
    assert await anna.said() == [*before, refusal, refusal]
    assert await simulated_stage.charges() == charges


async def test_photos_without_a_drawing_are_used_as_ever(simulated_stage: Stage) -> None:
    anna = await simulated_stage.user()
    [photo] = await anna.photos(PLAIN)

    await anna.order("add a hat", OTHER, reply_to=photo.id)
    edited = await last_order(simulated_stage)
    await anna.order("put one beside the other", PLAIN, OTHER)

    await anna.order("side by side", PLAIN, DRAWN)

    assert edited == ("edit", "add a hat", 1, 0)
    assert (await simulated_stage.orders())[-2:] == [
        "merge put one beside the other",
        "merge side by side",
    ]


async def test_the_engine_removes_and_says_what_it_cannot_do(bob: User) -> None:
    [photo] = await bob.photos(PLAIN)

    removed = await bob.order("remove this", DRAWN, reply_to=photo.id)
    refused = await bob.ask(
        "put a hat here", DRAWN, reply_to=photo.id, fits=lambda m: "a hat here" in m.text
    )

    hinted = await bob.ask("remove the lamp", OTHER, fits=lambda m: "the lamp" in m.text)

    assert removed.text.splitlines()[-1].endswith("Removed")
    assert hinted.text.endswith(t("en", "area_hint"))
    assert refused.text.startswith(t("en", "area_words_unknown", words="put a hat here"))
    assert not refused.buttons


async def test_a_provider_without_masks_changes_the_whole_photo_only_when_told(
    tmp_path: Path,
) -> None:
    async with open_sandbox(flood=False) as (sandbox, control):
        settings = with_simulated_provider(sandbox)
        settings["IMGBOT_PROVIDER"] += ", inpaint=builtin"
        async with Bot(sandbox, tmp_path, **settings) as bot:
            stage = Stage(bot, control, sandbox)
            anna = await stage.user()
            [photo] = await anna.photos(PLAIN)

            refused = await anna.ask(
                "put a hat here", DRAWN, reply_to=photo.id, fits=lambda m: "a hat here" in m.text
            )
            before = await stage.charges()
            await anna.click(refused, "🖼 The whole photo", is_picture)

            assert (before, await stage.orders()) == (0, ["edit put a hat here"])


async def test_what_costs_too_much_for_the_area_is_done_to_the_whole_photo(tmp_path: Path) -> None:
    settings = {"IMGBOT_DAILY_BUDGET": "0.08"}
    settings["IMGBOT_PROVIDER"] = with_terms(tmp_path, "prices_usd = { edit = 0, inpaint = 0.09 }")
    async for stage in open_owned(tmp_path, **settings):
        anna = await stage.user("Anna")
        [photo] = await anna.photos(PLAIN)

        changed = await anna.order("make it warmer", OTHER, reply_to=photo.id)
        marked = anna.photos(DRAWN, caption="make this red", reply_to=photo.id)
        asked = await anna.after(marked, lambda message: message.text == t("en", "area_short"))
        whole = await anna.click(asked, "The whole photo", is_picture)

        assert (changed.text, whole.text) == ("✏️ make it warmer", "✏️ make this red")
