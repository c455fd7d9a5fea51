"""Ten conversations in English."""

from tests.bench.conversation_talk import Script, Talk, colourfulness, photo
from tests.fixtures.photos import photo_path

_FACE = (140, 0, 340, 200)
_SUIT = (60, 180, 460, 512)
_EYES = (80, 40, 320, 200)
_TOPIC = 7


async def _help_first(talk: Talk) -> None:
    await talk.say("/help")
    topics = await talk.answer("What would you like to know more about?")
    await talk.press(topics, "Edit")
    topic = await talk.turned(topics)
    assert "warmer, vintage" in topic.text
    await talk.press(topic, "Back")
    await talk.turned(topics)
    await talk.say("poster “Good morning”, coffee")
    await talk.picture("poster “Good morning”, coffee")


async def _impatient(talk: Talk) -> None:
    await talk.say("cat")
    await talk.say("CAT!!!")
    await talk.picture("cat")
    await talk.picture("CAT!!!")
    await talk.photos(photo("cat"), caption="brigter n warmr pls")
    done = await talk.picture("brigter")
    assert "Done: brighter, warmer" in done.text
    await talk.photos(photo("astronaut"), caption="give her sunglasses")
    await talk.answer("I don't know how to do this")
    await talk.photos(photo("astronaut"), caption="bw, give her sunglasses")
    assert "I didn't understand: " in (await talk.picture("bw")).text
    await talk.say("hello??")
    await talk.answer("Glad to help!")


async def _a_file(talk: Talk) -> None:
    await talk.files(("chelsea.png", photo_path("cat").read_bytes()), caption="vintage")
    done = await talk.picture("vintage")
    assert (await talk.image(done)).size == (451, 300)
    await talk.press(done, "As a file")
    original = await talk.picture("The picture as a file")
    assert original.document_id
    await talk.press(done, "×2")
    assert (await talk.image(await talk.picture("Enlarged ×2"))).size == (902, 600)
    await talk.files(("clip.gif", photo_path("pendulum").read_bytes()), caption="black and white")
    assert colourfulness(await talk.image(await talk.picture("black and white"))) < 5


async def _albums(talk: Talk) -> None:
    album = await talk.photos(
        photo("cat"), photo("astronaut", _FACE), photo("astronaut", _SUIT), caption="collage"
    )
    await talk.late(album[0], photo("cat", _EYES))
    await talk.picture("Photos merged: 4")
    await talk.say("/merge")
    await talk.answer("Send 2 to 10 photos")
    await talk.photos(photo("astronaut", _FACE))
    await talk.answer("Got the first photo")
    await talk.photos(photo("cat"))
    await talk.answer("2 photos")
    await talk.say("side by side")
    assert "side by side" in (await talk.picture("Photos merged: 2")).text


async def _history(talk: Talk) -> None:
    made = []
    for words in ("a lighthouse at night, oil", "an owl, linocut", "sailing boats, pixel art"):
        await talk.say(words)
        made.append(await talk.picture(words))
    await talk.say("/last")
    assert (await talk.picture()).photo_unique_id == made[2].photo_unique_id
    await talk.say("/history")
    strip = await talk.picture()
    await talk.press(strip, "▶")
    strip = await talk.turned(strip)
    await talk.press(strip, "▶")
    strip = await talk.turned(strip)
    assert strip.photo_unique_id == made[0].photo_unique_id
    assert [button["text"] for button in strip.buttons][:2] == ["◀", "3 / 3"]
    await talk.say("a bit darker", reply_to=strip.id)
    assert "slightly darker" in (await talk.picture("a bit darker")).text
    await talk.say("/undo")
    assert (await talk.picture()).photo_unique_id == made[0].photo_unique_id


async def _group(talk: Talk) -> None:
    anna, control = talk.person, talk.control
    bob = await control.make_user("Bob")
    talk.chat_id = await control.make_group("Garden club", [anna, bob], is_forum=True)
    await talk.say("hi all, who draws the poster?", by=bob, thread_id=_TOPIC)
    await talk.say("I will ask the bot", thread_id=_TOPIC)
    await talk.say("/create a garden in spring, butterfly", thread_id=_TOPIC)
    garden = await talk.picture("a garden in spring")
    assert garden.raw["message_thread_id"] == _TOPIC
    assert "for the person who asked" in await talk.press(garden, "Again", by=bob)
    await talk.say("more contrast", by=bob, reply_to=garden.id, thread_id=_TOPIC)
    done = await talk.picture("more contrast")
    await talk.say("/create", thread_id=_TOPIC)
    question = await talk.answer("What should I draw?")
    assert question.force_reply
    await talk.say("a red barn", reply_to=question.id, thread_id=_TOPIC)
    barn = await talk.picture("a red barn")
    assert {m.raw["message_thread_id"] for m in (done, question, barn)} == {_TOPIC}


async def _inline(talk: Talk) -> None:
    await talk.say("a hot-air balloon at dawn")
    balloon = await talk.picture("a hot-air balloon")
    bob = await talk.control.make_user("Bob")
    private, talk.chat_id = (
        talk.chat_id,
        await talk.control.make_group("Friends", [talk.person, bob]),
    )
    await talk.say("look what I made", by=talk.person)
    offer = await talk.control.ask_inline(talk.person, "balloon", chat_id=talk.chat_id)
    await talk.note(f"{talk.person.first_name} types “@bot balloon”: {len(offer.results)} found")
    sent = await talk.control.choose_inline(offer, offer.results[0]["id"], talk.chat_id)
    assert sent.photo_unique_id == balloon.photo_unique_id
    nothing = await talk.control.ask_inline(bob, "balloon", chat_id=talk.chat_id)
    await talk.note(f"Bob types “@bot balloon”: {len(nothing.results)} found")
    assert nothing.results == []
    talk.chat_id = private


async def _rate_limit(talk: Talk) -> None:
    for number in range(1, 11):
        await talk.say(f"leaf number {number}")
    await talk.say("leaf number 11")
    await talk.answer("Too many requests. Wait")
    await talk.say("one more leaf")
    await talk.say("/limits")
    await talk.answer("Requests left: 0 of 10")
    await talk.say("/last")
    for _ in range(11):
        await talk.picture()
    refusals = [m for m in await talk.said() if "Too many requests" in m.text]
    assert len(refusals) == 1, "the refusal is said once"


async def _strange_words(talk: Talk) -> None:
    await talk.say("🦊🌲🍂")
    await talk.picture("🦊🌲🍂")
    await talk.say("<b>bold</b> & *stars* [link](http://example.com)")
    await talk.picture("<b>bold</b> & *stars*")
    await talk.say("שקיעה מעל הים")
    await talk.picture("שקיעה")
    await talk.say("\u200b\u2060")
    await talk.answer("Tell me in words what to draw")
    await talk.say("very " * 500 + "big house")
    await talk.answer("This text is too long")
    await talk.kind("video")
    await talk.answer("I can't edit videos")
    await talk.say("/draw a house")
    await talk.answer()
    friend = await talk.control.make_user("Carl")
    theirs = await talk.control.say(friend, "a chair")
    await talk.forward(theirs)
    await talk.picture("a chair")


async def _buttons(talk: Talk) -> None:
    await talk.say("a train in autumn, risograph")
    train = await talk.picture("a train in autumn")
    await talk.press(train, "Edit")
    await talk.answer("What should I do with it?")
    await talk.say("crop to square then frame")
    framed = await talk.picture("crop to square")
    assert "square, frame" in framed.text
    await talk.press(framed, "Compare")
    await talk.picture("Before and after")
    await talk.press(framed, "Undo")
    assert (await talk.picture()).photo_unique_id == train.photo_unique_id
    await talk.press(train, "Again")
    assert await talk.press(train, "Again") == "Already on it."
    await talk.picture("a train in autumn")
    await talk.press(train, "×2")
    await talk.picture("Enlarged ×2")
    await talk.say("/edit")
    await talk.answer("Send the photo you want to edit")
    await talk.say("/cancel")
    await talk.answer("OK, cancelled")


CONVERSATIONS = (
    Script("Help, then a poster", "en", "Emma", _help_first),
    Script("Impatient, with typos", "en", "Jake", _impatient),
    Script("A file keeps its quality", "en", "Priya", _a_file),
    Script("Albums, one item late", "en", "Noah", _albums),
    Script("Browsing the history", "en", "Chloe", _history),
    Script("Two people in a topic of a group", "en", "Anna", _group),
    Script("Inline, in a chat with friends", "en", "Zoe", _inline),
    Script("Into the rate limit", "en", "Max", _rate_limit),
    Script("Strange words", "en", "Omar", _strange_words),
    Script("All the buttons", "en", "Ruth", _buttons),
)
