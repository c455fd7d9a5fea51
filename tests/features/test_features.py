"""Features: the bot works without any one of them, and none takes what is another's."""

from pathlib import Path
from typing import Any

import pytest

from imgbot.bot.dialogue import Dialogue, Draft
from imgbot.config.sources import PLACEHOLDER_TOKEN, load_settings
from imgbot.domain.errors import UserError
from imgbot.domain.texts import t
from imgbot.features.feature import Core, Feature, Seams
from imgbot.storage.keys import Owner
from imgbot.storage.scripts import sources
from imgbot.wiring.features import FEATURES, joined, owners, unused
from tests.fixtures.hostile import assert_undisturbed
from tests.fixtures.sandbox import Message
from tests.integration.stage import User, is_picture, jpeg, open_owned

FOLDER = Path(__file__).parents[2] / "imgbot" / "features"

COMMANDS = {
    "stars": "/refund",
    "broadcast": "/broadcast to all",
    "people": "/stats",
    "alerts": "/pause",
    "privacy": "/privacy",
    "styles": "/styles",
}
"""One that is gone with its feature, where it has any."""


def test_each_folder_is_a_feature_that_is_listed() -> None:
    folders = sorted(file.parent.name for file in FOLDER.glob("*/__init__.py"))

    assert folders == sorted(feature.name for feature in FEATURES)


def test_scripts_of_a_feature_use_its_own_keys() -> None:
    for feature in FEATURES:
        for script in (FOLDER / feature.name / "lua").glob("*.lua"):
            header = script.read_text().partition("-- KEYS: ")[2].partition("\n")[0]
            named = (name.partition("=")[2] for name in header.split())
            own = (key.partition("{")[0] for key in named)
            assert set(filter(None, own)) <= feature.keys.keys()
            assert script.stem in sources()
    assert len(owners()) > len(FEATURES)


def test_a_feature_forgets_by_itself_what_its_keys_do_not_say() -> None:
    by_method = [each for each in FEATURES if (Owner.METHOD,) in each.keys.values()]

    assert by_method == [each for each in FEATURES if each.forget]


async def _nothing(*_: Any) -> Any: ...


@pytest.mark.parametrize("name", ["updates", "answers", "kept_handlers", "decide_unsure"])
def test_a_part_of_two_owners_is_refused(name: str) -> None:
    part: dict[str, Any] = {name: _nothing if name == "decide_unsure" else {"price": _nothing}}

    assert getattr(joined([Seams(), Seams(**part), Seams()]), name) == part[name]
    with pytest.raises(ValueError, match=f"two have the same {name}"):
        joined([Seams(**part), Seams(), Seams(**part)])


def test_what_is_set_for_a_feature_that_is_taken_out_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = {"IMGBOT_TOKEN": PLACEHOLDER_TOKEN, "HOME": "/", "IMGBOT_GUARD": "blur"}
    settings = load_settings(environ)
    assert unused(settings) == []

    monkeypatch.setattr("imgbot.wiring.features.FEATURES", ())
    assert unused(settings) == ["IMGBOT_GUARD"]


async def photos_are_taken_one_by_one(owner: User, *photos: bytes) -> None:
    edited = await owner.order("make it darker", *photos)

    assert not edited.text.startswith("🧩")
    assert t("en", "ask_photo_action") in await owner.said()


async def merged(owner: User, *photos: bytes, is_album: bool) -> Message:
    if is_album:
        return await owner.order("put them together on a beach", *photos)
    await owner.ask("/merge")
    for photo in photos[:-1]:
        await owner.ask("", photo)
    panel = await owner.ask("", photos[-1])
    return await owner.click(panel, "Merge", is_picture)


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["any", *(feature.name for feature in FEATURES)])
async def test_a_bot_without_it_draws_edits_and_merges(name: str, tmp_path: Path) -> None:
    others = tuple(each for each in FEATURES if name not in {"any", each.name})
    without = {"imgbot.wiring.features.FEATURES": others}
    async for stage in open_owned(tmp_path, without):
        owner = stage.owner
        fox = await owner.order("a fox in the snow")
        cat = await owner.order("add a hat", jpeg("cat", (320, 240)))
        two = [jpeg(name, (320, 240)) for name in ("cat", "astronaut")]
        if name in {"any", "albums"}:
            await photos_are_taken_one_by_one(owner, *two)
        both = await merged(owner, *two, is_album=name not in {"any", "albums"})

        assert len({fox.id, cat.id, both.id}) == 3
        assert both.text.startswith("🧩 Merged 2 photos")
        if command := COMMANDS.get(name):
            assert (await owner.ask(command)).text == t("en", "unknown_command")
        await assert_undisturbed(stage.bot, stage.control)


def _refuse_repeats(draft: Draft, _: Dialogue) -> Draft:
    if draft.model is not None:
        raise UserError("edited_message")
    return draft


def _build_strict(_: Core) -> Seams:
    return Seams(before_order=[_refuse_repeats])


STRICT = Feature("strict", _build_strict)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_what_a_feature_refuses_is_not_ordered_by_trying_again(tmp_path: Path) -> None:
    with_strict = {"imgbot.wiring.features.FEATURES": (STRICT,)}
    async for stage in open_owned(tmp_path, with_strict):
        await stage.owner.say("a fox [[sim:fail]]")
        failed = await stage.owner.wait(lambda message: "Try again" in str(message.buttons))
        ordered = len(stage.sandbox.providers["simulated"].ledger.tasks)

        assert await stage.owner.toast(failed, "Try again") == t("en", "edited_message")
        assert len(stage.sandbox.providers["simulated"].ledger.tasks) == ordered
