"""The HTTP API: routes, parameters, payload format 2.0, and what a caller sees of an error."""

import base64
import json

import pytest

from tests.small_cloud import small_cloud

PAGES = """
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Pages:
    Type: AWS::Serverless::Function
    Properties:
      Handler: pages.handler.handle
      Runtime: python3.13
      CodeUri: .
      Events:
        Hook: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: POST, Path: /webhooks/shop}}
        Order: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: "/o/{token}"}}
        Known: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /o/known}}
"""


@pytest.fixture
def pages(tmp_path):
    seen = []
    answers = [{"statusCode": 200, "body": "fine", "headers": {"X-One": "1"}}]

    def handle(event, context):
        json.dumps(event)
        seen.append(event)
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]

    with small_cloud(tmp_path, PAGES, handlers={"Pages": handle}) as cloud:
        yield cloud, seen, answers


def test_a_request_reaches_the_function_behind_its_route_with_its_path_parameters(pages):
    cloud, seen, _ = pages
    answer = cloud.http("GET", "/o/a%2Fb?x=1&x=2&y=", {"Host": "pages.example", "Cookie": "a=1; b=2"})
    assert (answer.status, answer.text, answer.headers["x-one"]) == (200, "fine", "1")
    [event] = seen
    assert event["version"] == "2.0"
    assert event["routeKey"] == "GET /o/{token}"
    assert event["rawPath"] == "/o/a%2Fb"
    assert event["pathParameters"] == {"token": "a/b"}
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["rawQueryString"] == "x=1&x=2&y="
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["host"] == "pages.example"
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["requestContext"]["timeEpoch"] == cloud.now.timestamp() * 1000
    assert "body" not in event


def test_the_most_specific_route_takes_the_request(pages):
    cloud, seen, _ = pages
    cloud.http("GET", "/o/known")
    assert seen[0]["routeKey"] == "GET /o/known"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("GET", "/o/"),
        ("GET", "/o/a/b"),
        ("GET", "/webhooks/shop"),
        ("HEAD", "/o/known"),
        ("PUT", "/webhooks/shop"),
    ],
)
def test_no_route_is_a_404_whatever_the_method(pages, method, path):
    cloud, seen, _ = pages
    answer = cloud.http(method, path)
    assert (answer.status, answer.json(), seen) == (404, {"message": "Not Found"}, [])


def test_json_comes_as_text_and_forms_come_as_base64(pages):
    cloud, seen, _ = pages
    cloud.http("POST", "/webhooks/shop", {"Content-Type": "application/json; charset=utf-8"}, '{"ä": 1}')
    cloud.http("POST", "/webhooks/shop", {"Content-Type": "application/x-www-form-urlencoded"}, "a=1")
    assert (seen[0]["body"], seen[0]["isBase64Encoded"]) == ('{"ä": 1}', False)
    assert (base64.b64decode(seen[1]["body"]), seen[1]["isBase64Encoded"]) == (b"a=1", True)


def test_an_answer_may_be_plain_json_binary_or_have_cookies(pages):
    cloud, _, answers = pages
    answers[0] = {"a": 1}
    assert (cloud.http("GET", "/o/x").status, cloud.http("GET", "/o/x").json()) == (200, {"a": 1})
    binary = base64.b64encode(b"\x00\xff").decode()
    answers[0] = {"statusCode": 201, "body": binary, "isBase64Encoded": True, "cookies": ["a=1", "b=2"]}
    answer = cloud.http("GET", "/o/x")
    assert (answer.status, answer.body, answer.headers["set-cookie"]) == (201, b"\x00\xff", "a=1\nb=2")


def test_a_failing_function_is_a_500_that_says_nothing(pages):
    cloud, _, answers = pages
    answers[0] = ValueError("a secret detail")
    answer = cloud.http("GET", "/o/x")
    assert (answer.status, answer.json()) == (500, {"message": "Internal Server Error"})
    assert cloud.errors[0].message == "a secret detail"


def test_a_body_above_ten_megabytes_is_refused(pages):
    cloud, seen, _ = pages
    assert cloud.http("POST", "/webhooks/shop", {}, b"x" * (10 * 1024 * 1024 + 1)).status == 413
    assert seen == []


def test_a_captured_request_is_sent_to_the_function_behind_its_route(pages):
    cloud, seen, _ = pages
    captured = {"version": "2.0", "rawPath": "/o/t", "requestContext": {"http": {"method": "GET", "path": "/o/t"}}, "headers": {}}
    assert cloud.http_event(captured).status == 200
    assert seen == [captured]
