from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from chat.settings import Settings
from chat.web.docs import example_of
from chat.web.endpoints import ENDPOINTS, TAGS, operation_id
from chat.web.openapi import CODES, openapi_document, refusal_codes
from chat.web.pages import SITE
from chat.web.routes import ROUTES
from tests.people import Person
from tests.raw_http import exchange, written
from tests.servers import RunningServer
from tests.test_readme import codes_in_code

ADDRESSES = {(method, re.sub(r":[^}]*}", "}", path)) for method, path, _ in ROUTES}
ONLY_ON_SOCKETS = {"unknown_type", "too_many_subscriptions", "too_many_frames"}
NOT_SENT = {"conflict", "forbidden", "refused"}
BEFORE_ANY_REQUEST = {"too_many_connections"}


def document_of(settings: Settings) -> dict[str, Any]:
    return json.loads(openapi_document(settings, ENDPOINTS, cookie_name="chat_session"))  # type: ignore[no-any-return]


DOCUMENT = document_of(Settings())
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS: list[dict[str, Any]] = [
    operation for operations in DOCUMENT["paths"].values() for operation in operations.values()
]
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation["operationId"])


def test_every_address_is_described_and_nothing_else() -> None:
    assert ENDPOINTS.keys() == ADDRESSES


async def test_the_document_is_there_for_everyone_and_names_the_same_addresses(stranger: Person) -> None:
    answer = await stranger.get("/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    named = {(method.upper(), path) for path, operations in answer.body["paths"].items() for method in operations}
    assert named == ADDRESSES


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_every_operation_has_its_own_name_a_known_heading_and_a_line_to_try_it() -> None:
    assert len({operation["operationId"] for operation in OPERATIONS}) == len(OPERATIONS)
    for operation in OPERATIONS:
        assert operation["tags"][0] in TAGS
        assert operation["summary"].endswith(".")
        assert operation["x-codeSamples"][0]["source"].startswith(("curl ", "websocat "))


def schemas_of(operation: dict[str, Any]) -> list[dict[str, Any]]:
    contents = [response.get("content", {}) for response in operation["responses"].values()]
    contents.append(operation.get("requestBody", {}).get("content", {}))
    found = [told["schema"] for content in contents for told in content.values()]
    return found + [told["schema"] for told in operation.get("parameters", ())]


@each_operation
def test_every_schema_is_one_and_its_example_fits(operation: dict[str, Any]) -> None:
    for schema in schemas_of(operation):
        Draft202012Validator.check_schema(schema)
    content = operation["responses"].get("200", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if schema is not None:
        checked = {**schema, "components": {"schemas": SCHEMAS}}
        Draft202012Validator(checked).validate(example_of(schema, SCHEMAS))


def objects_in(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for item in schema for found in objects_in(item)]
    if not isinstance(schema, dict):
        return []
    inner = [found for value in schema.values() for found in objects_in(value)]
    return inner + ([schema] if schema.get("type") == "object" and "properties" in schema else [])


def test_no_answer_may_hold_a_field_that_is_not_described() -> None:
    answers = [operation["responses"] for operation in OPERATIONS]
    objects = objects_in(answers) + objects_in(SCHEMAS)
    assert len(objects) > 20
    assert [found for found in objects if found["additionalProperties"] is not False] == []


def test_every_body_is_described_in_all_three_kinds() -> None:
    bodies = [operation["requestBody"] for operation in OPERATIONS if "requestBody" in operation]
    assert len(bodies) > 5
    for body in bodies:
        assert set(body["content"]) == {
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        }


def test_the_codes_are_those_of_the_server_with_their_statuses() -> None:
    in_code = codes_in_code()
    described = {code: int(status) for code, (status, _) in CODES.items()}
    assert described == {
        code: in_code[code] for code in in_code.keys() - ONLY_ON_SOCKETS - NOT_SENT - BEFORE_ANY_REQUEST
    }
    used = {code for endpoint in ENDPOINTS.values() for code in refusal_codes(endpoint)}
    assert used == CODES.keys() - {"method_not_allowed"}


@pytest.mark.settings(message_max_characters=50, page_max_messages=7)
async def test_the_limits_are_those_of_this_server(stranger: Person) -> None:
    document = (await stranger.get("/openapi.json")).body
    fields: dict[str, Any] = {}
    for path in ("/send_message", "/list_message"):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        fields |= content["multipart/form-data"]["schema"]["properties"]
    assert fields["message"]["maxLength"] == 50
    assert fields["limit"]["anyOf"][0]["maximum"] == 7


def test_the_address_and_the_cookie_are_those_of_this_server() -> None:
    assert DOCUMENT["servers"] == [{"url": "/"}]
    assert DOCUMENT["components"]["securitySchemes"]["cookie"]["name"] == "chat_session"
    secure = document_of(Settings(origin="https://chat.example.org"))
    assert secure["servers"] == [{"url": "https://chat.example.org"}]
    sample = secure["paths"]["/whoami"]["get"]["x-codeSamples"][0]["source"]
    assert sample == "curl -b jar https://chat.example.org/whoami"


@pytest.mark.settings(origin="https://chat.example.org")
async def test_the_cookie_is_called_what_it_is(stranger: Person) -> None:
    schemes = (await stranger.get("/openapi.json")).body["components"]["securitySchemes"]
    assert schemes["cookie"]["name"] == "__Host-chat_session"


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_the_description_is_not_sent_again_to_who_has_it(server: RunningServer, path: str) -> None:
    first = await exchange(server, written("GET", path))
    assert first.headers["Cache-Control"] == "no-cache"
    again = await exchange(server, written("GET", path, f"If-None-Match: {first.headers['ETag']}"))
    assert (again.status, again.body) == (304, "")


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_the_description_is_sent_packed_to_who_can_unpack_it(stranger: Person, path: str) -> None:
    answer = await stranger.get(path, headers={"Accept-Encoding": "gzip"})
    plain = await stranger.get(path, headers={"Accept-Encoding": "identity"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.body == plain.body
    assert int(answer.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 4


async def test_the_page_for_people_describes_every_address_and_needs_nothing_from_elsewhere(
    stranger: Person,
) -> None:
    answer = await stranger.get("/docs")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    html = answer.body
    for _, path in ADDRESSES:
        assert f"<code>{path}</code></a></h3>" in html, path
    for operation in OPERATIONS:
        name = operation["operationId"]
        if (
            method_and_path := next(key for key, told in ENDPOINTS.items() if operation_id(key[1], told) == name)
        ) in ADDRESSES:
            assert html.count(f'id="{name}"') == 1, method_and_path
            assert f'href="#{name}"' in html
    addresses = re.findall(r'(?:href|src)="([^"#]+)', html)
    assert addresses
    assert {address for address in addresses if not address.startswith((SITE.prefix, "/"))} == set()
    for address in set(addresses):
        assert (await stranger.get(address)).status == 200, address
    assert {anchor for anchor in re.findall(r'href="#([^"]+)"', html) if f'id="{anchor}"' not in html} == set()
