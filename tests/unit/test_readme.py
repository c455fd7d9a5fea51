"""The README says what the code does."""

from pathlib import Path

from imgbot.config.sources import markdown_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_table_of_settings_is_the_codes() -> None:
    assert markdown_table() in README


def test_ci_runs_the_readmes_test_command() -> None:
    assert "&& .venv/bin/pytest\n" in README
    assert "check .venv/bin/pytest\n" in (ROOT / ".ci" / "run").read_text()


def test_files_that_the_readme_names_exist() -> None:
    shown = [part.partition(")")[0] for part in README.split("](")[1:]]
    for target in shown:
        assert target.startswith("https://") or (ROOT / target).exists(), target
    for line in README.splitlines():
        if line.startswith("| `imgbot/"):
            for name in line.split("|")[1].split(","):
                path = name.strip().strip("`")
                place = ROOT / path if path.startswith("imgbot") else ROOT / "imgbot" / path
                assert place.exists(), path
