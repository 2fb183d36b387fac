"""Tables of own pictures, read, written and refused."""

import pytest
from tiny import write_image

from crosscam.data.tables import read_table, write_table
from crosscam.errors import DataError


@pytest.fixture
def root(tmp_path):
    """Three pictures in a folder."""
    for name in ("a/1.jpg", "b/2.jpg", "c, d/3.jpg"):
        write_image(tmp_path / "root" / name)
    return tmp_path / "root"


@pytest.fixture
def table(tmp_path):
    """Where a table may be written."""
    return tmp_path / "table.csv"


def test_a_table_is_read(root, table):
    table.write_text(
        "\ufeffNote,Path,split,camid,pid\r\n"
        'x,"c, d/3.jpg",ignore,2,bob\r\n'
        "\r\n"
        "y,./a//1.jpg, Train ,1, alice \r\n",
        encoding="utf-8",
    )
    pictures = read_table(table, root=root)
    assert [picture[1:] for picture in pictures] == [
        ("a/1.jpg", "alice", "1", "train"),
        ("c, d/3.jpg", "bob", "2", "ignore"),
    ]
    assert pictures[0].file == root / "a/1.jpg"


@pytest.mark.parametrize("header", ["path,pid,camid,split", "path,pid"])
def test_cameras_and_splits_need_not_be_known(root, table, header):
    empty = ",," if "camid" in header else ""
    table.write_text(f"{header}\na/1.jpg,7{empty}\n")
    assert [picture[1:] for picture in read_table(table, root=root)] == [
        ("a/1.jpg", "7", None, None)
    ]


def test_pictures_may_lie_beside_the_table(root, tmp_path, table):
    table.write_text("path,pid\nroot/a/1.jpg,7\n")
    (tmp_path / "empty").mkdir()
    assert read_table(table, root=tmp_path / "empty")[0].file == root / "a/1.jpg"


def test_what_is_written_is_read_again(root, table):
    for name in (' "q", .jpg', "line\nbreak.jpg", "ünï=1.jpg"):
        write_image(root / "a" / name)
    lines = [
        ("a/1.jpg", "x,y"),
        ('a/ "q", .jpg', "7"),
        ("a/line\nbreak.jpg", "王"),
        ("b/2.jpg", "0"),
    ]
    pictures = read_table_of(lines, root, table)
    write_table(table, pictures)
    assert read_table(table, root=root) == pictures
    assert table.read_text(encoding="utf-8").startswith("path,pid,camid,split\n")


def read_table_of(lines, root, table):
    quoted = ['"' + path.replace('"', '""') + f'","{pid}",1,train' for path, pid in lines]
    table.write_text("path,pid,camid,split\n" + "\n".join(quoted), encoding="utf-8", newline="")
    return read_table(table, root=root)


HEADER = "path,pid,camid,split\n"
FIRST = "a/1.jpg,1,1,train\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: no column path and pid; the first line names the columns"),
        ("a/1.jpg,1,1,train\n", "line 1: no column path and pid"),
        ("path;pid;camid;split\n", "line 1: no column path and pid"),
        ("path,camid\n", "line 1: no column pid"),
        ("path,pid,pid\n", "line 1: the column pid is there twice"),
        (HEADER, "has no pictures"),
        (HEADER + FIRST + "b/2.jpg,1,1\n", "line 3: 3 cells, but the first line has 4"),
        (HEADER + "c, d/3.jpg,1,1,train\n", "line 2: 5 cells, but the first line has 4"),
        (HEADER + FIRST + "b/2.jpg,,1,train\n", "line 3: the pid is empty"),
        (HEADER + FIRST + "b/2.jpg,1,1,test\n", "line 3: unknown split 'test'; it is one of train"),
        (HEADER + FIRST + "b/9.jpg,1,1,train\n", "line 3: no such image: 'b/9.jpg', below"),
        (HEADER + FIRST + ",1,1,train\n", "line 3: no such image: ''"),
        (HEADER + FIRST + "a,1,1,train\n", "line 3: no such image: 'a'"),
        (HEADER + FIRST + "\na//1.jpg,2,1,train\n", "line 4: a/1.jpg is in line 2, too"),
        (HEADER + "../root/a/1.jpg,1,1,train\n", "line 2: the path ../root/a/1.jpg leads out of"),
        (HEADER + "/etc/passwd,1,1,train\n", "line 2: the path /etc/passwd leads out of the root"),
        (HEADER + FIRST + "b/2.jpg,1,,train\n", "line 3: no camid, but line 2 has one"),
        (HEADER + "b/2.jpg,1,1,\n" + FIRST, "line 2: no split, but line 3 has one"),
        (HEADER + '"a/1.jpg,1,1,train\n', "line 2: unexpected end of data; mend its quotes"),
        (HEADER + '"a"/1.jpg,1,1,train\n', "line 2: ',' expected after '\"'; mend its quotes"),
    ],
)
def test_a_faulty_line_is_named(root, table, content, message):
    table.write_text(content)
    with pytest.raises(DataError) as caught:
        read_table(table, root=root)
    assert str(table) in str(caught.value)
    assert message in str(caught.value)


def test_a_table_that_cannot_be_read(root, table):
    with pytest.raises(DataError, match=r"cannot read the table .*: No such file"):
        read_table(table, root=root)
    table.write_bytes(b"path,pid\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="is not UTF-8 .*; save it as UTF-8"):
        read_table(table, root=root)
