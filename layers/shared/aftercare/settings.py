"""What a stage configures, read from the environment at each invocation and never at import."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

ENVIRONMENT = {
    "stage": "AFTERCARE_STAGE",
    "customer_table": "CUSTOMER_TABLE",
    "knowledge_table": "KNOWLEDGE_TABLE",
    "bus": "AFTERCARE_BUS",
    "gate_queue_url": "GATE_QUEUE_URL",
    "gate_queue_arn": "GATE_QUEUE_ARN",
    "relay_retry_queue_url": "RELAY_RETRY_QUEUE_URL",
    "privacy_queue_url": "PRIVACY_QUEUE_URL",
    "identity_secret": "IDENTITY_SECRET",
    "link_secret": "LINK_SECRET",
    "suppression_secret": "SUPPRESSION_SECRET",
    "shopify_secrets_parameter": "SHOPIFY_SECRETS_PARAMETER",
    "easypost_secrets_parameter": "EASYPOST_SECRETS_PARAMETER",
    "aftership_secrets_parameter": "AFTERSHIP_SECRETS_PARAMETER",
    "shippo_secrets_parameter": "SHIPPO_SECRETS_PARAMETER",
    "ship24_secrets_parameter": "SHIP24_SECRETS_PARAMETER",
    "karrio_secrets_parameter": "KARRIO_SECRETS_PARAMETER",
    "zendesk_secrets_parameter": "ZENDESK_SECRETS_PARAMETER",
    "hubspot_secrets_parameter": "HUBSPOT_SECRETS_PARAMETER",
    "sender_address": "SENDER_ADDRESS",
    "promotional_sender_address": "PROMOTIONAL_SENDER_ADDRESS",
    "postal_address": "POSTAL_ADDRESS",
    "configuration_set": "CONFIGURATION_SET",
    "sms_origination": "SMS_ORIGINATION",
    "sms_configuration_set": "SMS_CONFIGURATION_SET",
    "sms_max_price": "SMS_MAX_PRICE",
    "whatsapp_phone_number_id": "WHATSAPP_PHONE_NUMBER_ID",
    "push_applications": "PUSH_APPLICATIONS",
    "account_inbox": "ACCOUNT_INBOX",
    "sms_opt_outs": "SMS_OPT_OUTS",
    "public_base_url": "PUBLIC_BASE_URL",
    "store_origins": "STORE_ORIGINS",
    "reorder_state_machine": "REORDER_STATE_MACHINE",
    "survey_state_machine": "SURVEY_STATE_MACHINE",
    "rescue_state_machine": "RESCUE_STATE_MACHINE",
    "segment_state_machine": "SEGMENT_STATE_MACHINE",
    "shipping_state_machine": "SHIPPING_STATE_MACHINE",
    "learning_queue_url": "LEARNING_QUEUE_URL",
    "learning_queue_arn": "LEARNING_QUEUE_ARN",
    "long_waits": "LONG_WAITS",
    "wait_queue_arn": "WAIT_QUEUE_ARN",
    "wait_dead_letters_arn": "WAIT_DEAD_LETTERS_ARN",
    "wait_schedule_group": "WAIT_SCHEDULE_GROUP",
    "wait_schedule_role": "WAIT_SCHEDULE_ROLE",
    "slot_schedule_group": "SLOT_SCHEDULE_GROUP",
    "slot_schedule_role": "SLOT_SCHEDULE_ROLE",
    "webhook_endpoints_parameter": "WEBHOOK_ENDPOINTS_PARAMETER",
    "helpdesk_queue_url": "HELPDESK_QUEUE_URL",
    "helpdesk_dead_letters_url": "HELPDESK_DEAD_LETTERS_URL",
    "sends_told": "SENDS_TOLD",
    "product_owners": "PRODUCT_OWNERS",
    "product_news_queue_url": "PRODUCT_NEWS_QUEUE_URL",
}

_NAMES = tuple(ENVIRONMENT.values())


class MissingSetting(RuntimeError):
    """A function uses a setting that its environment does not give: template.yaml is wrong."""


@dataclass(frozen=True)
class Settings:
    """One field per environment variable of template.yaml; a function has only those it uses."""

    stage: str | None = None
    customer_table: str | None = None
    knowledge_table: str | None = None
    bus: str | None = None
    gate_queue_url: str | None = None
    gate_queue_arn: str | None = None
    relay_retry_queue_url: str | None = None
    privacy_queue_url: str | None = None
    identity_secret: str | None = None
    link_secret: str | None = None
    suppression_secret: str | None = None
    shopify_secrets_parameter: str | None = None
    easypost_secrets_parameter: str | None = None
    aftership_secrets_parameter: str | None = None
    shippo_secrets_parameter: str | None = None
    ship24_secrets_parameter: str | None = None
    karrio_secrets_parameter: str | None = None
    zendesk_secrets_parameter: str | None = None
    hubspot_secrets_parameter: str | None = None
    sender_address: str | None = None
    promotional_sender_address: str | None = None
    postal_address: str | None = None
    configuration_set: str | None = None
    sms_origination: str | None = None
    sms_configuration_set: str | None = None
    sms_max_price: str | None = None
    whatsapp_phone_number_id: str | None = None
    push_applications: str | None = None
    account_inbox: str | None = None
    sms_opt_outs: str | None = None
    public_base_url: str | None = None
    store_origins: str | None = None
    reorder_state_machine: str | None = None
    survey_state_machine: str | None = None
    rescue_state_machine: str | None = None
    segment_state_machine: str | None = None
    shipping_state_machine: str | None = None
    learning_queue_url: str | None = None
    learning_queue_arn: str | None = None
    long_waits: str | None = None
    wait_queue_arn: str | None = None
    wait_dead_letters_arn: str | None = None
    wait_schedule_group: str | None = None
    wait_schedule_role: str | None = None
    slot_schedule_group: str | None = None
    slot_schedule_role: str | None = None
    webhook_endpoints_parameter: str | None = None
    helpdesk_queue_url: str | None = None
    helpdesk_dead_letters_url: str | None = None
    sends_told: str | None = None
    product_owners: str | None = None
    product_news_queue_url: str | None = None

    def need(self, field: str) -> str:
        """The setting's value. MissingSetting naming the environment variable when it is absent or empty."""
        value = getattr(self, field)
        if not value:
            raise MissingSetting(f"environment variable {ENVIRONMENT[field]} is not set")
        return str(value)


@lru_cache(maxsize=64)
def of(given: tuple[str | None, ...]) -> Settings:
    """The settings that values() found."""
    return Settings(**{field: value for field, value in zip(ENVIRONMENT, given, strict=True) if value})


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in an environment, by default the process's own as it is now."""
    return of(values(environment))


def values(environment: Mapping[str, str] | None = None) -> tuple[str | None, ...]:
    """What read() makes settings of, in their order: cheaper to compare."""
    source = os.environ if environment is None else environment
    return tuple(map(source.get, _NAMES))
