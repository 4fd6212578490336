"""Contact sheets."""

import pytest
import torch

from wildsr.image.sheet import contact_sheet


def test_images_stand_in_rows_with_their_labels() -> None:
    images = [torch.full((3, 20, 60), 0.1 * index) for index in range(1, 6)]
    sheet = contact_sheet(
        images, ["one", "two & <three>", "", "four, a longer label of several lines", "five"], 3
    )
    assert sheet.shape[:2] == (1, 3)
    assert sheet.shape[3] == 3 * 68 + 8
    assert torch.equal(sheet[0, :, 8:28, 8:68], images[0])
    assert torch.equal(sheet[0, :, 8:28, 76:136], images[1])
    below = sheet[0, 0, 28:40, 8:68]
    assert below.min() < 0.5, "the label is not there"
    assert (sheet[0, :, 28:40, 144:204] == 1).all(), "an empty label leaves nothing"
    last_row = sheet[0, 0, :, 100]
    assert float(last_row[last_row == 0.5].sum()) == pytest.approx(10)


def test_sizes_may_differ() -> None:
    sheet = contact_sheet([torch.zeros(3, 10, 30), torch.zeros(3, 25, 12)], ["", ""], 2)
    assert torch.equal(sheet[0, 0, 8:33, 46:58], torch.zeros(25, 12))
    assert (sheet[0, 0, 20, 8:38] == 1).all()


@pytest.mark.parametrize(("count", "labels", "columns"), [(0, 0, 1), (2, 1, 1), (1, 1, 0)])
def test_nonsense(count: int, labels: int, columns: int) -> None:
    with pytest.raises(ValueError, match="cannot be arranged"):
        contact_sheet([torch.zeros(3, 4, 4)] * count, ["x"] * labels, columns)
