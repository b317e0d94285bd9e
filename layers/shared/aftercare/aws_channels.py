"""What sends messages on AWS: SES, End User Messaging (SMS and WhatsApp) and SNS, each with one attempt on the wire.

No provider takes an idempotency token, so a lost answer is `Uncertain` and stays so.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from aftercare.aws import NEVER_SENT
from aftercare.clock import Clock
from aftercare.outgoing import Chat, Push, Text
from aftercare.outside import Accepted, Busy, Mail, NotKept, SendOutcome, Uncertain
from aftercare.providers import (
    Refuses,
    chat_call,
    chat_refused,
    mail_refused,
    push_call,
    push_refused,
    refused,
    text_call,
    text_refused,
)
from aftercare.settings import Settings

if TYPE_CHECKING:
    from aftercare.rate import Quota

IDLE = timedelta(seconds=5)
"""An idle connection is not trusted for longer. A frozen sandbox never hears that its peer or a NAT has closed it, and a
send into a dead connection is an outcome that nobody learns; a new one costs one handshake."""


def attempt(call: Callable[[], Mapping[str, Any]], named: str, refuses: Refuses) -> SendOutcome:
    """One call, its answer sorted. `named` is where the provider's name of the message stands in it."""
    try:
        answer = call()
    except NEVER_SENT as error:
        return Busy(type(error).__name__)
    except BotoCoreError as error:
        return Uncertain(type(error).__name__)
    except ClientError as error:
        status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        return refused(error.response["Error"]["Code"], status, cast(dict[str, Any], error.response), refuses)
    return Accepted(str(answer[named]))


class _Line:
    """A provider's client whose connections are not older than they are trusted."""

    def __init__(self, client: Any, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._used_at: datetime | None = None

    def once(self, call: Callable[[Any], Mapping[str, Any]], named: str, refuses: Refuses) -> SendOutcome:
        """One attempt, on no connection that was idle too long (or for nobody knows how long: a clock set back)."""
        if self._used_at and not timedelta(0) <= self._clock.now() - self._used_at <= IDLE:
            self._client.close()
        try:
            return attempt(lambda: call(self._client), named, refuses)
        finally:
            self._used_at = self._clock.now()


class SesMail(_Line):
    """SES v2 SendEmail with raw MIME (port: aftercare.outside.Mailer)."""

    def __init__(self, client: Any, settings: Settings, clock: Clock) -> None:
        super().__init__(client, clock)
        self._settings = settings

    def send(self, mail: Mail) -> SendOutcome:
        asked = {
            "FromEmailAddress": mail.sender,
            "Destination": {"ToAddresses": [mail.recipient]},
            "Content": {"Raw": {"Data": mail.mime()}},
            "EmailTags": [{"Name": name, "Value": value} for name, value in sorted(mail.tags.items())],
            "ConfigurationSetName": self._settings.need("configuration_set"),
        }
        return self.once(lambda client: client.send_email(**asked), "MessageId", mail_refused)

    def quota(self, now: datetime) -> "Quota":
        try:
            told = self._client.get_account()["SendQuota"]
        except (BotoCoreError, ClientError) as error:
            raise NotKept("the account's quota cannot be read") from error
        from aftercare.rate import Quota  # of all who send and sweep, only the sweep asks

        return Quota(
            per_second=told["MaxSendRate"], per_day=told["Max24HourSend"], sent_today=told["SentLast24Hours"], read_at=now
        )


class SmsTexts(_Line):
    """End User Messaging SMS, SendTextMessage (port: aftercare.outside.Provider[Text])."""

    def __init__(self, client: Any, settings: Settings, clock: Clock) -> None:
        super().__init__(client, clock)
        self._settings = settings

    def send(self, message: Text) -> SendOutcome:
        asked = text_call(message, self._settings)
        return self.once(lambda client: client.send_text_message(**asked), "MessageId", text_refused)


class SnsPushes(_Line):
    """SNS Publish to one platform endpoint (port: aftercare.outside.Provider[Push])."""

    def send(self, message: Push) -> SendOutcome:
        asked = push_call(message)
        return self.once(lambda client: client.publish(**asked), "MessageId", push_refused)


class WhatsAppChats(_Line):
    """End User Messaging Social, SendWhatsAppMessage (port: aftercare.outside.Provider[Chat])."""

    def __init__(self, client: Any, settings: Settings, clock: Clock) -> None:
        super().__init__(client, clock)
        self._settings = settings

    def send(self, message: Chat) -> SendOutcome:
        asked = chat_call(message, self._settings)
        return self.once(lambda client: client.send_whatsapp_message(**asked), "messageId", chat_refused)
