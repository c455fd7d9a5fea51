"""Where settings are read from: variables, systemd's credentials and folders, a file read again."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgbot.config.sources import SettingsSource, load
from imgbot.domain.errors import ConfigError

TOKEN = "123456789:" + "A" * 35
LEAST = {"IMGBOT_TOKEN": TOKEN, "HOME": "/home/somebody"}


def test_the_command_line_beats_the_environment() -> None:
    environ = LEAST | {"IMGBOT_WORKERS": "2"}

    assert load(environ, {"IMGBOT_WORKERS": 7, "IMGBOT_USERS": None}).worker_count == 7
    assert load(environ, {"IMGBOT_USERS": 200}).worker_count == 7


def test_other_programs_variables_are_none_of_our_business() -> None:
    assert load(LEAST | {"IMGBOTANY": "1", "PATH": "/bin"})


def test_credentials_of_systemd_win_over_variables(tmp_path: Path) -> None:
    other = "987654321:" + "B" * 35
    (tmp_path / "bot-token").write_text(other + "\n")
    (tmp_path / "redis-url").write_text("redis://:pw@host/3\n")
    (tmp_path / "FAL_KEY").write_text("fal-secret\n")

    settings = load(
        LEAST | {"CREDENTIALS_DIRECTORY": str(tmp_path), "IMGBOT_PROVIDER": "fal", "FAL_KEY": "old"}
    )

    assert settings.token.get_secret_value() == other
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://:pw@host/3"
    found = settings.key_of("fal")
    assert found is not None
    assert found.get_secret_value() == "fal-secret"


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/imgbot:/var/lib/other"}, "/var/lib/imgbot"),
        ({"XDG_STATE_HOME": "/state"}, "/state/imgbot"),
        ({"STATE_DIRECTORY": "/var/lib/imgbot", "IMGBOT_STATE_DIR": "/mine"}, "/mine"),
    ],
)
def test_the_state_directory_comes_from_the_nearest(environ: dict[str, str], folder: str) -> None:
    assert load(LEAST | environ).state_dir == Path(folder)
    with pytest.raises(ConfigError, match="IMGBOT_STATE_DIR"):
        load({"IMGBOT_TOKEN": TOKEN})


def test_the_environment_file_is_read_again_and_a_removed_line_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "imgbot.env"
    file.write_text('# workers\nIMGBOT_WORKERS=7\nIMGBOT_ADMINS="11,22"\n\nTZ=UTC\n')
    # As under systemd: the lines of the file arrive as variables, too.
    environ = LEAST | {"IMGBOT_ENVIRONMENT_FILE": str(file), "IMGBOT_WORKERS": "7"}
    source = SettingsSource(environ)

    first = source.read()
    file.write_text("IMGBOT_USERS=300\n")
    second = source.read()
    file.unlink()

    assert source.read().worker_count == 5
    assert (first.worker_count, first.admins) == (7, (11, 22))
    assert (second.worker_count, second.admins) == (10, ())


@pytest.mark.parametrize("text", ["IMGBOT_WORKERS 7\n", "IMGBOT_WORKERS\n", 'A="open\n'])
def test_an_environment_file_that_makes_no_sense_names_its_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "imgbot.env"
    file.write_text("# first\n" + text)

    with pytest.raises(ConfigError, match="line 2 of") as refusal:
        SettingsSource(LEAST | {"IMGBOT_ENVIRONMENT_FILE": str(file)}).read()

    assert refusal.value.setting == "IMGBOT_ENVIRONMENT_FILE"


@pytest.fixture
def closed_file(tmp_path: Path) -> Iterator[Path]:
    """An environment file that this process cannot read, whoever runs the tests."""
    file = tmp_path / "imgbot.env"
    file.write_text("IMGBOT_WORKERS=9\n")
    file.chmod(0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    yield file
    os.seteuid(me)


def test_an_environment_file_that_is_roots_alone_is_what_systemd_read_of_it(
    closed_file: Path,
) -> None:
    environ = LEAST | {"IMGBOT_ENVIRONMENT_FILE": str(closed_file), "IMGBOT_WORKERS": "9"}
    source = SettingsSource(environ | {"NOTIFY_SOCKET": "/run/systemd/notify"})

    assert source.read().worker_count == 9
    # A reload must not take an old number for a new one.
    with pytest.raises(ConfigError, match="cannot be read"):
        source.read()
    with pytest.raises(ConfigError, match="cannot be read"):
        SettingsSource(environ).read()
