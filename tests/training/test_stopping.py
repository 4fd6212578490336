"""The first signal requests the end of the run, the second ends it."""

import os
import signal
import threading

from wildsr.training.stopping import SIGNALS, stop_request


def test_the_first_signal_is_recorded_and_the_second_has_its_default_effect() -> None:
    usual = [signal.getsignal(number) for number in SIGNALS]
    with stop_request() as request:
        assert request.signal is None
        os.kill(os.getpid(), signal.SIGINT)
        assert request.signal == signal.SIGINT
        assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_DFL, signal.SIG_DFL]
    assert [signal.getsignal(number) for number in SIGNALS] == usual


def test_other_threads_change_no_handlers() -> None:
    found = []

    def work() -> None:
        with stop_request() as request:
            found.append((request.signal, [signal.getsignal(number) for number in SIGNALS]))

    usual = [signal.getsignal(number) for number in SIGNALS]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(None, usual)]
