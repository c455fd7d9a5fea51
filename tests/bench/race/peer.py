"""What both peers share: their settings, their Redis, the guide's polling, the words they say."""

import base64
import os
import shutil
import subprocess
import time
from urllib.parse import urlsplit

import redis

from imgbot.domain.poll_schedule import PollingConfig

TOKEN = os.environ.get("RACE_TOKEN", "")
TELEGRAM = os.environ.get("RACE_TELEGRAM", "")
PROVIDER = os.environ.get("RACE_PROVIDER", "")
KEY = os.environ.get("RACE_KEY", "")
REDIS = os.environ.get("RACE_REDIS", "")
WORKERS = int(os.environ.get("RACE_WORKERS", "10"))
USERS = int(os.environ.get("RACE_USERS", "100"))

HEADERS = {"Authorization": f"Bearer {KEY}"}
TASKS = f"{PROVIDER}/tasks"


def order_of(prompt: str, photo: bytes = b"") -> dict[str, str | list[str]]:
    """Return the body of a submit."""
    if not photo:
        return {"operation": "create", "words": prompt}
    image = f"data:image/jpeg;base64,{base64.b64encode(photo).decode()}"
    return {"operation": "edit", "words": prompt, "images": [image]}


QUEUED, WORKING, FAILED = "⏳ In the queue…", "🎨 Working…", "😔 No picture this time."
POLLING = PollingConfig()
"""The guide's schedule: from 2 to 10 seconds."""

TELEGRAM_ATTEMPTS = 20


def start_redis() -> None:
    """Start a Redis with its default durability as a child."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        raise SystemExit("the peers need redis-server or valkey-server on the PATH")
    port = str(urlsplit(REDIS).port)
    command = [binary, "--port", port, "--bind", "127.0.0.1", "--save", "", "--loglevel"]
    subprocess.Popen([*command, "warning"], stdout=subprocess.DEVNULL)
    client = redis.Redis.from_url(REDIS)
    for _ in range(100):
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the Redis of the peer does not start")
