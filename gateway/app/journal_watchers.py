"""Who looks after the journal while the gateway runs, and how a finding is shown."""

from gateway.app.journal_check import DailyCheck
from gateway.app.ledger import Ledger
from gateway.app.published_head import PublishedHead
from gateway.config.plans import Cabinet
from gateway.devices.mqtt_link import MqttLink
from gateway.journal.facts import ChainChecked
from gateway.journal.heads import RolledBack
from gateway.publish import topic_names
from gateway.publish.events import check_text
from gateway.publish.words import Language


def journal_watchers(cabinet: Cabinet, ledger: Ledger, link: MqttLink | None) -> list[DailyCheck | PublishedHead]:
    """The daily check, and where there is a broker the look at the head that lies there. link: not running yet."""
    topic, language = topic_names.journal_check(cabinet.site.gateway_id), Language(cabinet.language)

    def tell(check: ChainChecked | RolledBack | str | None) -> None:
        if link is not None:
            link.put(topic, check_text(check, language))

    daily = DailyCheck(cabinet.state_dir, ledger, tell)
    return [daily] if link is None else [daily, PublishedHead(cabinet, ledger, link, tell)]
