"""Inputs and names of outputs."""

import os
from pathlib import Path

import pytest

from wildsr.inference.jobs import Job, JobsError, Naming, existing_outputs, find_jobs


@pytest.fixture
def album(tmp_path: Path) -> Path:
    root = tmp_path / "mein älbum"
    (root / "day 1").mkdir(parents=True)
    for name in ("a.jpg", "b.PNG", "notes.txt", ".hidden.jpg", "day 1/c.heic"):
        (root / name).touch()
    return root


def targets(inputs: list[str], naming: Naming) -> list[str]:
    return [job.target.as_posix() for job in find_jobs(inputs, naming)[0]]


def test_a_file_is_written_beside_itself(album: Path) -> None:
    assert targets([str(album / "a.jpg")], Naming()) == [f"{album}/a_x4.jpg"]


def test_heic_becomes_jpeg_and_format_decides_the_suffix(album: Path) -> None:
    photo = str(album / "day 1/c.heic")
    assert targets([photo], Naming()) == [f"{album}/day 1/c_x4.jpg"]
    assert targets([photo], Naming(format="tiff")) == [f"{album}/day 1/c_x4.tif"]


def test_a_folder_is_mirrored_beside_itself_without_hidden_and_other_files(album: Path) -> None:
    assert targets([str(album)], Naming()) == [
        f"{album}_x4/a.jpg",
        f"{album}_x4/b.png",
        f"{album}_x4/day 1/c.jpg",
    ]


def test_a_folder_into_a_folder_of_its_own_is_not_read_again(album: Path) -> None:
    out = album / "out"
    out.mkdir()
    (out / "a.jpg").touch()
    assert targets([str(album)], Naming(output=str(out))) == [
        f"{out}/a.jpg",
        f"{out}/b.png",
        f"{out}/day 1/c.jpg",
    ]


def test_a_file_into_a_named_file_or_folder(album: Path, tmp_path: Path) -> None:
    photo = str(album / "a.jpg")
    assert targets([photo], Naming(output=str(tmp_path / "new.png"))) == [f"{tmp_path}/new.png"]
    assert targets([photo], Naming(output=f"{tmp_path}/new/")) == [f"{tmp_path}/new/a.jpg"]
    assert targets([photo], Naming(output=str(tmp_path))) == [f"{tmp_path}/a.jpg"]


def test_globs(album: Path) -> None:
    assert targets([f"{album}/**/*.heic"], Naming()) == [f"{album}/day 1/c_x4.jpg"]


def test_patterns(album: Path) -> None:
    naming = Naming(output="out/{folder}/{stem}-{model}-{scale}{suffix}", model="tiny", label="x2")
    assert targets([str(album)], naming) == [
        "out/a-tiny-x2.jpg",
        "out/b-tiny-x2.png",
        "out/day 1/c-tiny-x2.jpg",
    ]


def test_the_same_file_twice_is_one_job(album: Path) -> None:
    photo = str(album / "a.jpg")
    assert len(find_jobs([photo, f"{album}/../{album.name}/a.jpg"], Naming(output="out/"))[0]) == 1


def test_missing_inputs_are_problems_and_the_others_go_on(album: Path) -> None:
    jobs, problems = find_jobs([str(album / "a.jpg"), "gone.jpg", f"{album}/*.tiff"], Naming())
    assert len(jobs) == 1
    assert [problem.reason for problem in problems] == [
        "there is no such file or folder",
        "no file matches this pattern",
    ]


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    assert find_jobs([str(tmp_path)], Naming())[1][0].reason == "there is no image in this folder"


@pytest.mark.parametrize(
    ("naming", "message"),
    [
        (Naming(output="one.jpg/{stem}.png", format="png"), None),
        (Naming(output="same.png{model}"), "would both be written"),
        (Naming(output="{nonsense}"), "unknown field"),
        (Naming(output="{stem"), "not valid"),
    ],
)
def test_bad_patterns(album: Path, naming: Naming, message: str | None) -> None:
    inputs = [str(album)]
    if message is None:
        assert len(find_jobs(inputs, naming)[0]) == 3
    else:
        with pytest.raises(JobsError, match=message):
            find_jobs(inputs, naming)


def test_two_inputs_for_one_output_are_refused(album: Path) -> None:
    (album / "a.png").touch()
    with pytest.raises(JobsError, match=r"a\.jpg and .*a\.png would both be written to"):
        find_jobs([str(album)], Naming(format="png"))


def test_an_input_is_never_its_own_output(album: Path) -> None:
    with pytest.raises(JobsError, match="its own output"):
        find_jobs([str(album / "a.jpg")], Naming(output=str(album / "a.jpg")))


def test_an_output_that_is_another_input_is_refused(album: Path) -> None:
    (album / "a_x4.jpg").touch()
    with pytest.raises(JobsError, match="an input and also the output"):
        find_jobs([str(album / "a.jpg"), str(album / "a_x4.jpg")], Naming())


def test_several_images_into_one_file_are_refused(album: Path, tmp_path: Path) -> None:
    (tmp_path / "one.jpg").touch()
    for output in ("one.jpg", "new.png"):
        with pytest.raises(JobsError, match="names a file, but several"):
            find_jobs([str(album)], Naming(output=str(tmp_path / output)))
    (tmp_path / "folder.png").mkdir()
    for folder in ("folder.png", "new.png/"):
        assert len(find_jobs([str(album)], Naming(output=f"{tmp_path}/{folder}"))[0]) == 3


@pytest.mark.parametrize("output", ["one.jpg", "out/{stem}.tif"])
def test_a_format_that_the_name_denies_is_refused(album: Path, output: str) -> None:
    with pytest.raises(JobsError, match=r"ends like a (JPEG|TIFF) file, but --format png asks for PNG"):
        find_jobs([str(album / "a.jpg")], Naming(output=output, format="png"))


def test_existing_outputs(tmp_path: Path) -> None:
    (tmp_path / "there.jpg").touch()
    there, new = Job(Path("a"), tmp_path / "there.jpg"), Job(Path("b"), tmp_path / "new.jpg")
    assert existing_outputs([there, new], "overwrite") == ([there, new], [])
    assert existing_outputs([there, new], "skip") == ([new], [there])


@pytest.mark.skipif(os.name != "posix", reason="names and links of POSIX")
def test_odd_names_do_not_stop_the_others(album: Path) -> None:
    """Each of these once ended the whole batch."""
    loop = album / "loop.jpg"
    loop.symlink_to(loop)
    long = album / f"{'x' * 251}.jpg"  # its result would have a name of 258 bytes
    long.touch()
    home = album / "~nobody-of-this-name.png"
    home.touch()
    jobs, problems = find_jobs(
        [str(loop), str(long), "~nobody-of-this-name.png", str(home), "x" * 5000], Naming()
    )
    assert [job.source for job in jobs] == [loop, long, home]
    assert len(problems) == 2
    assert existing_outputs(jobs, "fail") == (jobs, [])


def test_a_name_of_dots_does_not_lead_upwards(tmp_path: Path) -> None:
    source = tmp_path / "...png"
    source.touch()
    jobs, _ = find_jobs([str(source)], Naming(output=str(tmp_path / "out" / "{stem}" / "a.png")))
    assert jobs[0].target == tmp_path / "out" / "...png" / "a.png"
