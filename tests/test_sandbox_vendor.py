"""The emulated vendor does what TeleCMI's documentation says of the five calls."""

import pytest

from bulk_provision.sandbox import EndpointStore, Vendor

ACCOUNT = {"appid": 7, "secret": "s3cret"}


@pytest.fixture
def vendor():
    return Vendor(7, "s3cret", EndpointStore())


def perform(vendor, call, **properties):
    return vendor.perform(call, ACCOUNT | properties)


def test_add_sip_creates_an_endpoint_and_describes_it(vendor):
    answer = perform(vendor, "add_sip", username="ada", password="pw")
    assert answer.code == 200
    assert answer.fields == {
        "username": "ada",
        "password": "pw",
        "connect_URL": "sbcsg.telecmi.com",
        "audio": True,
        "video": True,
        "type": "SIP",
    }
    assert vendor.endpoints == {"ada": "pw"}


def test_add_sip_of_an_existing_username_is_400_and_changes_nothing(vendor):
    perform(vendor, "add_sip", username="ada", password="first")
    assert perform(vendor, "add_sip", username="ada", password="second").code == 400
    assert vendor.endpoints == {"ada": "first"}


def test_usernames_differ_by_case(vendor):
    perform(vendor, "add_sip", username="ada", password="pw")
    assert perform(vendor, "add_sip", username="Ada", password="pw").code == 200


def test_get_sip_gives_the_same_description_with_the_password_in_plain_text(vendor):
    created = perform(vendor, "add_sip", username="ada", password="pw")
    assert perform(vendor, "get_sip", username="ada") == created


def test_update_sip_changes_the_password(vendor):
    perform(vendor, "add_sip", username="ada", password="old")
    answer = perform(vendor, "update_sip", username="ada", password="new")
    assert answer.code == 200
    assert answer.fields["password"] == "new"
    assert vendor.endpoints == {"ada": "new"}


def test_remove_sip_removes_the_endpoint_but_not_the_memory_of_its_creation(vendor):
    perform(vendor, "add_sip", username="ada", password="pw")
    assert perform(vendor, "remove_sip", username="ada").code == 200
    assert vendor.endpoints == {}
    assert vendor.created == {"ada": 1}


def test_an_endpoint_created_a_second_time_is_counted_twice(vendor):
    for _ in range(2):
        perform(vendor, "add_sip", username="ada", password="pw")
        perform(vendor, "remove_sip", username="ada")
    assert vendor.created == {"ada": 2}


@pytest.mark.parametrize("call", ["get_sip", "update_sip", "remove_sip"])
def test_an_unknown_username_is_400(vendor, call):
    assert perform(vendor, call, username="nobody", password="pw").code == 400


def test_list_sip_gives_ten_endpoints_a_page_in_the_order_of_creation(vendor):
    names = [f"user{n}" for n in (5, 3, 11, 1, 9, 2, 8, 4, 10, 6, 7, 0)]
    for name in names:
        perform(vendor, "add_sip", username=name, password=f"pw-{name}")
    pages = [perform(vendor, "list_sip", page=page).fields["list"] for page in (1, 2, 3)]
    assert [page["count"] for page in pages] == [12, 12, 12]
    assert [len(page["rows"]) for page in pages] == [10, 2, 0]
    assert [row["username"] for page in pages for row in page["rows"]] == names
    assert pages[0]["rows"][0] == {"username": "user5", "password": "pw-user5"}


@pytest.mark.parametrize("change", ["add_sip", "update_sip", "remove_sip"])
def test_list_sip_shows_a_change_at_once(vendor, change):
    perform(vendor, "add_sip", username="ada", password="pw")
    perform(vendor, "list_sip", page=1)
    perform(vendor, change, username="bob" if change == "add_sip" else "ada", password="new")
    listed = perform(vendor, "list_sip", page=1).fields["list"]["rows"]
    assert {row["username"]: row["password"] for row in listed} == vendor.endpoints


@pytest.mark.parametrize(
    ("call", "properties"),
    [
        ("add_sip", {"username": "ada"}),
        ("add_sip", {"password": "pw"}),
        ("add_sip", {"username": "", "password": "pw"}),
        ("add_sip", {"username": "ada", "password": ""}),
        ("add_sip", {"username": None, "password": "pw"}),
        ("add_sip", {"username": 42, "password": "pw"}),
        ("add_sip", {"username": "ada", "password": 42}),
        ("get_sip", {}),
        ("update_sip", {"username": "ada"}),
        ("remove_sip", {}),
        ("list_sip", {}),
        ("list_sip", {"page": "1"}),
        ("list_sip", {"page": 0}),
        ("list_sip", {"page": True}),
        ("get_sip", {"username": "ada", "appid": None}),
        ("get_sip", {"username": "ada", "appid": "7"}),
        ("get_sip", {"username": "ada", "secret": ""}),
    ],
)
def test_a_property_that_is_missing_blank_or_of_another_type_is_502(vendor, call, properties):
    assert perform(vendor, call, **properties).code == 502
    assert vendor.endpoints == {}


@pytest.mark.parametrize("wrong", [{"appid": 8}, {"secret": "other"}])
@pytest.mark.parametrize("call", ["add_sip", "get_sip", "update_sip", "list_sip", "remove_sip"])
def test_a_wrong_app_id_or_secret_is_420_for_every_call(vendor, call, wrong):
    answer = perform(vendor, call, username="ada", password="pw", page=1, **wrong)
    assert answer.code == 420
    assert vendor.endpoints == {}


def test_existing_endpoints_do_not_count_as_created():
    vendor = Vendor(7, "s3cret", EndpointStore(existing=[("ada", "theirs")]))
    assert perform(vendor, "add_sip", username="ada", password="pw").code == 400
    assert vendor.created == {}
    assert vendor.endpoints == {"ada": "theirs"}
