"""`imgbot model fetch`: a model for the provider `local`; and what this machine can do with one."""

import hashlib
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import httpx

from imgbot.config.local_models import (
    FOLDER,
    HUB,
    fetched_model,
    local_model_of,
    published_models,
)
from imgbot.config.settings import Settings
from imgbot.config.sources import NO_PROVIDERS, PLACEHOLDER_TOKEN, SettingsSource
from imgbot.domain.errors import ImgbotError
from imgbot.domain.findings import Finding, ok, warning
from imgbot.domain.local_model import LocalModel
from imgbot.files import PART, anchored, as_owner, commit, make_folder
from imgbot.imaging import diffusion
from imgbot.ops.formatting import say, size
from imgbot.ops.installation import environ_of_service
from imgbot.providers.local import obstacle, problem_of

_TIMEOUT_S = 30.0
_FAILURES, _PAUSE_S = 3, 1.0


def main(
    action: str, name: str, *, is_accepted: bool, environ: Mapping[str, str] = os.environ
) -> list[str]:
    """Fetch a model; return what was done, in sentences. Raises ConfigError, ImgbotError."""
    if name not in (known := published_models()):
        names = ", ".join(known)
        raise ImgbotError(f"nothing to {action}: there is no model {name!r}; known: {names}")
    unneeded = {**NO_PROVIDERS, "IMGBOT_TOKEN": PLACEHOLDER_TOKEN}
    settings = SettingsSource(environ_of_service(environ), unneeded).read()
    model = fetched_model(settings.state_dir, name)
    if found := obstacle():
        raise ImgbotError(f"nothing is downloaded: {found}")
    if not problem_of(model) and _is_right(Path(model.path), model):
        return [f"{model.path} is there already, whole and unchanged"]
    model = replace(model, url=model.url.replace(HUB, settings.model_mirror or HUB, 1))
    say(f"{name}: {size(model.size_bytes)} from {model.url}\n\n{model.terms}\n")
    say(" ".join(_forecast(model)))
    ask = "Do you accept the licence? yes/no: "
    if not is_accepted and not (sys.stdin.isatty() and input(ask).strip() == "yes"):
        raise ImgbotError("nothing is downloaded without consent: answer yes, or --accept-license")
    _fetch(model)
    use = "IMGBOT_PROVIDER=local, or for new pictures alone IMGBOT_PROVIDER=builtin, create=local"
    return [
        f"{model.path} is whole and has the published sha256",
        f"to use it: {use}; then: sudo systemctl restart imgbot",
    ]


def _fetch(model: LocalModel) -> None:
    path = Path(model.path)
    make_folder(path.parents[1])
    with anchored(path.parents[1]) as here:
        folder = here / FOLDER
        part = folder / f"{path.name}{PART}"
        # The service reads it, and owns its folder.
        with as_owner(here):
            folder.mkdir(mode=0o700, exist_ok=True)
            file = part.open("ab+")
        with file:
            _download(model.url, file, model.size_bytes)
            file.flush()
            if not _is_right(part, model):
                file.truncate(0)
                raise ImgbotError(
                    f"{model.url} is not the published file (its sha256 differs), and was deleted; "
                    "try another address in IMGBOT_MODEL_MIRROR"
                )
        with as_owner(here):
            commit(part, folder / path.name)


def _download(url: str, file: BinaryIO, whole_bytes: int) -> None:
    """Continue a download to its end; pieces that have come are kept."""
    failures, why = 0, "it ends too early"
    with httpx.Client(follow_redirects=True, timeout=_TIMEOUT_S) as client:
        while (begin := file.seek(0, os.SEEK_END)) < whole_bytes and failures < _FAILURES:
            try:
                _continue(client, url, file, whole_bytes)
            except httpx.HTTPError as error:
                why = str(error) or type(error).__name__
            failures = 0 if file.tell() > begin else failures + 1
            time.sleep(_PAUSE_S * failures)
    if (come := file.tell()) < whole_bytes:
        raise ImgbotError(
            f"the download stopped at {size(come)} of {size(whole_bytes)} ({why}); run it again to "
            "continue"
        )


def _continue(client: httpx.Client, url: str, file: BinaryIO, whole_bytes: int) -> None:
    begin = file.tell()
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={begin}-"} if begin else {})}
    with client.stream("GET", url, headers=headers) as answer:
        is_rest = answer.headers.get("content-range", "").startswith(f"bytes {begin}-")
        if answer.status_code == httpx.codes.OK:
            file.truncate(0)
        elif answer.status_code != httpx.codes.PARTIAL_CONTENT or not is_rest:
            raise ImgbotError(
                f"{answer.url.host} answers {answer.status_code}; what has come is kept: run it "
                "again, or set another address in IMGBOT_MODEL_MIRROR"
            )
        for piece in answer.iter_raw():
            # A longer file is a wrong one, which its sha256 will tell.
            before = file.seek(0, os.SEEK_END)
            file.write(piece[: whole_bytes - before])
            if (tenth := 10 * file.tell() // whole_bytes) > 10 * before // whole_bytes:
                say(f"{tenth}0 %")
            if file.tell() == whole_bytes:
                return


def _is_right(path: Path, model: LocalModel) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == model.sha256


def _forecast(model: LocalModel) -> tuple[str, str]:
    """Return what this machine can do with a model, and what memory it lacks; takes 3 s."""
    passes = model.steps * (1 if model.guidance == 1 else 2)
    seconds = diffusion.seconds_per_step() * passes * (model.side_px / 512) ** 2
    about = max(1, round(seconds)) if seconds < 10 else 5 * round(seconds / 5)
    needed = f"needs {model.needed_bytes / 1e9:.1f} GB of free memory"
    text = f"About {about} s a picture on this processor while it has nothing else to do; {needed}."
    lack = diffusion.lack_of_memory(model)
    return text, f"Now {lack}: until then the built-in engine makes the pictures." if lack else ""


def examine(settings: Settings) -> Finding:
    """Return the doctor's finding about the provider `local`."""
    model, check = local_model_of(settings), "provider local"
    problem = problem_of(model)
    if not problem and model.sha256 and not _is_right(Path(model.path), model):
        problem = f"{model.path} is damaged"
    if problem:
        advice = f"sudo imgbot model fetch {Path(model.path).stem}" if model.url else ""
        if obstacle():
            advice = "IMGBOT_PROVIDER=builtin, or install what is missing"
        return warning(check, f"{problem}: the built-in engine makes the pictures", advice)
    text, lack = _forecast(model)
    return warning(check, f"{text} {lack}") if lack else ok(check, text)
