"""Settings out of a backup, on a server that has none yet."""

import os
from pathlib import Path

from imgbot.ops.kept_settings import put_settings


def test_a_fresh_server_gets_folders_that_the_service_can_use(tmp_path: Path) -> None:
    unpacked, etc = tmp_path / "unpacked", tmp_path / "etc/imgbot"
    (unpacked / "credentials").mkdir(parents=True)
    (unpacked / "imgbot.env").write_text("IMGBOT_USERS=90\n")
    (unpacked / "credentials/bot-token").write_text("x")
    environ = {
        "IMGBOT_ENVIRONMENT_FILE": str(etc / "imgbot.env"),
        "CREDENTIALS_DIRECTORY": str(etc / "credentials"),
    }

    before = os.umask(0o077)
    try:
        put_settings(environ, unpacked, ())
    finally:
        os.umask(before)

    modes = {path: path.stat().st_mode & 0o777 for path in (etc, *etc.rglob("*"))}
    assert modes == {
        etc: 0o755,
        etc / "imgbot.env": 0o644,
        etc / "credentials": 0o700,
        etc / "credentials/bot-token": 0o600,
    }
