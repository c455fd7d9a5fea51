"""What the simulated providers tell by webhook: signed in each one's way, also twice or forged."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from replicate.webhook import InvalidSignatureError, Webhooks, WebhookSigningSecret

from imgbot.sandbox.simulators.kie import Kie
from imgbot.sandbox.simulators.signing import (
    fal_headers,
    fal_key_set,
    kie_headers,
    replicate_headers,
)
from tests.support import sim_fal, sim_kie, sim_replicate
from tests.support.hook_catcher import Caught, HookCatcher
from tests.support.sim_desk import Desk, fetch, seen

FAL_SEED = bytes(range(32))
VECTORS = {
    "replicate": (
        replicate_headers(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_1",
            1700000000,
            b'{"id":"p1","status":"succeeded"}',
        ),
        ("webhook-signature", "v1,ZRC2qXl9LPzGtO/eTF7TUjtZ+oS3hgUq/qh+JTx1CWs="),
    ),
    "fal": (
        fal_headers(
            FAL_SEED,
            "r1",
            "u1",
            1700000000,
            b'{"request_id":"r1","status":"OK","payload":{"images":[{"url":"http://sim/1.png"}]}}',
        ),
        (
            "X-Fal-Webhook-Signature",
            (
                "406cacbfbf84f007b2e7b6d185cbfe056efe6f7b9a40da9539e5903219d2374f"
                "c9c1c59d11322ad2d8e38e8f364a30277e4decc8d9f32dbd8ef1975fad2aa202"
            ),
        ),
    ),
    "kie": (
        kie_headers("kie-test-key", "task_1", 1700000000),
        ("X-Webhook-Signature", "hVacQaZe8PsGNhGRtasNSQSP/NhvJdj8ZX+/p6m2rBg="),
    ),
}


@pytest.mark.parametrize("provider", VECTORS)
def test_the_signature_is_that_of_the_test_vector(provider: str) -> None:
    headers, (name, signature) = VECTORS[provider]

    assert headers[name] == signature


def test_fals_key_set_shows_the_public_key_of_its_seed() -> None:
    assert fal_key_set(FAL_SEED)["keys"][0]["x"] == "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"


async def replicates_secret(desk: Desk) -> WebhookSigningSecret:
    return WebhookSigningSecret(**(await desk.http.get("/v1/webhooks/default/secret")).json())


def is_replicates(caught: Caught, secret: WebhookSigningSecret) -> bool:
    """The judgement of Replicate's own client."""
    try:
        Webhooks.validate(
            headers=caught.headers, body=caught.body.decode(), secret=secret, tolerance=300
        )
    except InvalidSignatureError:
        return False
    return True


def is_fals(caught: Caught, keys: dict[str, Any]) -> bool:
    """Whether one of the keys made the signature, as fal's documentation has it checked."""
    names = ("request-id", "user-id", "timestamp")
    lines = [caught.headers[f"x-fal-webhook-{name}"] for name in names]
    message = "\n".join([*lines, hashlib.sha256(caught.body).hexdigest()]).encode()
    signature = bytes.fromhex(caught.headers["x-fal-webhook-signature"])
    for key in keys["keys"]:
        public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
        try:
            public.verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


def is_kies(caught: Caught, key: str) -> bool:
    task_id = json.loads(caught.body)["data"]["taskId"]
    signed = f"{task_id}.{caught.headers['x-webhook-timestamp']}".encode()
    expected = base64.b64encode(hmac.digest(key.encode(), signed, "sha256")).decode()
    return hmac.compare_digest(expected, caught.headers["x-webhook-signature"])


def is_bfls(caught: Caught, secret: bytes) -> bool:
    digest = hmac.new(secret, caught.body, hashlib.sha256).hexdigest()
    return caught.headers["x-bfl-signature"] == f"sha256={digest}"


def is_wavespeeds(caught: Caught, secret: str) -> bool:
    signed = f"{caught.headers['webhook-id']}.{caught.headers['webhook-timestamp']}.".encode()
    digest = hmac.new(secret.encode(), signed + caught.body, hashlib.sha256).hexdigest()
    return caught.headers["webhook-signature"] == f"v3,{digest}"


@pytest.mark.simulator("replicate")
async def test_replicates_webhooks_tell_of_the_whole_life(desk: Desk, hooks: HookCatcher) -> None:
    begun = await sim_replicate.submit(desk, {"prompt": "p"}, webhook=hooks.url)

    caught = await hooks.wait(3)

    secret = await replicates_secret(desk)
    assert [is_replicates(one, secret) for one in caught] == [True] * 3
    bodies = [json.loads(one.body) for one in caught]
    assert {body["id"] for body in bodies} == {begun["id"]}
    assert sorted(body["status"] for body in bodies) == ["processing", "processing", "succeeded"]


@pytest.mark.simulator("replicate")
@pytest.mark.parametrize(
    ("mark", "status", "genuine"),
    [
        ("", "succeeded", [True]),
        ("[[sim:fail]]", "failed", [True]),
        ("[[sim:duplicate_webhook]]", "succeeded", [True, True]),
        ("[[sim:forged_webhook]]", "succeeded", [False, True]),
    ],
)
async def test_replicates_completed_event_can_come_twice_or_forged(
    desk: Desk, hooks: HookCatcher, mark: str, status: str, genuine: list[bool]
) -> None:
    events = {"webhook": hooks.url, "webhook_events_filter": ["completed"]}
    await sim_replicate.submit(desk, {"prompt": f"p {mark}"}, **events)

    caught = await hooks.wait(len(genuine))

    secret = await replicates_secret(desk)
    assert [is_replicates(one, secret) for one in caught] == genuine
    assert {json.loads(one.body)["status"] for one in caught} == {status}


@pytest.mark.simulator("replicate")
async def test_replicates_cancelled_prediction_tells_so_at_once(
    desk: Desk, hooks: HookCatcher
) -> None:
    events = {"webhook": hooks.url, "webhook_events_filter": ["completed"]}
    begun = await sim_replicate.submit(desk, {"prompt": "p [[sim:slow=600]]"}, **events)

    await desk.http.post(begun["urls"]["cancel"])

    [caught] = await hooks.wait(1)
    assert json.loads(caught.body)["status"] == "aborted"


@pytest.mark.simulator("fal")
@pytest.mark.parametrize(
    ("mark", "status", "genuine"),
    [
        ("", "OK", [True]),
        ("[[sim:moderated]]", "ERROR", [True]),
        ("[[sim:duplicate_webhook]]", "OK", [True, True]),
        ("[[sim:forged_webhook]]", "OK", [False, True]),
    ],
)
async def test_the_end_is_told_by_fals_webhook(
    desk: Desk, hooks: HookCatcher, mark: str, status: str, genuine: list[bool]
) -> None:
    begun = await sim_fal.submit(desk, {"prompt": f"p ! {mark}"}, hook=hooks.url)

    caught = await hooks.wait(len(genuine))

    keys = (await desk.anyone.get(f"{desk.base_url}/rest/.well-known/jwks.json")).json()
    assert [is_fals(one, keys) for one in caught] == genuine
    body = json.loads(caught[-1].body)
    assert (body["request_id"], body["status"]) == (begun["request_id"], status)
    if status == "ERROR":
        assert body["error"] == "Invalid status code: 422"
        assert body["payload"]["detail"][0]["type"] == "content_policy_violation"
    else:
        assert body["payload"]["images"][0]["url"].startswith(desk.base_url)


@pytest.mark.simulator("kie")
@pytest.mark.parametrize(
    ("mark", "code", "genuine"),
    [
        ("", 200, [True]),
        ("[[sim:fail]]", 501, [True]),
        ("[[sim:duplicate_webhook]]", 200, [True, True]),
        ("[[sim:forged_webhook]]", 200, [False, True]),
    ],
)
async def test_the_end_is_told_by_kies_callback(
    desk: Desk, hooks: HookCatcher, mark: str, code: int, genuine: list[bool]
) -> None:
    simulator = desk.simulator
    assert isinstance(simulator, Kie)
    task_id = await sim_kie.submit(desk, {"prompt": f"p {mark}"}, callBackUrl=hooks.url)

    caught = await hooks.wait(len(genuine))

    assert [is_kies(one, simulator.hook_key) for one in caught] == genuine
    body = json.loads(caught[-1].body)
    assert (body["code"], body["data"]["taskId"]) == (code, task_id)


async def order_from_bfl(desk: Desk, url: str, words: str = "a cat", **fields: str) -> Any:
    body = {"prompt": words, "webhook_url": url} | fields
    return (await desk.http.post("/v1/flux-2-pro", json=body)).json()


@pytest.mark.simulator("bfl")
async def test_bfls_webhook_tells_the_end_and_is_signed(desk: Desk, hooks: HookCatcher) -> None:
    task = await order_from_bfl(desk, hooks.url, webhook_secret="hush")

    [caught] = await hooks.wait(1)

    assert is_bfls(caught, b"hush")
    told = json.loads(caught.body)
    assert (told["id"], told["status"]) == (task["id"], "Ready")
    assert seen(await fetch(desk, told["result"]["sample"]))[0] == "JPEG"


@pytest.mark.simulator("bfl")
async def test_bfls_webhooks_can_be_forged_and_doubled(desk: Desk, hooks: HookCatcher) -> None:
    words = "[[sim:forged_webhook]] [[sim:duplicate_webhook]]"
    await order_from_bfl(desk, hooks.url, words, webhook_secret="hush")

    caught = await hooks.wait(3)

    assert [is_bfls(one, b"hush") for one in caught] == [False, True, True]
    assert json.loads(caught[0].body)["status"] == "Error"


@pytest.mark.simulator("bfl")
async def test_a_webhook_goes_nowhere_but_here(desk: Desk) -> None:
    task = await order_from_bfl(desk, "http://192.0.2.1/hook")

    assert task["id"]
    assert not desk.simulator.hooks.sent


@pytest.mark.simulator("wavespeed")
async def test_wavespeeds_webhooks_are_signed_and_can_be_forged_and_doubled(
    desk: Desk, hooks: HookCatcher
) -> None:
    secret = (await desk.http.get("/api/v3/webhook/secret")).json()["data"]["secret_key"]
    assert secret.startswith("whsec_")
    body = {"prompt": "[[sim:forged_webhook]] [[sim:duplicate_webhook]]"}
    url = "/api/v3/google/nano-banana-2.1/text-to-image"
    answer = await desk.http.post(url, json=body, params={"webhook": hooks.url})
    task = answer.json()["data"]

    caught = await hooks.wait(3)

    key = secret.removeprefix("whsec_")
    assert [is_wavespeeds(one, key) for one in caught] == [False, True, True]
    told = [json.loads(one.body) for one in caught]
    assert [each["id"] for each in told] == [task["id"]] * 3
    assert [each["status"] for each in told] == ["failed", "completed", "completed"]
    assert caught[1].headers["webhook-id"] == caught[2].headers["webhook-id"]
