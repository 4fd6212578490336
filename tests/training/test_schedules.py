"""Learning rates at their turning points; tests/conformance/test_learning_rates.py compares whole schedules."""

from wildsr.training.schedules import cosine, linear, multi_step, warm_up


def test_milestones_multiply_from_their_step_on() -> None:
    assert [multi_step(count, 1.0, (2, 4, 4), 0.5) for count in range(6)] == [1, 1, 0.5, 0.5, 0.125, 0.125]


def test_a_restart_resets_earlier_milestones() -> None:
    rates = [multi_step(count, 1.0, (1, 3), 0.5, restarts=(2,), weights=(0.8,)) for count in range(5)]
    assert rates == [1, 0.5, 0.8, 0.4, 0.4]


def test_cosine_falls_to_its_floor() -> None:
    assert cosine(0, 1.0, (10,), 0.1) == 1.0
    assert abs(cosine(5, 1.0, (10,), 0.1) - 0.55) < 1e-12
    assert abs(cosine(10, 1.0, (10,), 0.1) - 0.1) < 1e-12


def test_linear_decay_ends_at_zero_and_stays_there() -> None:
    assert [linear(count, 1.0, 2, 4) for count in range(6)] == [1, 1, 1, 0.5, 0, 0]


def test_warm_up_reaches_one() -> None:
    assert [warm_up(step, 4) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert warm_up(0, 0) == 1
