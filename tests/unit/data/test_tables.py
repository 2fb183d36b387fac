"""Tables of own pictures, read, written and refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import write_image

from crosscam.data.labels import Picture, tidy
from crosscam.data.tables import read_table, warn_of_formulas, write_table
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


def read_lines(root, table, *lines, encoding="utf-8"):
    table.write_bytes("\r\n".join(("path,pid,camid", *lines)).encode(encoding))
    return [picture[1:4] for picture in read_table(table, root=root)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_paths_may_be_absolute_or_have_backslashes(root, table, monkeypatch, encoding):
    expected = [("a/1.jpg", "7", "1"), ("b/2.jpg", "ü", "1")]
    lines = (r"b\2.jpg,ü,1", f"{root}/a//1.jpg,7,1")
    assert read_lines(root, table, *lines, encoding=encoding) == expected
    monkeypatch.chdir(root.parent)
    assert read_lines(Path(root.name), table, *lines, encoding=encoding) == expected
    (root.parent / "link").symlink_to(root)
    assert read_lines(root.parent / "link", table, *lines, encoding=encoding) == expected


def test_a_backslash_in_a_name_is_itself(root, table):
    write_image(root / r"a\1.jpg")
    assert read_lines(root, table, r"a\1.jpg,7,1") == [(r"a\1.jpg", "7", "1")]


def test_ids_that_were_written_as_floats_are_integers(root, table):
    lines = ("a/1.jpg,-1.0,2.00", "b/2.jpg,7.0,10.0", '"c, d/3.jpg",alice,-0.0')
    assert [names[1:] for names in read_lines(root, table, *lines)] == [
        ("-1", "2"),
        ("7", "10"),
        ("alice", "0"),
    ]


@pytest.mark.parametrize("name", ["1.5", "1e+18", "12345678901234568.0", ".5", "3e2"])
def test_ids_that_floats_may_have_changed_are_refused(root, table, name):
    with pytest.raises(DataError, match=r"line 3: the pid .* is not a whole number of 15 digits"):
        read_lines(root, table, "a/1.jpg,3.0,1", f"b/2.jpg,{name},1")


def test_names_with_dots_are_names_where_nothing_is_a_float(root, table):
    lines = ("a/1.jpg,1.5,12e4", "b/2.jpg,v1.0,3")
    assert [names[1:] for names in read_lines(root, table, *lines)] == [
        ("1.5", "12e4"),
        ("v1.0", "3"),
    ]


PLAIN = st.text(st.characters(exclude_characters="/\\\0", codec="utf-8"), min_size=1, max_size=5)
NAMES = (PLAIN | st.sampled_from(["a\r", "\rb", "=1+cmd", '"', ",", "\r\n"])).map(tidy)
NAMES = NAMES.filter(lambda name: name not in ("", ".", "..")).filter(
    lambda name: not any(mark in name for mark in ".eE")  # which may be floats
)


@given(st.sets(NAMES, min_size=1, max_size=5))
def test_whatever_a_split_writes_it_reads(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("tables")
    pictures = [
        Picture(folder / f"x{name}.jpg", f"x{name}.jpg", name, None, "train")
        for name in sorted(names)
    ]
    for picture in pictures:
        picture.file.touch()
    pictures.sort(key=lambda picture: picture.path)
    write_table(folder / "t.csv", pictures)
    assert read_table(folder / "t.csv", root=folder) == pictures


def test_names_that_a_spreadsheet_would_run_are_said(root):
    def named(pid):
        return Picture(root / "a/1.jpg", "a/1.jpg", pid, None, None)

    assert warn_of_formulas([named("-1"), named("a=1"), named("7")]) == ()
    (note,) = warn_of_formulas([named("=1+cmd"), named("@x"), named("-1"), named("-x")])
    assert note.startswith("names that a spreadsheet takes for formulas: 3, the first is -x; ren")


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
        (HEADER + r"C:\a\1.jpg,1,1,train", r"line 2: the path C:\a\1.jpg leads out of the root"),
        (HEADER + FIRST + "x" * 200_000 + ",1,1,train", "line 3: field larger than field limit"),
        (HEADER + FIRST + "b/2.jpg\0,1,1,train", "is not UTF-8 (it has zero bytes)"),
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
