"""kill -9 with updates that wait for later: each is answered once, in their order."""

from imgbot.storage import keys
from tests.crash.conftest import Sandboxed
from tests.fixtures.waiting import eventually


async def test_deferred_updates_survive_a_kill(sandboxed: Sandboxed) -> None:
    bot, control = sandboxed
    ann, bob = await control.make_user("Ann"), await control.make_user("Bob")

    async def answers() -> list[str]:
        messages = await control.messages(ann.id)
        return [message.text[:12] for message in messages if message.is_outgoing]

    await control.fault("sendMessage", "flood", times=1, chat_id=ann.id, retry_after_s=900)
    await control.say(ann, "/queue")
    await control.say(ann, "/limits")
    await control.say(bob, "/queue")
    await control.wait_message(bob.id)
    async with bot.redis() as redis:
        stored = f"{keys.DEFERRED_OF}{ann.id}"
        await eventually(lambda: redis.zcard(stored), lambda count: count == 2)
        await redis.zadd(keys.DEFERRED, {str(ann.id): 0}, xx=True)
    before = await answers()
    await bot.kill()
    await bot.start()
    await control.say(ann, "/nonsense")

    after = await eventually(answers, lambda found: len(found) == 3)
    async with bot.redis() as redis:
        await eventually(lambda: redis.keys(f"{keys.DEFERRED}*"), lambda left: not left)
    assert before == []
    assert [text.split()[0] for text in after] == ["Nothing", "Requests", "I"]
