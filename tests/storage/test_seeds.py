"""The random generator of an image name; its numbers must never change, since published commands rely on them."""

from wildsr.storage.seeds import generator


def test_the_rule_is_fixed() -> None:
    assert generator(0, "a.png").integers(2**31) == 347806204
    assert generator(7, "sub/ä.png", 2).integers(2**31) == 219821154


def test_seed_name_and_index_all_count() -> None:
    rules = [(0, "a.png", 0), (1, "a.png", 0), (0, "b.png", 0), (0, "a.png", 1)]
    assert len({int(generator(*rule).integers(2**63)) for rule in rules}) == len(rules)
