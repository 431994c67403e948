"""What `import bulk_provision` promises to those who build on it."""

import pytest

import bulk_provision
from fake_vendor import APPID, SECRET, FakeVendor


def test_the_public_names_are_these():
    assert bulk_provision.__all__ == [
        "Account", "Control", "ExitCode", "LedgerPlace", "Naming", "OnExists", "Outcome", "Pace",
        "Policy", "Progress", "ProvisionError", "Recipe", "Reconcile", "Reconciled", "Rehearsal",
        "Results", "Rules", "Secret", "Source", "Summary", "Taking", "Watcher", "WeakPasswords",
        "Where", "provision", "reconcile", "rehearse", "undo",
    ]  # fmt: skip
    for name in bulk_provision.__all__:
        assert getattr(bulk_provision, name).__name__ == name


def test_other_names_are_told_to_be_unknown():
    with pytest.raises(AttributeError, match="nonsense"):
        bulk_provision.nonsense  # noqa: B018  (the access is what is tested)


async def test_a_program_can_provision_with_its_own_sender(tmp_path):
    (tmp_path / "u.csv").write_text("username\nada\n")
    account = bulk_provision.Account(APPID, bulk_provision.Secret(SECRET))
    summary = await bulk_provision.provision(
        tmp_path / "u.csv",
        account,
        results=tmp_path / "r.xlsx",
        ledger=str(tmp_path / "ledger.db"),
        sender=FakeVendor(),
    )
    assert summary.outcomes[bulk_provision.Outcome.CREATED] == 1
    assert summary.results == (str(tmp_path / "r.xlsx"),)


def test_no_secret_is_in_any_repr():
    secret = bulk_provision.Secret("Marked")
    account = bulk_provision.Account(1, secret)
    place = bulk_provision.LedgerPlace("x", "Marked")
    assert "Marked" not in repr((secret, account, place)) + str(secret) + f"{account}"
