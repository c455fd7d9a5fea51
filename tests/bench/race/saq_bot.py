"""The same small bot on saq: the bot enqueues, one worker process runs many jobs in its loop.

Run it as a module: it starts its Redis and its worker as children, and is the bot itself.
"""

import asyncio
import subprocess
import sys
from typing import Any

import httpx
from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import EditMessageMedia, EditMessageText, GetFile, SendMessage, TelegramMethod
from aiogram.types import BufferedInputFile, InputMediaPhoto, Message
from redis.asyncio import Redis
from saq import Worker
from saq.queue.redis import RedisQueue

from tests.bench.race import peer

CONCURRENCY = min(500, peer.USERS)
"""Jobs at once; one idle slot asks Redis now and then, so there are no more than users."""


async def _call(bot: Bot, method: TelegramMethod[Any]) -> Any:
    for _ in range(peer.TELEGRAM_ATTEMPTS):
        try:
            return await bot(method)
        except TelegramRetryAfter as refusal:
            await asyncio.sleep(refusal.retry_after)
    raise RuntimeError("Telegram refuses again and again")


async def process_image_job(
    ctx: dict[str, Any], *, chat_id: int, message_id: int, prompt: str, photo_id: str
) -> None:
    """Submit, poll, fetch and send one picture."""
    client: httpx.AsyncClient = ctx["client"]
    message = {"chat_id": chat_id, "message_id": message_id}
    await _call(ctx["bot"], EditMessageText(text=peer.WORKING, **message))
    body = peer.order_of(prompt, await _photo(ctx["bot"], photo_id))
    submitted = await client.post(peer.TASKS, json=body, headers=peer.HEADERS)
    url = await _picture(client, submitted.raise_for_status().json()["id"])
    if url is None:
        await _call(ctx["bot"], EditMessageText(text=peer.FAILED, **message))
        return
    content = (await client.get(url)).raise_for_status().content
    photo = InputMediaPhoto(media=BufferedInputFile(content, "picture"))
    await _call(ctx["bot"], EditMessageMedia(media=photo, **message))


async def _photo(bot: Bot, photo_id: str) -> bytes:
    if not photo_id:
        return b""
    file = await _call(bot, GetFile(file_id=photo_id))
    content = await bot.download_file(file.file_path)
    return content.read() if content else b""


async def _picture(client: httpx.AsyncClient, task_id: str) -> str | None:
    for attempt in range(peer.POLLING.max_attempts):
        answer = await client.get(f"{peer.TASKS}/{task_id}", headers=peer.HEADERS)
        status = answer.raise_for_status().json()
        if status["status"] == "succeeded":
            return status["output"][0]
        if status["status"] == "failed":
            return None
        await asyncio.sleep(peer.POLLING.get_interval(attempt))
    return None


def _bot() -> Bot:
    session = AiohttpSession(api=TelegramAPIServer.from_base(peer.TELEGRAM))
    return Bot(peer.TOKEN, session=session)


def _queue(url: str) -> RedisQueue:
    # Each job that runs keeps a connection.
    return RedisQueue(Redis.from_url(url, max_connections=2 * CONCURRENCY))


async def work() -> None:
    async def startup(ctx: dict[str, Any]) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        ctx["bot"], ctx["client"] = _bot(), httpx.AsyncClient(timeout=60, limits=limits)

    queue = _queue(peer.REDIS)
    await Worker(queue, [process_image_job], concurrency=CONCURRENCY, startup=startup).start()


async def serve(redis_url: str) -> None:
    queue = _queue(redis_url)
    dispatcher = Dispatcher()
    bot = _bot()

    @dispatcher.message(F.text | F.photo)
    async def handle_order(message: Message) -> None:
        said = await _call(bot, SendMessage(chat_id=message.chat.id, text=peer.QUEUED))
        await queue.enqueue(
            "process_image_job",
            chat_id=message.chat.id,
            message_id=said.message_id,
            prompt=message.text or message.caption,
            photo_id=message.photo[-1].file_id if message.photo else "",
            timeout=0,
        )

    await dispatcher.start_polling(bot)


def main() -> None:
    if "work" in sys.argv:
        asyncio.run(work())
        return
    peer.start_redis()
    subprocess.Popen([sys.executable, "-m", "tests.bench.race.saq_bot", "work"])
    asyncio.run(serve(peer.REDIS))


if __name__ == "__main__":
    main()
