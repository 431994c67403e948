"""`undo` removes what a run provably created and what is still ours; and nothing else."""

import pytest

from bulk_provision import OnExists, Outcome, Policy
from bulk_provision.errors import AccountBusyError, UsageError
from bulk_provision.ledger import Ledger, State
from bulk_provision.ledger.keeping import _reduce_to_counts
from bulk_provision.model import Account, ExitCode, Secret
from bulk_provision.piopiy import Reply
from fake_vendor import APPID, SECRET, Luck
from ledger_samples import endpoint
from undo_world import UndoWorld, assert_undone_truthfully

CHOSEN = "Chosen-Pass-1"
UNANSWERED = [Luck.UNSENT] * 9
LOST = [Luck.LOST_AFTER, *UNANSWERED]  # done, and nobody can be asked about it
RESET = Policy(OnExists.RESET)


@pytest.fixture
def world(empty_ledger, tmp_path):
    return UndoWorld(empty_ledger, tmp_path, {"eve": "evespassword", "ada2": "not-ours-1"})


def state_of(world, username):
    with Ledger(str(world.ledger)) as ledger:
        return endpoint(ledger, username)["state"]


def created(world, *sources):
    """Let a run create these; return its number."""
    summary = world.run([row if isinstance(row, tuple) else (row, "") for row in sources])
    return summary.run_id


class TestWhatIsRemoved:
    def test_exactly_what_the_run_created(self, world):
        before = world.held
        other = created(world, "ada3", "bo")
        kept = {**before, **{name: world.held[name] for name in ("ada3", "bo")}}
        run_id = created(world, "ada", ("bob", CHOSEN), "eve", "bo")
        summary = world.undo(run_id)
        assert world.held == kept
        assert world.told(summary.run_id) == {"ada": "removed", "bob": "removed"}
        assert summary.exit_code is ExitCode.DONE
        assert summary.undoes == run_id
        assert summary.calls == 4
        assert_undone_truthfully(world, summary)
        assert world.told(other) == {"ada3": "created", "bo": "created"}

    def test_undoing_twice_makes_no_call(self, world):
        run_id = created(world, "ada", "bob")
        world.undo(run_id)
        calls = len(world.vendor.requests)
        again = world.undo(run_id)
        assert len(world.vendor.requests) == calls
        assert again.outcomes[Outcome.GONE] == 2
        assert again.exit_code is ExitCode.DONE

    def test_what_was_removed_is_created_again_with_the_same_password(self, world):
        run_id = created(world, "ada")
        password = world.held["ada"]
        world.undo(run_id)
        again = created(world, "ada")
        assert world.told(again) == {"ada": "created"}
        assert world.held["ada"] == password

    def test_what_a_later_run_created_anew_is_that_runs(self, world):
        run_id = created(world, "ada")
        world.undo(run_id)
        again = created(world, "ada")
        summary = world.undo(run_id)
        assert "ada" in world.held
        assert world.told(summary.run_id) == {"ada": "kept"}
        assert f"run {again} created it anew" in world.rows(summary.run_id)[0].message
        world.undo(again)
        assert "ada" not in world.held

    def test_what_a_recheck_found_gone_and_created_anew_is_that_runs(self, world):
        run_id = created(world, "ada")
        world.vendor.vendor.remove_sip("ada")
        world.run([("ada", "")], (), Policy(recheck=True))
        assert world.told(world.undo(run_id).run_id) == {"ada": "kept"}
        assert "ada" in world.held

    def test_an_own_endpoint_whose_password_a_run_of_ours_changed_is_still_ours(self, world):
        run_id = created(world, "ada")
        world.run([("ada", CHOSEN)], (), RESET)
        assert world.held["ada"] == CHOSEN
        assert world.told(world.undo(run_id).run_id) == {"ada": "removed"}

    def test_the_results_of_the_undone_run_say_so(self, world):
        run_id = created(world, "ada")
        world.undo(run_id)
        (row,) = world.rows(run_id)
        assert (row.outcome, row.password, row.handed_over) == (Outcome.CREATED, "", False)
        assert "undo" in row.tip


class TestWhatIsKept:
    def test_what_existed_and_was_reset_is_never_removed(self, world):
        summary = world.run([("eve", CHOSEN), ("ada", "")], (), RESET)
        undone = world.undo(summary.run_id)
        assert world.told(undone.run_id) == {"ada": "removed"}
        assert world.held["eve"] == CHOSEN

    def test_what_somebody_gave_another_password(self, world):
        run_id = created(world, "ada", "bob")
        world.vendor.vendor.update_sip("ada", "changed-by-others")
        summary = world.undo(run_id)
        assert world.told(summary.run_id) == {"ada": "kept", "bob": "removed"}
        assert world.held["ada"] == "changed-by-others"
        assert summary.exit_code is ExitCode.DONE
        calls = len(world.vendor.requests)
        again = world.undo(run_id)
        assert world.told(again.run_id) == {"ada": "kept", "bob": "gone"}
        assert len(world.vendor.requests) == calls

    def test_what_somebody_removed_and_created_again(self, world):
        run_id = created(world, "ada")
        world.vendor.vendor.remove_sip("ada")
        world.vendor.vendor.add_sip("ada", "somebody-elses")
        assert world.told(world.undo(run_id).run_id) == {"ada": "kept"}
        assert world.held["ada"] == "somebody-elses"

    def test_what_somebody_removed_is_gone(self, world):
        run_id = created(world, "ada")
        world.vendor.vendor.remove_sip("ada")
        summary = world.undo(run_id)
        assert world.told(summary.run_id) == {"ada": "gone"}
        assert "somebody else" in world.rows(summary.run_id)[0].message

    def test_what_was_forgotten_cannot_be_proven_any_more(self, world):
        run_id = created(world, "ada")
        with Ledger(str(world.ledger)) as ledger:
            ledger.forget(run_id=run_id)
        calls = len(world.vendor.requests)
        summary = world.undo(run_id)
        assert world.told(summary.run_id) == {"ada": "kept"}
        assert "forget" in world.rows(summary.run_id)[0].message
        assert "ada" in world.held
        assert len(world.vendor.requests) == calls

    def test_why_is_told_once_for_all_with_their_count(self, world):
        run_id = created(world, "ada", "bob")
        with Ledger(str(world.ledger)) as ledger:
            ledger.forget(run_id=run_id)
        (warned,) = world.undo(run_id).warnings
        assert warned.count == 2
        assert "erased" in warned.text
        assert warned.first == "row 2"


class TestWhatARetentionTookAway:
    """Rows that were removed from the ledger prove nothing any more."""

    def lose_rows_of(self, world, run_id):
        with Ledger(str(world.ledger)) as ledger, ledger._engine.begin() as connection:
            _reduce_to_counts(connection, run_id)

    def test_a_run_without_its_rows_cannot_be_undone(self, world):
        run_id = created(world, "ada")
        self.lose_rows_of(world, run_id)
        with pytest.raises(UsageError, match="rows of run 1 were removed"):
            world.undo(run_id)

    def test_what_a_later_run_without_its_rows_wrote_about_last_may_be_its_own(self, world):
        run_id = created(world, "ada", "bob")
        world.vendor.vendor.remove_sip("ada")
        later = world.run([("ada", "")], (), Policy(recheck=True)).run_id
        self.lose_rows_of(world, later)
        assert world.told(world.undo(run_id).run_id) == {"ada": "kept", "bob": "removed"}
        assert "ada" in world.held

    def test_what_an_earlier_source_held_is_not_known_any_more(self, world):
        earlier = world.run([("ada", CHOSEN)], [Luck.UNSENT] * 3).run_id
        run_id = world.run([("ada", "")], [Luck.LOST_AFTER]).run_id
        self.lose_rows_of(world, earlier)
        assert world.told(world.undo(run_id).run_id) == {"ada": "kept"}


class TestWhatOnlyAReadBackConfirmed:
    SETTLED = (Luck.LOST_AFTER,)  # and a read-back says that it is ours

    def test_a_password_of_the_source_is_left_out_unless_asked_for(self, world):
        run_id = world.run([("ada", CHOSEN)], self.SETTLED).run_id
        assert "confirmed by read-back" in world.rows(run_id)[0].message
        summary = world.undo(run_id)
        assert world.told(summary.run_id) == {"ada": "kept"}
        assert world.held["ada"] == CHOSEN
        assert "--include-confirmed" in world.rows(summary.run_id)[0].tip
        asked = world.undo(run_id, include_confirmed=True)
        assert world.told(asked.run_id) == {"ada": "removed"}
        assert "ada" not in world.held

    def test_a_password_that_we_generated_proves_it(self, world):
        run_id = world.run([("ada", "")], self.SETTLED).run_id
        assert world.told(world.undo(run_id).run_id) == {"ada": "removed"}

    def test_a_blank_cell_that_took_over_the_password_of_an_earlier_source_proves_nothing(
        self, world
    ):
        world.run([("ada", CHOSEN)], [Luck.UNSENT] * 3)
        run_id = world.run([("ada", "")], self.SETTLED).run_id
        assert world.held["ada"] == CHOSEN
        assert world.told(world.undo(run_id).run_id) == {"ada": "kept"}

    def test_a_cell_that_was_erased_is_no_blank_one(self, world, monkeypatch):
        run_id = world.run([("ada", CHOSEN)], self.SETTLED).run_id
        with Ledger(str(world.ledger)) as ledger:
            ledger.forget(run_id=run_id)
        world.run([("ada", CHOSEN)], (), RESET)  # the ledger has its password again
        assert world.told(world.undo(run_id).run_id) == {"ada": "kept"}

    @pytest.mark.parametrize(("password", "told"), [("", "removed"), (CHOSEN, "kept")])
    def test_what_a_later_run_settled_counts_the_same_way(self, world, password, told):
        run_id = world.run([("ada", password)], LOST).run_id
        later = world.run([("ada", password)]).run_id
        assert world.told(run_id) == {"ada": "created"}
        assert f"settled by run {later}" in world.rows(run_id)[0].message
        assert world.told(world.undo(run_id).run_id) == {"ada": told}

    def test_what_the_later_run_had_to_create_after_all_is_that_runs(self, world):
        run_id = world.run([("ada", "")], [Luck.LOST_BEFORE, *UNANSWERED]).run_id
        later = world.run([("ada", "")]).run_id
        assert world.told(run_id) == world.told(later) == {"ada": "created"}
        assert world.told(world.undo(run_id).run_id) == {"ada": "kept"}
        assert world.told(world.undo(later).run_id) == {"ada": "removed"}


class TestWhatTheRunItselfLeftInDoubt:
    def test_it_is_settled_and_removed(self, world):
        run_id = world.run([("ada", ""), ("bob", "")], [Luck.FINE, *LOST]).run_id
        assert Outcome.IN_DOUBT in world.told(run_id).values()
        summary = world.undo(run_id)
        assert world.told(summary.run_id) == {"ada": "removed", "bob": "removed"}
        assert world.told(run_id) == {"ada": "created", "bob": "created"}
        assert not {"ada", "bob"} & set(world.held)

    def test_what_turns_out_never_to_have_been_created_is_gone(self, world):
        run_id = world.run([("ada", "")], [Luck.LOST_BEFORE, *UNANSWERED]).run_id
        summary = world.undo(run_id)
        assert world.told(summary.run_id) == {"ada": "gone"}
        assert "never created" in world.rows(summary.run_id)[0].message
        assert world.told(run_id) == {"ada": "failed"}
        again = created(world, "ada")
        assert world.told(again) == {"ada": "created"}

    def test_with_a_password_of_the_source_it_is_settled_and_kept(self, world):
        run_id = world.run([("ada", CHOSEN)], LOST).run_id
        assert world.told(world.undo(run_id).run_id) == {"ada": "kept"}
        assert world.told(run_id) == {"ada": "created"}
        assert world.held["ada"] == CHOSEN
        summary = world.undo(run_id, include_confirmed=True)
        assert world.told(summary.run_id) == {"ada": "removed"}

    def test_somebody_elses_is_kept(self, world):
        run_id = world.run([("ada", "")], [Luck.LOST_BEFORE, *UNANSWERED]).run_id
        world.vendor.vendor.add_sip("ada", "somebody-elses")
        assert world.told(world.undo(run_id).run_id) == {"ada": "kept"}
        assert world.told(run_id) == {"ada": "exists"}
        assert world.held["ada"] == "somebody-elses"

    def test_when_nobody_answers_it_stays_in_doubt(self, world):
        run_id = world.run([("ada", "")], LOST).run_id
        summary = world.undo(run_id, UNANSWERED)
        assert world.told(summary.run_id) == {"ada": "in_doubt"}
        assert summary.exit_code is ExitCode.SOME_ROWS
        world.run([("ada", "")])  # settles both
        assert world.told(run_id) == {"ada": "created"}
        assert world.told(summary.run_id) == {"ada": "failed"}
        assert world.told(world.undo(run_id).run_id) == {"ada": "removed"}


class TestDoubt:
    """Of a removal: the vendor is asked before anything is sent again."""

    def test_a_lost_answer_is_settled_by_asking(self, world):
        run_id = created(world, "ada")
        summary = world.undo(run_id, [Luck.FINE, Luck.LOST_AFTER])
        assert world.told(summary.run_id) == {"ada": "removed"}
        assert "confirmed by read-back" in world.rows(summary.run_id)[0].message
        assert world.calls_of("remove_sip") == ["ada"]

    @pytest.mark.parametrize("luck", [Luck.LOST_BEFORE, Luck.HTML_BEFORE, Luck.BUSY, Luck.UNSENT])
    def test_what_is_still_there_is_removed_again(self, world, luck):
        run_id = created(world, "ada")
        assert world.told(world.undo(run_id, [Luck.FINE, luck]).run_id) == {"ada": "removed"}

    def test_nothing_is_removed_unseen_after_a_doubt(self, world):
        run_id = created(world, "ada")
        vendor = world.vendor
        perform = vendor._perform

        def removed_and_taken(request):
            answer = perform(request)
            if request.call == "remove_sip":
                vendor.vendor.add_sip("ada", "somebody-elses")
            return answer

        vendor._perform = removed_and_taken
        summary = world.undo(run_id, [Luck.FINE, Luck.LOST_AFTER])
        assert world.told(summary.run_id) == {"ada": "kept"}
        assert world.held["ada"] == "somebody-elses"

    def test_attempts_have_an_end(self, world):
        run_id = created(world, "ada")
        luck = [Luck.FINE, *[Luck.LOST_BEFORE, Luck.FINE] * 3]
        summary = world.undo(run_id, luck)
        assert world.told(summary.run_id) == {"ada": "failed"}
        assert summary.exit_code is ExitCode.SOME_ROWS
        assert "ada" in world.held
        assert state_of(world, "ada") == State.CREATED
        assert world.told(world.undo(run_id).run_id) == {"ada": "removed"}

    def test_a_refusal_is_final(self, world):
        run_id = created(world, "ada")
        summary = world.undo(run_id, [Luck.FINE, Luck.MISSING])
        assert world.told(summary.run_id) == {"ada": "failed"}
        assert world.calls_of("remove_sip") == ["ada"]
        assert state_of(world, "ada") == State.CREATED

    def test_what_cannot_be_asked_about_is_not_removed(self, world):
        run_id = created(world, "ada")
        summary = world.undo(run_id, UNANSWERED)
        assert world.told(summary.run_id) == {"ada": "unprocessed"}
        assert summary.exit_code is ExitCode.STOPPED
        assert world.calls_of("remove_sip") == []
        assert state_of(world, "ada") == State.CREATED

    @pytest.mark.parametrize(
        ("luck", "told"), [(Luck.LOST_AFTER, "gone"), (Luck.LOST_BEFORE, "removed")]
    )
    def test_a_doubt_is_settled_by_the_next_undo(self, world, luck, told):
        run_id = created(world, "ada")
        doubtful = world.undo(run_id, [Luck.FINE, luck, *UNANSWERED])
        assert world.told(doubtful.run_id) == {"ada": "in_doubt"}
        assert state_of(world, "ada") == State.IN_DOUBT
        assert world.told(world.undo(run_id).run_id) == {"ada": told}
        settled = "removed" if luck is Luck.LOST_AFTER else "failed"
        assert world.told(doubtful.run_id) == {"ada": settled}
        assert "ada" not in world.held

    @pytest.mark.parametrize("asks", [True, False])
    @pytest.mark.parametrize("luck", [Luck.LOST_AFTER, Luck.LOST_BEFORE])
    def test_a_doubt_is_settled_by_the_next_run(self, world, luck, asks):
        """Whether its source asks for the endpoint or not."""
        run_id = created(world, "ada")
        password = world.held["ada"]
        doubtful = world.undo(run_id, [Luck.FINE, luck, *UNANSWERED])
        later = created(world, "ada" if asks else "bob")
        was_removed = luck is Luck.LOST_AFTER
        assert world.told(doubtful.run_id) == {"ada": "removed" if was_removed else "failed"}
        if asks:
            assert world.told(later) == {"ada": "created" if was_removed else "unchanged"}
            assert world.held["ada"] == password
        else:
            assert ("ada" in world.held) is not was_removed
            assert state_of(world, "ada") == (State.REMOVED if was_removed else State.CREATED)

    def test_a_later_run_that_could_not_settle_it_is_settled_too(self, world):
        run_id = created(world, "ada")
        doubtful = world.undo(run_id, [Luck.FINE, Luck.LOST_AFTER, *UNANSWERED])
        unable = world.run([("ada", "")], UNANSWERED)
        assert world.told(unable.run_id) == {"ada": "in_doubt"}
        assert world.told(world.undo(run_id).run_id) == {"ada": "gone"}
        assert world.told(doubtful.run_id) == {"ada": "removed"}
        assert world.told(unable.run_id) == {"ada": "failed"}

    def test_a_password_that_a_later_run_changed_in_doubt_is_settled_first(self, world):
        run_id = created(world, "ada")
        world.run([("ada", CHOSEN)], LOST, RESET)
        assert world.told(world.undo(run_id).run_id) == {"ada": "kept"}
        assert world.told(world.undo(run_id).run_id) == {"ada": "removed"}

    def test_a_bare_400_to_a_removal_is_not_believed_unseen(self, world):
        """A gateway may have said it."""
        run_id = created(world, "ada")
        reply = world.vendor._reply
        bare = [Reply(sent=True, status=400, body=b"")]

        def sometimes_bare(request, luck):
            return bare.pop() if request.call == "remove_sip" and bare else reply(request, luck)

        world.vendor._reply = sometimes_bare
        assert world.told(world.undo(run_id).run_id) == {"ada": "removed"}
        assert "ada" not in world.held

    def test_what_somebody_removed_just_before_us_is_gone(self, world):
        run_id = created(world, "ada")
        perform = world.vendor._perform

        def somebody_is_faster(request):
            if request.call == "remove_sip":
                world.vendor.vendor.remove_sip("ada")
            return perform(request)

        world.vendor._perform = somebody_is_faster
        summary = world.undo(run_id)
        assert world.told(summary.run_id) == {"ada": "gone"}
        assert summary.calls == 3

    def test_once_settled_nothing_is_in_doubt_before_the_removal_leaves(self, world):
        run_id = world.run([("ada", "")], LOST).run_id
        summary = world.undo(run_id, [Luck.FINE, Luck.REFUSED])
        assert world.told(summary.run_id) == {"ada": "unprocessed"}
        assert state_of(world, "ada") == State.CREATED

    def test_what_could_not_be_removed_is_as_much_ours_as_before(self, world):
        run_id = created(world, "ada")
        world.undo(run_id, [Luck.FINE, Luck.MISSING])
        changed = world.run([("ada", CHOSEN)], (), RESET)
        assert world.told(changed.run_id) == {"ada": "unchanged"}
        assert state_of(world, "ada") == State.CREATED


class TestIntentFirst:
    """When a request leaves that changes something, the ledger says so already."""

    @pytest.fixture
    def seen(self, world):
        """What the ledger said of the endpoint when each such request left."""
        seen = []
        perform = world.vendor._perform

        def looked_at(request):
            if request.call != "get_sip":
                with Ledger(str(world.ledger)) as ledger:
                    known = endpoint(ledger, request.username)
                    seen.append((request.call, known["state"], known["purpose"]))
            return perform(request)

        world.vendor._perform = looked_at
        return seen

    def test_of_a_removal(self, world, seen):
        world.undo(created(world, "ada"))
        assert seen[1:] == [("remove_sip", "intended", "remove")]

    def test_of_a_removal_after_a_doubt_about_the_creation(self, world, seen):
        run_id = world.run([("ada", "")], LOST).run_id
        world.undo(run_id)
        assert seen[1:] == [("remove_sip", "intended", "remove")]

    def test_of_a_creation_after_a_doubt_about_the_removal(self, world, seen):
        run_id = created(world, "ada")
        world.undo(run_id, [Luck.FINE, Luck.LOST_AFTER, *UNANSWERED])
        created(world, "ada")
        assert seen[2:] == [("add_sip", "intended", "create")]


class TestStopping:
    def test_a_refused_account_halts_and_nothing_is_left_open(self, world):
        run_id = created(world, "ada", "bob", "cyd")
        summary = world.undo(run_id, [Luck.REFUSED] * 3)
        assert summary.exit_code is ExitCode.ACCOUNT_REFUSED
        assert summary.outcomes[Outcome.UNPROCESSED] == 3
        assert {state_of(world, name) for name in ("ada", "bob", "cyd")} == {State.CREATED}
        assert world.undo(run_id).outcomes[Outcome.REMOVED] == 3

    def test_an_intent_of_which_no_request_left_is_taken_back(self, world):
        run_id = created(world, "ada")
        summary = world.undo(run_id, [Luck.FINE, Luck.REFUSED])
        assert world.told(summary.run_id) == {"ada": "unprocessed"}
        assert state_of(world, "ada") == State.CREATED
        assert world.told(world.undo(run_id).run_id) == {"ada": "removed"}

    def test_a_busy_account_is_refused_before_any_call(self, world):
        run_id = created(world, "ada")
        with Ledger(str(world.ledger)) as ledger:
            with ledger.book(APPID, "https://vendor.example/v1/endpoint").lease(wait=0):
                with pytest.raises(AccountBusyError, match="held by another run"):
                    world.undo(run_id)
        assert "ada" in world.held


class TestWhatCannotBeUndone:
    def test_an_undo(self, world):
        undone = world.undo(created(world, "ada"))
        with pytest.raises(UsageError, match="is itself an undo"):
            world.undo(undone.run_id)

    def test_an_unknown_run(self, world):
        with pytest.raises(UsageError, match="There is no run 9"):
            world.undo(9)

    def test_a_plan(self, world):
        with Ledger(str(world.ledger)) as ledger:
            book = ledger.book(APPID, "https://vendor.example/v1/endpoint")
            run_id = book.begin_run(
                source="u.csv", sheet="", sha256="", columns=(), rate=1, only_planned=True
            )
        with pytest.raises(UsageError, match="only planned"):
            world.undo(run_id)

    def test_a_run_that_is_going_on(self, world):
        with Ledger(str(world.ledger)) as ledger:
            book = ledger.book(APPID, "https://vendor.example/v1/endpoint")
            with book.lease(wait=0):
                run_id = book.begin_run(source="u.csv", sheet="", sha256="", columns=(), rate=1)
                with pytest.raises(AccountBusyError, match=f"Run {run_id} has not ended"):
                    world.undo(run_id)

    def test_the_run_of_another_account(self, world):
        run_id = created(world, "ada")
        other = Account(APPID + 1, Secret(SECRET), "https://vendor.example/v1/endpoint")
        with pytest.raises(UsageError, match="was made for the account 1001 at"):
            world.undo(run_id, account=other)
        assert "ada" in world.held

    def test_a_run_that_created_nothing_is_undone_at_once(self, world):
        summary = world.undo(created(world, "eve"))
        assert (summary.rows, summary.calls, summary.exit_code) == (0, 0, ExitCode.DONE)


class TestThePlanOfAnUndo:
    def test_it_says_how_many_and_calls_nothing(self, world):
        from bulk_provision.job import LedgerPlace, plan_undo
        from bulk_provision.model import Pace
        from bulk_provision.plan import Action

        run_id = world.run([("ada", ""), ("bob", CHOSEN)], [Luck.FINE]).run_id
        calls = len(world.vendor.requests)
        _staged, plan = plan_undo(
            run_id,
            include_confirmed=False,
            pace=Pace(rate=2),
            ledger=LedgerPlace(str(world.ledger)),
        )
        assert plan.actions == {Action.REMOVE: 2}
        assert (plan.rows, plan.calls, plan.seconds) == (2, 4, 2.0)
        assert len(world.vendor.requests) == calls
        with Ledger(str(world.ledger)) as ledger:
            assert [record.run_id for record in ledger.runs()] == [run_id]
