import pytest
import torch

from wildsr.ops.dihedral import MODES, dihedral, undo_dihedral


@pytest.mark.parametrize("mode", MODES)
def test_undo_restores(mode: int) -> None:
    x = torch.rand(2, 3, 5, 4)
    assert torch.equal(undo_dihedral(dihedral(x, mode), mode), x)


def test_modes_are_the_eight_different_ones() -> None:
    x = torch.rand(3, 4, 4)
    turned = [dihedral(x, mode) for mode in MODES]
    assert len(turned) == 8
    assert torch.equal(turned[0], x)
    assert all(not torch.equal(a, b) for i, a in enumerate(turned) for b in turned[:i])


@pytest.mark.parametrize("mode", [-1, 8])
def test_other_modes_are_refused(mode: int) -> None:
    with pytest.raises(ValueError, match="0 to 7"):
        dihedral(torch.rand(3, 4, 4), mode)
    with pytest.raises(ValueError, match="0 to 7"):
        undo_dihedral(torch.rand(3, 4, 4), mode)
