"""The OpenAPI document, and thousands of requests made from it."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import web_images
from running_service import LONG, Running

EXAMPLES = int(os.environ.get("WILDSR_WEB_EXAMPLES", "6"))
"""Requests for each operation."""


def test_document_describes_every_route(service: Running) -> None:
    document = service.http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    paths = {
        "/v1/jobs": {"get", "post", "delete"},
        "/v1/jobs/{job_id}": {"get", "delete"},
        "/v1/jobs/{job_id}/events": {"get"},
        "/v1/jobs/{job_id}/result": {"get"},
        "/v1/adaptations": {"get", "post"},
        "/v1/adaptations/{adaptation_id}": {"get", "delete"},
        "/v1/adaptations/{adaptation_id}/report": {"get"},
        "/v1/models": {"get"},
        "/healthz": {"get"},
        "/metrics": {"get"},
    }
    for path, methods in paths.items():
        assert methods <= set(document["paths"][path])
    assert set(document["paths"]["/v1/jobs"]["post"]["responses"]) >= {"202", "413", "415", "422", "429"}
    retry = document["paths"]["/v1/adaptations/{adaptation_id}/retry"]["post"]["requestBody"]
    assert "minutes" in retry["content"]["application/json"]["schema"]["properties"]
    options = document["components"]["schemas"]["JobOptions"]["properties"]
    assert options["quality"]["anyOf"][0]["maximum"] == 100


def test_pages_load_nothing_from_elsewhere(service: Running) -> None:
    static = Path(__file__).parents[2] / "src" / "wildsr" / "web" / "static"
    for path in static.iterdir():
        text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?://|@import|url\(", text), path.name
        assert service.http.get(f"/static/{path.name}").status_code == 200
    for page in ("/", "/docs", "/login"):
        text = service.http.get(page).text
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", text)


@pytest.mark.filterwarnings("ignore")
def test_no_request_makes_an_error_of_the_service(start: Callable[..., Running]) -> None:
    """Made from the document, with ids of real jobs every other time."""
    schemathesis = pytest.importorskip("schemathesis")
    service = start("--max-pixels", "0.05")
    schema = schemathesis.openapi.from_url(f"{service.address}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 15
    for operation in operations:
        for status in send_many(operation, service):
            assert status < 500, operation.label
    assert service.http.get("/healthz").status_code == 200


def send_many(operation: Any, service: Running) -> list[int]:
    """Statuses of the answers to requests for one operation."""
    from hypothesis import HealthCheck, Phase, given, settings

    statuses: list[int] = []
    adaptation = service.post_photos(web_images.camera_photos(10)).json()
    service.http.delete(adaptation["links"]["self"])
    headers = {"Accept": "application/json"} if operation.path.endswith("events") else None

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        if "job_id" in (case.path_parameters or {}) and len(statuses) % 2:
            case.path_parameters["job_id"] = service.job(web_images.photo())["id"]
        if "adaptation_id" in (case.path_parameters or {}) and len(statuses) % 2:
            case.path_parameters["adaptation_id"] = adaptation["id"]
        statuses.append(case.call(base_url=service.address, headers=headers, timeout=LONG).status_code)

    send()
    return statuses
