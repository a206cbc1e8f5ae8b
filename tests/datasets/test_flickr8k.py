import os
from pathlib import Path

import pytest

from datasets import flickr8k
from datasets.errors import DataError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Flicker8k_Dataset").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg", "extra.jpg", "silent.jpg"):
        (tmp_path / "Flicker8k_Dataset" / name).write_bytes(b"x")
    text = tmp_path / "Flickr8k_text"
    text.mkdir()
    # Captions stand out of order on purpose.
    lines = ["a.jpg#1\tA cat .", "a.jpg#0\tA dog .", "b.jpg#0\tTwo men .", "c.jpg#0\tA ball", "gone.jpg#0\tNothing"]
    (text / "Flickr8k.token.txt").write_text("\n".join(lines) + "\n")
    (text / "Flickr_8k.trainImages.txt").write_text("a.jpg\nlost.jpg\nsilent.jpg\n")
    (text / "Flickr_8k.devImages.txt").write_text("b.jpg\n")
    return tmp_path


def test_official_layout_without_the_test_list(folder):
    data = flickr8k.read(folder)
    assert [(item.path.name, item.captions) for item in data.train] == [("a.jpg", ("A dog .", "A cat ."))]
    assert [item.path.name for item in data.dev] == ["b.jpg"]
    assert data.test == ()
    assert data.dropped == {
        "picture of the train list that is not there": 1,
        "picture of the train list without captions": 1,
        "picture in none of the lists": 2,
        "captioned picture that is not there": 1,
    }


def test_official_layout_with_every_list(folder):
    (folder / "Flickr8k_text" / "Flickr_8k.testImages.txt").write_text("c.jpg\n")
    data = flickr8k.read(folder)
    assert [item.path.name for item in data.test] == ["c.jpg"]
    assert data.dropped["picture in none of the lists"] == 1
    assert len(data.files) == 4


def test_broken_line_is_named(folder):
    path = folder / "Flickr8k_text" / "Flickr8k.token.txt"
    path.write_text("a.jpg#0\tfine\nno tab here\n")
    with pytest.raises(DataError, match=r"Flickr8k.token.txt line 2: 'no tab here'"):
        flickr8k.read(folder)


def test_binary_captions_are_named(folder):
    (folder / "Flickr8k_text" / "Flickr8k.token.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        flickr8k.read(folder)


def test_missing_list_is_named(folder):
    (folder / "Flickr8k_text" / "Flickr_8k.devImages.txt").unlink()
    with pytest.raises(DataError, match=r"Flickr_8k\.devImages\.txt: not there"):
        flickr8k.read(folder)


def test_the_real_data():
    folder = Path(os.environ.get("DATASETS_DIR", "")) / "flickr8k"
    if not folder.is_dir():
        pytest.skip("Flickr8k is not below DATASETS_DIR")
    data = flickr8k.read(folder)
    assert (len(data.train), len(data.dev)) == (6000, 1000)
    assert all(len(item.captions) == 5 for item in (*data.train, *data.dev))
    assert not {item.path for item in data.train} & {item.path for item in data.dev}
