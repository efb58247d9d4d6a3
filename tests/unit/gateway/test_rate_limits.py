"""Rate limits in the answers of each API generation."""

import re

import msgspec
import pytest
from tests.support.gateway.system import Answer, System, running_system
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.visitor import Visitor, enroll

from gateway.access.models import Role
from gateway.access.plans import PlanName
from shared.contracts.runs import RunMode

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LEGACY_429 = {"error": "Rate limit exceeded. Please try again later.", "code": "RATE_LIMIT_EXCEEDED"}
FREE_BURST = 100


def spend_all(system: System, kind: str = "sync", workspace: str = "WS1") -> None:
    """Empty the bucket."""
    bucket = f"workspace:{workspace}:{kind}"
    system.buckets.left[bucket] = 0
    system.buckets.turned[bucket] = system.clock.monotonic()


def limit_of(answer: Answer) -> tuple[int, int]:
    return int(answer.headers["x-ratelimit-limit"]), int(answer.headers["x-ratelimit-remaining"])


async def test_an_execute_answer_carries_whole_numbers(system: System) -> None:
    answer = await system.execute({"q": 1})
    assert answer.status == 200
    assert limit_of(answer) == (FREE_BURST, FREE_BURST - 1)
    assert int(answer.headers["x-ratelimit-reset"]) == int(system.clock.now().timestamp()) + 60
    assert answer.headers["ratelimit-policy"] == '"sync";q=50;w=60'
    assert answer.headers["ratelimit"] == '"sync";r=99;t=60'


async def test_a_stream_counts_as_sync_and_a_queued_run_as_async(system: System) -> None:
    stream = await system.execute({"stream": True})
    queued = await system.execute({}, headers={"X-Execution-Mode": "async"})
    assert limit_of(stream) == (100, 99)
    assert (queued.status, limit_of(queued)) == (202, (400, 399))
    v2 = await system.send("POST", "/api/v2/workflows/W/execute", {"input": {}, "async": True})
    assert (v2.status, limit_of(v2)) == (202, (400, 398))


async def test_calls_that_run_nothing_count_nothing(system: System) -> None:
    answers = [
        await system.execute(b"{broken"),
        await system.execute({}, workflow="nowhere"),
        await system.get("/api/jobs/run_unknown"),
        await system.get("/api/users/me/usage-limits"),
        await system.get("/api/workflows/W/status"),
    ]
    assert [answer.status for answer in answers] == [400, 404, 404, 200, 200]
    assert all(limit_of(answer)[0] == limit_of(answer)[1] for answer in answers)


async def test_unidentified_callers_get_no_limits(system: System) -> None:
    answer = await system.execute({}, key="sk-sim-wrong")
    assert answer.status == 401
    assert not any("ratelimit" in name for name in answer.headers)


async def test_a_forged_address_is_ignored_in_favor_of_the_proxys() -> None:
    async with running_system(trusted_proxies="127.0.0.1", rate_limit_public_address=1) as system:
        system.deployments.put("P", public=True)
        answers = [
            await system.execute(
                {}, workflow="P", key=None, headers={"X-Forwarded-For": f"1.1.1.{n}", "x-forwarded-for": "203.0.113.7"}
            )
            for n in range(3)
        ]
        assert [answer.status for answer in answers] == [200, 200, 429]


async def test_a_rate_limited_call_has_a_retry_time(system: System) -> None:
    spend_all(system)
    answer = await system.execute({})
    assert answer.status == 429
    assert answer.json == {**LEGACY_429, "retryAfterSeconds": 60}
    assert (answer.headers["retry-after"], limit_of(answer)) == ("60", (100, 0))
    system.clock.advance(60)
    assert (await system.execute({})).status == 200


async def test_v2_has_its_own_format(system: System) -> None:
    spend_all(system)
    answer = await system.send("POST", "/api/v2/workflows/W/execute", {"input": {}})
    assert answer.status == 429
    assert answer.json == {
        "error": {
            "code": "RATE_LIMITED",
            "message": "Rate limit exceeded. Please try again later.",
            "details": {"code": "RATE_LIMIT_EXCEEDED"},
        }
    }
    assert ISO.fullmatch(answer.headers["x-ratelimit-reset"])
    assert answer.headers["retry-after"] == "60"


async def test_v1_counts_every_call_in_its_own_format(system: System) -> None:
    answer = await system.get("/api/v1/workflows/W/export")
    assert limit_of(answer) == (60, 59)
    assert ISO.fullmatch(answer.headers["x-ratelimit-reset"])
    spend_all(system, "api-endpoint")
    system.clock.advance(60)
    spend_all(system, "api-endpoint")
    refused = await system.get("/api/v1/workflows/W")
    assert (refused.status, refused.json["error"]) == (429, "Rate limit exceeded")
    assert re.fullmatch(r"API rate limit exceeded. Please retry after \S+Z", refused.json["message"])
    assert refused.json["retryAfter"] == round(system.clock.now().timestamp() * 1000) + 60_000


async def test_the_id_of_a_refused_run_can_be_reused(system: System) -> None:
    spend_all(system)
    assert (await system.execute({}, headers={"X-Execution-Id": "E1"})).status == 429
    system.clock.advance(60)
    assert (await system.execute({}, headers={"X-Execution-Id": "E1"})).status == 200


async def test_an_undeployed_workflow_is_not_counted(system: System) -> None:
    system.deployments.put("D")
    await system.deployments.undeploy("WS1", "D")
    answer = await system.execute({}, workflow="D")
    assert (answer.status, limit_of(answer)) == (403, (100, 100))


async def test_workspaces_have_separate_buckets(system: System) -> None:
    spend_all(system)
    system.deployments.put("O", workspace_id=OTHER.id)
    answer = await system.execute({}, workflow="O", key=system.tenants.issue(OTHER))
    assert (answer.status, limit_of(answer)) == (200, (300, 299))


async def test_a_key_with_its_own_limit_leaves_the_shared_bucket_to_others(system: System) -> None:
    small = system.tenants.issue(rate_limit=1)
    answers = [await system.execute({}, key=small) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert limit_of(answers[0]) == (2, 1)
    assert limit_of(await system.execute({})) == (100, 97)


async def test_the_public_is_counted_by_address(system: System) -> None:
    async with running_system(rate_limit_public_address=1, trusted_proxies=("127.0.0.1",)) as system:
        system.deployments.put("P", public=True)

        async def call(address: str) -> Answer:
            return await system.execute({}, workflow="P", key=None, headers={"X-Forwarded-For": f"9.9.9.9, {address}"})

        one = [await call("198.51.100.1") for _ in range(3)]
        assert [answer.status for answer in one] == [200, 200, 429]
        assert limit_of(one[0]) == (2, 1)
        assert (await call("198.51.100.2")).status == 200
        assert (await system.execute({})).status == 200


async def test_addresses_claimed_by_untrusted_callers_are_ignored() -> None:
    async with running_system(rate_limit_public_address=1) as system:
        system.deployments.put("P", public=True)
        answers = [
            await system.execute({}, workflow="P", key=None, headers={"X-Forwarded-For": f"198.51.100.{n}"})
            for n in range(3)
        ]
        assert [answer.status for answer in answers] == [200, 200, 429]


async def test_v2_counts_an_address_before_it_looks_at_the_key() -> None:
    async with running_system(rate_limit_address=1) as system:
        runs, execute = "/api/v2/workflows/W/runs", "/api/v2/workflows/W/execute"
        guesses = [await system.get(runs, key=f"sk-sim-{n}") for n in range(3)]
        assert [answer.status for answer in guesses] == [401, 401, 429]
        assert not any("ratelimit" in name for name in guesses[1].headers)
        refused = await system.send("POST", execute, {"input": {}})
        assert (refused.status, refused.json["error"]["code"]) == (429, "RATE_LIMITED")
        assert (limit_of(refused), refused.headers["retry-after"]) == ((2, 0), "60")
        assert refused.headers["ratelimit-policy"] == '"address";q=1;w=60'
        elsewhere = await system.request("GET", runs, headers={"x-api-key": system.key}, address="198.51.100.1")
        assert (elsewhere.status, limit_of(elsewhere)) == (200, (60, 59))
        assert (await system.execute({})).status == 200


async def test_calls_are_allowed_during_a_store_outage(system: System) -> None:
    system.buckets.is_down = True
    answer = await system.execute({})
    assert (answer.status, limit_of(answer)) == (200, (100, 100))


async def test_usage_limits_contain_remaining_calls_and_spend(system: System) -> None:
    system.jobs.spent["WS1"] = 1.25
    await system.execute({})
    spend_all(system, "async")
    body = (await system.get("/api/users/me/usage-limits")).json
    reset = body["rateLimit"]["sync"].pop("resetAt")
    assert ISO.fullmatch(reset)
    assert body["rateLimit"]["sync"] == {
        "isLimited": False,
        "requestsPerMinute": 50,
        "limit": 50,
        "maxBurst": 100,
        "remaining": 99,
    }
    assert body["rateLimit"]["async"]["isLimited"] is True
    assert (body["success"], body["rateLimit"]["authType"]) == (True, "api")
    assert body["usage"] == {"currentPeriodCost": 1.25, "limit": 99999, "plan": "free"}
    assert body["storage"] == {"usedBytes": 0, "limitBytes": 0, "percentUsed": 0}


async def test_a_signed_in_person_is_identified_as_such(system: System) -> None:
    visitor = await Visitor.with_role(system, Role.READ)
    assert (await visitor.get("/api/users/me/usage-limits"))["rateLimit"]["authType"] == "manual"


async def test_a_member_of_several_workspaces_gets_the_requested_ones_limits(system: System) -> None:
    lea = enroll(system, "lea", Role.READ)
    system.tenants.join("WS2", lea.id, Role.READ)
    system.jobs.spent |= {"WS1": 1.25, "WS2": 7.5}
    key = system.tenants.issue_personal(lea)
    for workspace, expected in (("WS1", (1.25, "free")), ("WS2", (7.5, "pro"))):
        usage = (await system.get(f"/api/users/me/usage-limits?workspaceId={workspace}", key=key)).json["usage"]
        assert (usage["currentPeriodCost"], usage["plan"]) == expected
    assert (await system.get("/api/users/me/usage-limits?workspaceId=WS2")).status == 403


async def test_a_limit_in_whole_dollars_has_no_point(system: System) -> None:
    assert b'"limit":99999,' in (await system.get("/api/users/me/usage-limits")).body
    assert b'"limit":99999,' in (await system.get("/api/v1/workflows/W")).body


async def test_a_spend_cap_is_reported_with_its_state() -> None:
    async with running_system(spend_limit_usd=2.5) as system:
        system.jobs.spent["WS1"] = 3.0
        assert (await system.get("/api/users/me/usage-limits")).json["usage"]["limit"] == 2.5
        usage = (await system.get("/api/v1/workflows/W")).json["limits"]["usage"]
        assert (usage["limit"], usage["isExceeded"]) == (2.5, True)


async def test_usage_limits_need_a_key(system: System) -> None:
    answer = await system.get("/api/users/me/usage-limits", key=None)
    assert answer.status == 401
    body = answer.json
    assert (body["error"], body["code"]) == ("Authentication required", "AUTHENTICATION_REQUIRED")


async def test_v1_answers_end_with_the_limits_of_runs(system: System) -> None:
    await system.execute({})
    limits = (await system.get("/api/v1/workflows/W")).json["limits"]
    rates = limits["workflowExecutionRateLimit"]
    assert (rates["sync"]["remaining"], rates["async"]["remaining"]) == (99, 400)
    assert rates["sync"].keys() == {"requestsPerMinute", "maxBurst", "remaining", "resetAt"}
    assert limits["usage"] == {"currentPeriodCost": 0, "limit": 99999, "plan": "free", "isExceeded": False}


async def test_a_sync_call_queries_the_store_of_the_limits_rarely(system: System) -> None:
    for _ in range(50):
        assert (await system.execute({})).status == 200
    assert system.buckets.questions <= 50


@pytest.mark.parametrize("plan", list(PlanName))
async def test_every_plan_has_limits_of_every_kind(system: System, plan: PlanName) -> None:
    system.tenants.workspaces["WS1"] = msgspec.structs.replace(system.tenants.workspaces["WS1"], plan=plan)
    limit, remaining = limit_of(await system.execute({}))
    assert remaining == limit - 1 >= 99
    assert system.worker.runs[0].mode is RunMode.SYNC
