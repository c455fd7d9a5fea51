"""The guide's worker: an RQ process that polls the provider in a blocking loop.

It imports nothing of the bot, so that its memory is a worker's own.
"""

import json
import time
from typing import Any

import httpx
import rq
from redis import Redis

from tests.bench.race import peer

QUEUE = "img_queue"


def process_image_job(chat_id: int, message_id: int, prompt: str, photo_id: str) -> None:
    """Submit, poll, fetch and send one picture; blocks its worker meanwhile."""
    with httpx.Client(timeout=60) as client:
        message = {"chat_id": chat_id, "message_id": message_id}
        _call(client, "editMessageText", message | {"text": peer.WORKING})
        body = peer.order_of(prompt, _photo(client, photo_id))
        submitted = client.post(peer.TASKS, json=body, headers=peer.HEADERS)
        url = _picture(client, submitted.raise_for_status().json()["id"])
        if url is None:
            _call(client, "editMessageText", message | {"text": peer.FAILED})
            return
        picture = client.get(url).raise_for_status().content
        media = json.dumps({"type": "photo", "media": "attach://picture"})
        _call(client, "editMessageMedia", message | {"media": media}, {"picture": picture})


def _photo(client: httpx.Client, photo_id: str) -> bytes:
    if not photo_id:
        return b""
    path = _call(client, "getFile", {"file_id": photo_id})["file_path"]
    return client.get(f"{peer.TELEGRAM}/file/bot{peer.TOKEN}/{path}").raise_for_status().content


def _picture(client: httpx.Client, task_id: str) -> str | None:
    for attempt in range(peer.POLLING.max_attempts):
        answer = client.get(f"{peer.TASKS}/{task_id}", headers=peer.HEADERS).raise_for_status()
        status = answer.json()
        if status["status"] == "succeeded":
            return status["output"][0]
        if status["status"] == "failed":
            return None
        time.sleep(peer.POLLING.get_interval(attempt))
    return None


def _call(
    client: httpx.Client,
    method: str,
    values: dict[str, Any],
    files: dict[str, bytes] | None = None,
) -> Any:
    for _ in range(peer.TELEGRAM_ATTEMPTS):
        url = f"{peer.TELEGRAM}/bot{peer.TOKEN}/{method}"
        answer = client.post(url, data=values, files=files).json()
        if answer["ok"]:
            return answer["result"]
        if answer["error_code"] != 429:
            raise RuntimeError(f"{method}: {answer['description']}")
        time.sleep(answer["parameters"]["retry_after"])
    raise RuntimeError(f"{method}: refused with 429 {peer.TELEGRAM_ATTEMPTS} times")


def work() -> None:
    """Serve the queue in this process, one job at a time."""
    connection = Redis.from_url(peer.REDIS)
    rq.Worker([rq.Queue(QUEUE, connection=connection)], connection=connection).work(
        logging_level="ERROR"
    )


if __name__ == "__main__":
    work()
