"""What the bot gets that the sandbox starts: settings of its own, and none of the operator's."""

import socket
from pathlib import Path

import pytest

from imgbot import cli
from imgbot.config.settings import key_variables
from imgbot.sandbox import bot_process
from imgbot.sandbox.server import Sandbox

OPERATORS = "the operator's own"


@pytest.mark.parametrize("provider", ["simulated", "builtin"])
async def test_nothing_of_the_operators_reaches_the_bot(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A provider's own file may call the variable of its key anything.
    for name in (
        *key_variables(),
        "EXAMPLE_AUTH",
        "IMGBOT_TOKEN",
        "IMGBOT_ADMINS",
        "CREDENTIALS_DIRECTORY",
    ):
        monkeypatch.setenv(name, OPERATORS)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    async with Sandbox(bot_process.HOST, 0, page=False) as sandbox:
        environ = bot_process.environment(sandbox, tmp_path, provider)

    assert OPERATORS not in environ.values()
    assert environ["IMGBOT_TOKEN"] == sandbox.token
    assert environ["LC_ALL"] == "C.UTF-8"
    assert environ["PATH"]


def test_a_taken_port_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((bot_process.HOST, 0)) as other:
        port = other.getsockname()[1]

        assert cli.main(["demo", "--port", str(port)]) == 1
    assert capsys.readouterr().err == f"imgbot: --port {port}: Address already in use\n"


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("--port", "70000", "write a"),
        ("--port", "-1", "write a"),
        ("--kill-after", "0", "write a"),
        ("--provider", "replicate-sim", "invalid choice"),
    ],
)
def test_a_value_that_the_demo_cannot_use_is_a_wrong_argument(
    argument: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", f"{argument}={value}"])

    assert ended.value.code == 78
    assert f"argument {argument}: {said}" in capsys.readouterr().err
