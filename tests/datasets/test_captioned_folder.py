import pytest

from datasets import captioned_folder
from datasets.errors import DataError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "below").mkdir()
    for name in ("b.png", "below/a.jpg"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_rows_of_one_file_are_its_captions_and_the_rest_is_counted(folder):
    (folder / "captions.csv").write_text(
        'file,caption\nb.png,"A cat, asleep"\nbelow/a.jpg,A dog\nb.png,A sleeping cat\nlost.png,Nothing\nb.png,\n../x,Out\n',
        encoding="utf-8-sig",
    )
    data = captioned_folder.read(folder)
    assert [(item.path.name, item.captions) for item in data.pictures] == [
        ("b.png", ("A cat, asleep", "A sleeping cat")),
        ("a.jpg", ("A dog",)),
    ]
    assert data.dropped == {"row whose picture is not in the folder": 2, "row without a caption": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"captions\.csv: not there"),
        (b"name,text\nb.png,A cat\n", "no column caption and file"),
        (b"", "no column caption and file"),
        (b"file,caption\nlost.png,A cat\n", "no row names a picture"),
        (b"file,caption\nb.png,\xff\xfe\n", "not a CSV table in UTF-8"),
        (b"file,caption\nb.png\n", "no row names a picture"),
    ],
)
def test_what_is_wrong_is_said(folder, content, message):
    if content is not None:
        (folder / "captions.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        captioned_folder.read(folder)
