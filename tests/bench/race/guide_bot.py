"""The guide's design: a bot that enqueues, RQ workers that poll the provider in a blocking loop.

Run it as a module: it starts its Redis and its workers as children, and is the bot itself.
"""

import asyncio
import subprocess
import sys

import rq
from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message
from redis import Redis

from tests.bench.race import peer
from tests.bench.race.guide_worker import QUEUE, process_image_job


async def serve(redis_url: str) -> None:
    queue = rq.Queue(QUEUE, connection=Redis.from_url(redis_url))
    dispatcher = Dispatcher()

    @dispatcher.message(F.text | F.photo)
    async def handle_order(message: Message) -> None:
        said = await message.answer(peer.QUEUED)
        words = message.text or message.caption
        photo_id = message.photo[-1].file_id if message.photo else ""
        queue.enqueue(process_image_job, message.chat.id, said.message_id, words, photo_id)

    session = AiohttpSession(api=TelegramAPIServer.from_base(peer.TELEGRAM))
    await dispatcher.start_polling(Bot(peer.TOKEN, session=session))


def main() -> None:
    peer.start_redis()
    for _ in range(peer.WORKERS):
        subprocess.Popen([sys.executable, "-m", "tests.bench.race.guide_worker"])
    asyncio.run(serve(peer.REDIS))


if __name__ == "__main__":
    main()
