"""What goes along with the jobs that move: settings, secrets if wanted, files of providers."""

import shutil
from pathlib import Path

import pytest

from imgbot.providers.spec_file import PRESETS
from tests.crash.conftest import Move
from tests.fixtures.commands import run


def settings_at(folder: Path, move: Move) -> dict[str, Path]:
    """Give both places a folder for settings and secrets, as a service has it."""
    there = {}
    for name, bot in (("old", move.old), ("new", move.new)):
        there[name] = folder / f"etc-{name}"
        (there[name] / "credentials").mkdir(parents=True, mode=0o700)
        bot.settings["IMGBOT_ENVIRONMENT_FILE"] = str(there[name] / "imgbot.env")
        bot.settings["CREDENTIALS_DIRECTORY"] = str(there[name] / "credentials")
    return there


def provider_of_ones_own(folder: Path) -> Path:
    """A ComfyUI server's file, with its workflows beside it and a key of its own."""
    shutil.copytree(str(PRESETS / "comfyui"), folder / "comfyui")
    # Beside it, and named by nobody.
    (folder / "comfyui/upscale-model.json").unlink()
    text = (PRESETS / "comfyui.toml").read_text(encoding="utf-8")
    path = folder / "mine.toml"
    path.write_text(text.replace('key = ""', 'key = "MINE_KEY"'))
    return path


async def test_a_provider_of_ones_own_goes_along_and_replaces_none(
    move: Move, tmp_path: Path
) -> None:
    there, old = settings_at(tmp_path, move), tmp_path / "own"
    provider = provider_of_ones_own(old)
    (there["old"] / "imgbot.env").write_text(
        f"IMGBOT_PROVIDER_FALLBACK={provider}\nMINE_KEY=own-secret\n"
    )
    was = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    made = await run(move.old, "backup", "--stop", str(move.file))
    shutil.rmtree(old)
    # Here is one already, and it is another one.
    (old / "comfyui").mkdir(parents=True)
    (old / "comfyui/create.json").write_text("{}")

    put = await run(move.new, "restore", str(move.file))
    again = await run(move.new, "restore", str(move.file), "--force")

    assert (made.status, put.status, again.status) == (0, 0, 0), made.said + put.said + again.said
    assert "MINE_KEY" not in (there["new"] / "imgbot.env").read_text()
    kept = old / "comfyui/create.json"
    assert kept.read_text() == "{}"
    assert f"{kept} was kept as it is" in put.said
    assert f"{provider} was restored" in put.said
    assert f"{provider} was kept as it is" in again.said
    is_there = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    assert is_there == was | {kept: b"{}"}
    assert (provider.stat().st_mode & 0o777) == 0o644


async def test_a_provider_behind_links_goes_along_with_what_they_lead_to(
    move: Move, tmp_path: Path
) -> None:
    there, own, releases = settings_at(tmp_path, move), tmp_path / "own", tmp_path / "releases"
    provider = own / "mine.toml"
    text = provider_of_ones_own(releases).read_bytes()
    flow = (releases / "comfyui/create.json").read_bytes()
    own.mkdir()
    # As a tool that manages files sets them up: links to links.
    (own / "comfyui").symlink_to("current/comfyui")
    (own / "current").symlink_to(releases)
    provider.symlink_to("current/mine.toml")
    (releases / "comfyui/create.json").rename(releases / "create-2.json")
    (releases / "comfyui/create.json").symlink_to("../create-2.json")
    (there["old"] / "imgbot.env").write_text(
        f"IMGBOT_PROVIDER=builtin, edit={provider}\nMINE_KEY=x\n"
    )
    made = await run(move.old, "backup", "--stop", "--with-secrets", str(move.file))
    shutil.rmtree(own)
    shutil.rmtree(releases)

    put = await run(move.new, "restore", str(move.file))

    assert (made.status, put.status) == (0, 0), made.said + put.said
    assert "not restored" not in put.said
    assert (provider.read_bytes(), (own / "comfyui/create.json").read_bytes()) == (text, flow)
    # It holds a secret, by the file of the provider alone.
    assert (there["new"] / "imgbot.env").stat().st_mode & 0o777 == 0o600


async def test_a_provider_that_no_setting_names_here_is_not_put_back(
    move: Move, tmp_path: Path
) -> None:
    there, old = settings_at(tmp_path, move), tmp_path / "own"
    provider = provider_of_ones_own(old)
    (there["old"] / "imgbot.env").write_text(
        f"IMGBOT_PROVIDER=builtin, edit={provider}\nMINE_KEY=x\n"
    )
    (there["new"] / "imgbot.env").write_text("IMGBOT_PROVIDER=builtin\n")
    made = await run(move.old, "backup", "--stop", str(move.file))
    shutil.rmtree(old)

    put = await run(move.new, "restore", str(move.file))

    assert (made.status, put.status) == (0, 0), made.said + put.said
    assert f"{provider} was not restored: no setting here names it" in put.said
    assert not old.exists()


@pytest.mark.parametrize("has_secrets", [False, True], ids=["without secrets", "with secrets"])
async def test_settings_go_along_and_secrets_only_if_wanted(
    move: Move, tmp_path: Path, has_secrets: bool
) -> None:
    there = settings_at(tmp_path, move)
    (there["old"] / "imgbot.env").write_text("IMGBOT_USERS=90\nOPENAI_API_KEY=sim-key\n")
    (tmp_path / "secret").write_text("")
    (there["old"] / "credentials" / "redis-url").symlink_to(tmp_path / "secret")
    await move.old.start()

    made = await run(
        move.old, "backup", "--stop", str(move.file), *(["--with-secrets"] if has_secrets else [])
    )
    put = await run(move.new, "restore", str(move.file))

    assert (made.status, put.status) == (0, 0), made.said + put.said
    file = there["new"] / "imgbot.env"
    assert "IMGBOT_USERS=90" in file.read_text()
    assert ("sim-key" in file.read_text()) is has_secrets
    assert (file.stat().st_mode & 0o777) == (0o600 if has_secrets else 0o644)
    assert (there["new"] / "credentials" / "redis-url").exists() is has_secrets
    assert ("anyone who can read it" in made.said) is has_secrets
    assert ("the token and the keys are not in the backup" in put.said) is not has_secrets
    assert "sim-key" not in made.said + put.said
