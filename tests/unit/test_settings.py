"""Settings: sources, meanings, and refusals that tell the operator what to write."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from imgbot.config.setting_types import GroupLimits, UserLimits
from imgbot.config.settings import (
    key_names,
    redis_memory_mb_for,
    workers_for,
)
from imgbot.config.sources import FIELDS, SettingsSource, load_settings
from imgbot.domain.errors import ConfigError
from imgbot.domain.operations import Operation
from imgbot.features.stars.prices import credit_for, pack_of, payload_of, price_in_stars
from imgbot.features.stars.settings import StarPack, StarPrices, StarSettings

TOKEN = "123456789:" + "A" * 35
LEAST = {"IMGBOT_TOKEN": TOKEN, "HOME": "/home/somebody"}


def _refused(environ: dict[str, str]) -> ConfigError:
    with pytest.raises(ConfigError) as refusal:
        load_settings(LEAST | environ)
    return refusal.value


@pytest.mark.parametrize(("users", "workers"), [(1, 5), (100, 5), (200, 7), (300, 10), (301, 11)])
def test_the_pool_is_sized_as_the_guide_says(users: int, workers: int) -> None:
    assert workers_for(users) == workers
    assert load_settings(LEAST | {"IMGBOT_USERS": str(users)}).worker_count == workers


@pytest.mark.parametrize(
    ("machine_mb", "redis_mb"), [(512, 256), (1024, 256), (4096, 1024), (65_536, 4096)]
)
def test_the_embedded_redis_is_sized_by_the_machine(machine_mb: int, redis_mb: int) -> None:
    assert redis_memory_mb_for(machine_mb << 20) == redis_mb


def test_the_defaults_are_the_guides() -> None:
    settings = load_settings(LEAST)

    assert (settings.rate_limit_window, settings.rate_limit_max_requests) == (60, 10)
    assert (settings.poll_interval_initial, settings.poll_interval_max) == (2.0, 10.0)
    assert settings.image_poll_max_attempts == 60
    assert settings.telegram_api == "https://api.telegram.org"
    assert (str(settings.http), settings.default_provider) == ("127.0.0.1:8080", "builtin")
    assert settings.redis_url is settings.daily_budget is settings.per_user.usd is None
    assert (settings.per_user.waiting, settings.per_user.running) == (20, 3)
    assert settings.state_dir == Path("/home/somebody/.local/state/imgbot")


@pytest.mark.parametrize(
    ("variable", "value", "name", "meaning"),
    [
        ("IMGBOT_WORKERS", "2", "worker_count", 2),
        ("IMGBOT_WORKERS", "", "worker_count", 10),
        ("IMGBOT_REDIS_MEMORY_MB", "300", "redis_memory_bytes", 300 << 20),
        ("IMGBOT_DAILY_BUDGET", "2.50", "daily_budget", 2_500_000),
        ("IMGBOT_PER_USER", "usd=0, running=1", "per_user", UserLimits(usd="0", running=1)),
        ("IMGBOT_PER_GROUP", "pictures = 5,", "per_group", GroupLimits(pictures=5)),
        ("IMGBOT_ADMINS", " 22, 11,22 ,", "admins", (11, 22)),
        ("IMGBOT_ADMINS", " ", "admins", ()),
        ("IMGBOT_PROVIDER_URL", "http://host/a=b", "provider_url", {"": "http://host/a=b"}),
        ("IMGBOTANY", "another program's", "admins", ()),
        ("STATE_DIRECTORY", "/var/lib/imgbot:/other", "state_dir", Path("/var/lib/imgbot")),
        ("XDG_STATE_HOME", "/state", "state_dir", Path("/state/imgbot")),
    ],
)
def test_a_setting_means_what_is_written(
    variable: str, value: str, name: str, meaning: object
) -> None:
    found = getattr(load_settings(LEAST | {"IMGBOT_USERS": "300", variable: value}), name)

    assert (dict(found) if isinstance(meaning, dict) else found) == meaning


def test_the_price_list_is_read() -> None:
    given = "picture=5, usd=150,free=3, pack=50,pack=250:300, month=300:400"
    packs = StarPack(50, 50), StarPack(250, 300), StarPack(300, 400, is_monthly=True)

    settings = load_settings(LEAST | {"IMGBOT_STARS": given}).of(StarSettings)
    assert settings.stars == StarPrices(5, packs, 3, 150)


def test_a_picture_costs_at_least_its_price_and_more_where_it_costs_the_operator_more() -> None:
    prices = StarPrices(5, (StarPack(50, 50),), per_usd=150)

    assert [price_in_stars(prices, micro) for micro in (0, 33_333, 40_001, 1_000_000)] == [
        5,
        5,
        7,
        150,
    ]
    assert price_in_stars(StarPrices(5, ()), 1_000_000) == 5


@pytest.mark.parametrize("pack", [StarPack(50, 50), StarPack(10_000, 999_999, is_monthly=True)])
def test_a_payment_buys_what_its_invoice_says_at_its_price(pack: StarPack) -> None:
    payload = payload_of(pack)

    assert pack_of(payload) == pack
    assert credit_for("XTR", pack.price, payload) == pack.credit
    assert credit_for("XTR", pack.price - 1, payload) == 0
    assert credit_for("USD", pack.price, payload) == 0
    assert credit_for("XTR", pack.price, f"{payload}0000000") == 0


REFUSED = {
    "IMGBOT_TOKEN": ["placeholder"],
    "IMGBOT_TELEGRAM_API": ["api.telegram.org"],
    "IMGBOT_REDIS_URL": [
        "localhost:6379",
        "redis+sentinel://h1,h2,h3",
        "redis+sentinel://h1:99999,h2,h3/imgbot",
        "redis+sentinel:///imgbot",
    ],
    "IMGBOT_PROVIDER": [
        "nobody",
        "/nowhere/mine.toml",
        "builtin, upscale=nobody",
        "builtin, paint=fal",
        "builtin, comfyui",
        "upscale=",
    ],
    "IMGBOT_PROVIDER_FALLBACK": ["nobody", "/nowhere/mine.toml"],
    "IMGBOT_PROVIDER_URL": ["somewhere", "comfyui=ftp://host", "http://a|", "http://a|http://a/"],
    "IMGBOT_PER_USER": ["usd=two", "waiting=0", "pictures=5, pictures=6", "money=2", "5"],
    "IMGBOT_PER_GROUP": ["usd=2"],
    "IMGBOT_CHAT": ["https://api.openai.com/v1", "gpt-4.1-mini", "https://host/v1 one two"],
    "IMGBOT_PUBLIC_URL": ["http://bot.example.org"],
    "IMGBOT_USERS": ["0"],
    "IMGBOT_WORKERS": ["100000"],
    "IMGBOT_RATE_LIMIT_WINDOW": ["0"],
    "IMGBOT_POLL_INTERVAL_INITIAL": ["nan"],
    "IMGBOT_POLL_INTERVAL_MAX": ["1"],
    "IMGBOT_HTTP": ["8080", "127.0.0.1:70000"],
    "IMGBOT_ADMINS": ["me"],
    "IMGBOT_DAILY_BUDGET": ["5,00", "-1", "0.0000001"],
    "IMGBOT_STARS": [
        *("on", "picture=5", "pack=50", "picture=0, pack=50", "picture=5, pack=50, pack=50"),
        *("picture=5, pack=10001", "picture=5, month=9, month=8", "picture=5, pack=5:"),
        *("picture=5, pack=50, free=-1", "picture=5, pack=50, free=3, free=4", "picture=5, pack"),
    ],
}


@pytest.mark.parametrize(
    ("variable", "value"), [(name, value) for name, values in REFUSED.items() for value in values]
)
def test_a_refusal_names_the_variable_and_says_what_to_write(variable: str, value: str) -> None:
    refusal = _refused({variable: value})

    assert refusal.setting == variable
    assert str(refusal).startswith(f"{variable}: ")
    assert "; write " in str(refusal)


VARIABLES = sorted(FIELDS)


@given(st.dictionaries(st.sampled_from(VARIABLES), st.text() | st.integers().map(str), max_size=3))
def test_any_text_is_taken_or_refused_with_its_variable(environ: dict[str, str]) -> None:
    refusal: ConfigError | None = None
    try:
        load_settings(LEAST | environ)
    except ConfigError as error:
        refusal = error

    assert refusal is None or refusal.setting in VARIABLES
    assert refusal is None or refusal.setting not in environ or "; write " in str(refusal)


@pytest.mark.parametrize(
    ("environ", "setting", "end"),
    [
        ({"IMGBOT_WORKER": "7"}, "IMGBOT_WORKER", "did you mean IMGBOT_WORKERS?"),
        ({"IMGBOT_RATELIMIT_X": "7"}, "IMGBOT_RATELIMIT_X", "mean IMGBOT_RATE_LIMIT_WINDOW?"),
        ({"IMGBOT_PROVIDER": "replicat"}, "IMGBOT_PROVIDER", "mean replicate?"),
        ({"HOME": ""}, "IMGBOT_STATE_DIR", ""),
    ],
)
def test_what_is_unknown_or_missing_is_named(
    environ: dict[str, str], setting: str, end: str
) -> None:
    refusal = _refused(environ)

    assert refusal.setting == setting
    assert str(refusal).endswith(end)


def test_the_settings_never_show_a_secret_but_know_them_all() -> None:
    given = {
        "IMGBOT_REDIS_URL": "redis+sentinel://me:hunter2@h1,h2/bot?sentinel_password=hunter5",
        "REPLICATE_API_TOKEN": "r8_hunter3",
        "IMGBOT_CHAT_KEY": "sk-hunter4",
    }
    settings = load_settings(LEAST | given)

    assert TOKEN not in repr(settings)
    assert "hunter" not in repr(settings)
    assert {TOKEN, "hunter2", "hunter5", "r8_hunter3", "sk-hunter4"} <= set(settings.secrets)
    for variable, value in (
        ("IMGBOT_TOKEN", "123456789:hunter2"),
        ("IMGBOT_REDIS_URL", "http://me:hunter2@host"),
        ("IMGBOT_PROVIDER_URL", "https://me:hunter2@host"),
    ):
        assert "hunter2" not in str(_refused({variable: value}))


@pytest.mark.parametrize("provider", [name for name, keys in key_names().items() if keys.key])
def test_a_provider_without_its_key_is_refused_by_the_keys_name(provider: str) -> None:
    key = key_names()[provider].key

    assert _refused({"IMGBOT_PROVIDER": provider}).setting == key
    chosen = load_settings(LEAST | {"IMGBOT_PROVIDER": provider, key: "secret"}).key_of(provider)
    assert chosen is not None
    assert chosen.get_secret_value() == "secret"


def test_a_provider_file_names_the_variables_of_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nkey = "MINE_API_KEY"\n[hook]\nkey = "MINE_HOOK_KEY"\n')
    chosen = {"IMGBOT_PROVIDER": str(file)}

    assert _refused(chosen).setting == "MINE_API_KEY"
    keys = {"MINE_API_KEY": "my-secret", "MINE_HOOK_KEY": "signing-key"}
    settings = load_settings(LEAST | chosen | keys)
    found = settings.key_of(str(file)), settings.hook_key_of(str(file))

    assert settings.default_provider == str(file)
    assert [key and key.get_secret_value() for key in found] == ["my-secret", "signing-key"]
    assert {"my-secret", "signing-key"} <= set(settings.secrets)
    # One that extends a preset has that one's key, unless it names another.
    file.write_text('extends = "fal"\n')
    assert _refused(chosen).setting == "FAL_KEY"
    file.write_text('extends = "fal"\nname = "second"\nkey = "FAL_KEY_TWO"\n')
    assert _refused(chosen).setting == "FAL_KEY_TWO"
    # The bot's token cannot be taken for a provider's key.
    file.write_text('name = "mine"\nkey = "IMGBOT_TOKEN"\n')
    assert load_settings(LEAST | chosen).key_of(str(file)) is None


@pytest.mark.parametrize(
    "chosen",
    [
        {"IMGBOT_PROVIDER": " replicate,upscale = comfyui, "},
        {"IMGBOT_PROVIDER": "upscale=comfyui, replicate"},
    ],
)
def test_operations_may_go_to_several_providers(chosen: dict[str, str]) -> None:
    environ = chosen | {
        "IMGBOT_PROVIDER_FALLBACK": "builtin",
        "IMGBOT_PROVIDER_URL": "comfyui=http://gpu/|http://gpu:81, replicate=https://gate.example",
        "REPLICATE_API_TOKEN": "r8",
    }
    settings = load_settings(LEAST | environ)

    assert settings.providers == ("replicate", "comfyui", "builtin")
    assert settings.provider_for(Operation.UPSCALE) == "comfyui"
    assert settings.provider_for(Operation.CREATE) == "replicate"
    assert settings.urls_of("comfyui") == ["http://gpu", "http://gpu:81"]


def test_the_nearest_source_wins() -> None:
    environ = LEAST | {
        "IMGBOT_WORKERS": "2",
        "STATE_DIRECTORY": "/lib",
        "IMGBOT_STATE_DIR": "/mine",
    }

    assert load_settings(environ, {"IMGBOT_WORKERS": 7, "IMGBOT_USERS": None}).worker_count == 7
    assert load_settings(environ, {"IMGBOT_USERS": 200}).worker_count == 7
    assert load_settings(environ).state_dir == Path("/mine")


def test_credentials_of_systemd_win_over_variables(tmp_path: Path) -> None:
    other = "987654321:" + "B" * 35
    (tmp_path / "bot-token").write_text(other + "\n")
    (tmp_path / "redis-url").write_text("redis://:pw@host/3\n")
    (tmp_path / "FAL_KEY").write_text("fal-secret\n")

    settings = load_settings(
        LEAST | {"CREDENTIALS_DIRECTORY": str(tmp_path), "IMGBOT_PROVIDER": "fal", "FAL_KEY": "old"}
    )

    assert settings.token.get_secret_value() == other
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://:pw@host/3"
    found = settings.key_of("fal")
    assert found is not None
    assert found.get_secret_value() == "fal-secret"


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


def test_noise_for_a_file_and_a_folder_for_a_credential_are_named(tmp_path: Path) -> None:
    file = tmp_path / "imgbot.env"
    file.write_bytes(b"\x00\xff\xfe" * 100)
    (tmp_path / "bot-token").mkdir()

    with pytest.raises(ConfigError, match=f"{tmp_path} cannot be read: Is a directory$"):
        SettingsSource(LEAST | {"IMGBOT_ENVIRONMENT_FILE": str(tmp_path)}).read()
    with pytest.raises(ConfigError, match=r"IMGBOT_ENVIRONMENT_FILE: .* cannot be read"):
        SettingsSource(LEAST | {"IMGBOT_ENVIRONMENT_FILE": str(file)}).read()
    with pytest.raises(ConfigError, match="IMGBOT_TOKEN: the credential bot-token cannot be read"):
        load_settings(LEAST | {"CREDENTIALS_DIRECTORY": str(tmp_path)})


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
