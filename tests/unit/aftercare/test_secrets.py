import boto3  # noqa: TID251 - a test of the one module
import pytest
from aws_lambda_powertools.utilities.parameters import clear_caches
from moto import mock_aws

from aftercare.aws import AwsSecrets
from aftercare.outside import NotKept, NotThere


@pytest.fixture
def account(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield boto3.client("ssm")
    clear_caches()


def test_a_parameter_that_nobody_made_is_not_there(account):
    with pytest.raises(NotThere):
        AwsSecrets().text("/aftercare/nobody-made-it")


def test_a_secret_that_cannot_be_read_is_an_outage(account):
    with pytest.raises(NotKept) as refused:
        AwsSecrets().text("arn:aws:secretsmanager:eu-west-1:123456789012:secret:gone")
    assert not isinstance(refused.value, NotThere)
