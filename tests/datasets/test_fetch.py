"""Downloads against a server on this machine that breaks off, lies and sends wrong bytes."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from datasets import fetch
from datasets.errors import DataError
from datasets.fetch import Download, ensure, sha256_of

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


class Server:
    """Answers each request with the next of `behaviours`, the last one for ever."""

    def __init__(self):
        self.content, self.behaviours, self.requests = CONTENT, ["good"], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/files/data.bin"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        behaviour = self.behaviours[min(len(self.requests), len(self.behaviours) - 1)]
        self.requests.append(handler.headers.get("Range"))
        content, status, headers, cut = self.content, 200, {}, None
        start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        if isinstance(behaviour, int):
            return handler.send_error(behaviour)
        if behaviour == "hang up":
            handler.close_connection = True
            return handler.connection.close()
        if start and behaviour != "ignore range":
            if start >= len(content):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(content)}")
                handler.send_header("Content-Length", "0")
                return handler.end_headers()
            content, status = content[start:], 206
            first = 0 if behaviour == "other range" else start
            headers["Content-Range"] = f"bytes {first}-{len(self.content) - 1}/{len(self.content)}"
        length = len(content)
        if behaviour == "break off":
            cut = min(100_000, length)
        if behaviour == "stall":
            cut = 500
        if behaviour == "too long a length":
            length += 5_000
        if behaviour == "too short a length":
            length -= 5_000
        handler.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content[:cut])
        handler.wfile.flush()
        if behaviour == "stall":
            threading.Event().wait(1.0)
        handler.close_connection = True
        return None


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    monkeypatch.setattr(fetch, "PAUSE", 0.0)
    running = Server()
    yield running
    running.server.shutdown()
    running.server.server_close()


def get(server, checksum=MD5):
    return ensure("set", ["data.bin"], [Download(server.url, checksum)]) / "data.bin"


def left(tmp_path):
    return sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())


def test_downloads_once(server, tmp_path):
    assert get(server).read_bytes() == CONTENT
    assert get(server).read_bytes() == CONTENT
    assert server.requests == [None] and left(tmp_path) == ["set/data.bin"]


def test_goes_on_where_the_server_broke_off(server, tmp_path):
    server.behaviours = ["break off", "break off", "good"]
    assert get(server).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=100000-", "bytes=200000-"] and left(tmp_path) == ["set/data.bin"]


def test_goes_on_from_the_partial_file_of_an_earlier_run(server, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/data.bin.part").write_bytes(CONTENT[:123_456])
    assert get(server).read_bytes() == CONTENT and server.requests == ["bytes=123456-"]


def test_a_whole_partial_file_is_taken(server, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/data.bin.part").write_bytes(CONTENT)
    assert get(server).read_bytes() == CONTENT and len(server.requests) == 1


@pytest.mark.parametrize("stale", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 7)], ids=len)
def test_a_partial_file_of_something_else_is_replaced(server, tmp_path, stale):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/data.bin.part").write_bytes(stale)
    assert get(server).read_bytes() == CONTENT


@pytest.mark.parametrize("behaviour", ["ignore range", "other range"])
def test_a_server_without_ranges_starts_anew(server, behaviour):
    server.behaviours = ["break off", behaviour, "good"]
    assert get(server).read_bytes() == CONTENT


@pytest.mark.parametrize("trouble", ["hang up", 500, 503, 429])
def test_passing_trouble_is_waited_out(server, trouble):
    server.behaviours = [trouble, trouble, "good"]
    assert get(server).read_bytes() == CONTENT and len(server.requests) == 3


def test_a_stated_length_beyond_the_content_is_seen_through(server):
    server.behaviours = ["too long a length"]
    assert get(server).read_bytes() == CONTENT


def test_a_stated_length_short_of_the_content_is_never_used(server, tmp_path):
    server.behaviours = ["too short a length"]
    with pytest.raises(DataError, match=r"data\.bin.*sent other bytes, md5.*expected"):
        get(server)
    assert left(tmp_path) == []


def test_wrong_bytes_are_removed_and_named(server, tmp_path):
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(DataError) as caught:
        get(server)
    assert all(part in str(caught.value) for part in (server.url, str(tmp_path / "set/data.bin"), MD5[4:], "removed"))
    assert left(tmp_path) == [] and len(server.requests) == 1


def test_gives_up_after_a_bounded_number_of_attempts_and_keeps_the_part(server, tmp_path):
    server.behaviours = ["break off", "hang up"]
    with pytest.raises(DataError, match=r"after 6 attempts.*same command again to go on from .*data\.bin\.part"):
        get(server)
    assert len(server.requests) == fetch.ATTEMPTS and left(tmp_path) == ["set/data.bin.part"]
    server.behaviours = ["good"]
    assert get(server).read_bytes() == CONTENT and server.requests[-1] == "bytes=100000-"


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_final(server, tmp_path, status):
    server.behaviours = [status]
    with pytest.raises(DataError, match=f"HTTP {status}"):
        get(server)
    assert len(server.requests) == 1 and list(tmp_path.iterdir()) == []


def test_a_silent_server_times_out(server, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.2)
    monkeypatch.setattr(fetch, "ATTEMPTS", 2)
    server.behaviours = ["stall"]
    with pytest.raises(DataError, match=r"timed out.*after 2 attempts"):
        get(server)


def test_offline_is_one_sentence_with_address_folder_and_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "new"))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a.bin"
        with pytest.raises(DataError) as caught:
            ensure("set", ["a.bin"], [Download(url, MD5)], remedy="ask the library")
    message = str(caught.value)
    for part in (url, str(tmp_path / "new/set"), "Connection refused", "DATASETS_DIR", "ask the library"):
        assert part in message
    assert "\n" not in message and "object at" not in message
    assert not (tmp_path / "new/set").exists()


def test_an_unknown_host_is_told_without_object_names(tmp_path, monkeypatch):
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path))
    with pytest.raises(DataError, match=r"no-such-host\.invalid") as caught:
        ensure("set", ["a.bin"], [Download("http://no-such-host.invalid/a.bin")])
    assert "object at" not in str(caught.value) and "Pool" not in str(caught.value)


def test_a_full_disk_is_named_and_leaves_nothing(server, tmp_path, monkeypatch):
    class Full(io.FileIO):
        def write(self, block):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch.Path, "open", lambda path, mode: Full(path, mode.replace("b", "")))
    with pytest.raises(DataError, match=r"data\.bin\.part: cannot be written \(No space left"):
        fetch.retrieve(Download(server.url), tmp_path)
    assert left(tmp_path) == []


def test_an_unwritable_folder_is_named(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot be made"):
        get(server)


def archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as file:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def packed(server, unpack_to=".."):
    url = server.url.replace("data.bin", "data.tar.gz")
    return ensure("set", ["a.txt", "b/c.txt"], [Download(url, unpack_to=unpack_to)])


@pytest.mark.parametrize(("unpack_to", "prefix"), [("..", "set/"), (".", ""), ("b/..", "")])
def test_an_archive_is_unpacked_and_removed(server, tmp_path, unpack_to, prefix):
    server.content = archive({f"{prefix}a.txt": b"1", f"{prefix}b/c.txt": b"2"})
    folder = packed(server, unpack_to)
    assert (folder / "b/c.txt").read_bytes() == b"2" and left(tmp_path) == ["set/a.txt", "set/b/c.txt"]


def test_a_link_as_the_folder_is_followed_by_name(server, tmp_path):
    (tmp_path / "elsewhere/deep").mkdir(parents=True)
    (tmp_path / "set").symlink_to(tmp_path / "elsewhere/deep")
    server.content = archive({"set/a.txt": b"1", "set/b/c.txt": b"2"})
    assert (packed(server) / "a.txt").read_bytes() == b"1"


def test_a_truncated_archive_is_removed_and_nothing_of_it_used(server, tmp_path):
    server.content = archive({"set/a.txt": b"1", "set/b/c.txt": CONTENT})[:-2000]
    with pytest.raises(DataError, match=r"data\.tar\.gz: damaged or truncated"):
        packed(server)
    assert left(tmp_path) == []


def test_an_archive_put_there_by_hand_is_used_and_stays(server, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/data.tar.gz").write_bytes(archive({"set/a.txt": b"1", "set/b/c.txt": b"2"}))
    packed(server)
    assert server.requests == [] and (tmp_path / "set/data.tar.gz").exists()


def test_a_wrong_archive_put_there_by_hand_is_refused_before_it_is_opened(server, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/data.bin").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"data\.bin: md5 .* delete it"):
        ensure("set", ["a.txt"], [Download(server.url, MD5, unpack_to=".")])
    assert left(tmp_path) == ["set/data.bin"]


def test_an_archive_without_the_required_files_is_told(server):
    server.content = archive({"set/other.txt": b"1"})
    with pytest.raises(DataError, match=r"a\.txt, b/c\.txt not in what http"):
        packed(server)


def test_two_processes_do_not_disturb_each_other(server, tmp_path):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(get(server).read_bytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [CONTENT] * 4 and server.requests == [None]


def test_the_default_folder_is_the_user_cache(monkeypatch):
    monkeypatch.delenv("DATASETS_DIR", raising=False)
    assert fetch.data_folder().name == "keras-application-suite" and fetch.data_folder().is_absolute()


def test_sha256_over_many_files_is_that_of_their_joined_bytes(tmp_path):
    (tmp_path / "1").write_bytes(CONTENT[:1000])
    (tmp_path / "2").write_bytes(CONTENT[1000:])
    assert sha256_of([tmp_path / "1", tmp_path / "2"]) == hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(DataError, match="3: cannot be read"):
        sha256_of([tmp_path / "3"])
