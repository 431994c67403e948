"""A canary whose password at the vendor is another one: everything stops, and the truth is told."""

import shutil

from bulk_provision import Account, Outcome, Pace, Results, Secret, provision
from bulk_provision.ledger import Ledger
from bulk_provision.model import Caution
from bulk_provision.piopiy import Call
from fake_vendor import APPID, SECRET, FakeVendor
from virtual_time import on_virtual_time


class Meddler(FakeVendor):
    """A vendor that keeps another password than it says."""

    async def send(self, request, turn):
        reply = await super().send(request, turn)
        if request.call is Call.ADD:
            self.vendor.update_sip(request.username, "another-password")
        return reply


@on_virtual_time
async def test_the_password_that_works_is_handed_over_and_nobody_else_is_created(
    tmp_path, empty_ledger
):
    ledger = tmp_path / "ledger.db"
    shutil.copy(empty_ledger, ledger)
    shutil.copy(f"{empty_ledger}.key", f"{ledger}.key")
    source = tmp_path / "u.csv"
    source.write_text("username\nada\nbob\ncyd\n")
    vendor = Meddler()
    summary = await provision(
        source,
        Account(APPID, Secret(SECRET), "https://vendor.example/v1/endpoint"),
        pace=Pace(rate=50),
        caution=Caution(canary=2),
        results=Results(csv=True),
        ledger=str(ledger),
        sender=vendor,
    )
    assert summary.exit_code == 4
    assert "the canary 'ada' did not do well" in summary.reason
    assert "TeleCMI holds another password than was sent" in summary.reason
    assert (summary.outcomes[Outcome.CREATED], summary.outcomes[Outcome.UNPROCESSED]) == (1, 2)
    with Ledger(str(ledger)) as opened:
        ada = next(iter(opened.result_rows(summary.run_id)))
    assert ada.password == vendor.vendor.endpoints["ada"] == "another-password"
    assert "TeleCMI holds another password than was sent" in ada.message
