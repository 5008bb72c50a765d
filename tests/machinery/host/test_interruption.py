"""A first signal waits, a second does not, and handlers are back afterwards."""

import os
import signal
import threading
import time

import pytest
from prefect.exceptions import TerminationSignal
from prefect.utilities.engine import (
    can_ack_control_intent,
    capture_sigterm,
    commit_control_intent_and_ack,
)

from tasks.machinery.host import interruption
from tasks.machinery.host.interruption import deferred, request_stop

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def taken():
    """Signals that came through to the handlers from before."""
    numbers = []
    before = [signal.signal(each, lambda number, _: numbers.append(number)) for each in BOTH]
    handlers = [signal.getsignal(each) for each in BOTH]
    yield numbers
    assert [signal.getsignal(each) for each in BOTH] == handlers, "restored"
    for each, handler in zip(BOTH, before, strict=True):
        signal.signal(each, handler)


@pytest.mark.parametrize("sent", BOTH)
def test_a_signal_waits_until_it_is_handed_on(sent, taken):
    with deferred() as found:
        assert found.asked is None
        found.hand_on()  # nothing to hand on
        os.kill(os.getpid(), sent)
        assert found.asked == sent
        assert taken == []
        found.hand_on()
        assert taken == [sent]
        assert found.asked is None
        os.kill(os.getpid(), sent)  # the handler let it pass: the next one waits again
        assert found.asked == sent
        assert taken == [sent]
    assert taken == [sent, sent]


def test_a_signal_that_nobody_handed_on_comes_after_the_block(taken):
    with deferred():
        request_stop()
        assert taken == []
    assert taken == [signal.SIGTERM]


def test_the_same_request_twice_within_a_second_is_one(taken):
    with deferred() as found:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert taken == []
        found.hand_on()
    assert taken == [signal.SIGINT]


def test_a_second_request_is_handed_on_at_once(taken, monkeypatch):
    monkeypatch.setattr(interruption, "SAME_REQUEST_SECONDS", 0.01)
    with deferred() as found:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
        assert taken == [signal.SIGINT]
        assert found.asked is None
    assert taken == [signal.SIGINT]


def test_an_error_is_not_hidden_by_a_signal_that_waits(taken):
    with pytest.raises(ZeroDivisionError), deferred():
        request_stop()
        1 / 0  # noqa: B018


def test_a_signal_that_is_ignored_stays_so(taken):
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred() as found:
            os.kill(os.getpid(), signal.SIGINT)
            assert found.asked is None
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, handler)


def test_outside_the_main_thread_nothing_is_done(taken):
    seen = []

    def work():
        with deferred() as found:
            seen.append((found.asked, [signal.getsignal(each) for each in BOTH]))

    before = [signal.getsignal(each) for each in BOTH]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(None, before)]


def test_another_thread_can_ask(taken):
    with deferred() as found:
        thread = threading.Thread(target=request_stop)
        thread.start()
        thread.join()
        time.sleep(0.01)
        assert found.asked == signal.SIGTERM
        found.hand_on()
    assert taken == [signal.SIGTERM]


def test_a_cancellation_under_a_worker_is_acknowledged_and_handed_on(taken):
    """What a worker's child does when a run is cancelled in Prefect's pages."""
    acknowledged = []
    with pytest.raises(TerminationSignal), capture_sigterm():
        prefects = signal.getsignal(signal.SIGTERM)
        with deferred() as found:
            assert signal.getsignal(signal.SIGTERM) is not prefects
            assert commit_control_intent_and_ack(
                lambda: acknowledged.append("intent"),
                acknowledged.clear,
                lambda: acknowledged.append("ack"),
            )
            request_stop()
            assert found.asked == signal.SIGTERM
            try:
                found.hand_on()
            finally:
                assert signal.getsignal(signal.SIGTERM) is prefects
                assert can_ack_control_intent()
    assert acknowledged == ["intent", "ack"]
    assert taken == [signal.SIGTERM]  # Prefect passes it on to the handler from before itself
