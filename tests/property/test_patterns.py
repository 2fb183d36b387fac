"""Patterns of names against paths built from them, and against slow, independent matching."""

from hypothesis import assume, given
from hypothesis import strategies as st

from crosscam.data.labels import tidy
from crosscam.data.patterns import parse_pattern

WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=5)
SEPARATORS = st.sampled_from(["_", "/", "-", ".", "_c", " ", "+(", "[x]", "/cam "])


@st.composite
def patterns(draw, separators=SEPARATORS, ending="x.jpg"):
    """A pattern as a list of parts: fields and stars with a separator behind each."""
    middle = draw(st.lists(st.just("*"), max_size=3))
    camera = draw(st.booleans())
    parts = draw(st.permutations(["{pid}", *(["{camid}"] if camera else []), *middle]))
    return [both for part in parts for both in (part, draw(separators))] + [ending]


@given(patterns(), WORDS, WORDS, st.data())
def test_a_path_built_from_labels_is_read_back_to_them(parts, pid, camid, data):
    # A star takes as much as it can, so what stands for it here must not hold what ends it.
    fill = {"{pid}": lambda: pid, "{camid}": lambda: camid, "*": lambda: data.draw(WORDS)}
    path = "".join(fill.get(part, lambda part=part: part)() for part in parts)
    for i, part in enumerate(parts):
        assume(part not in ("{pid}", "{camid}") or parts[i + 1][0] not in (pid + camid))
    found = parse_pattern("".join(parts)).read(path)
    assert found is not None
    assert found == (tidy(pid), tidy(camid) if "{camid}" in parts else None)


@given(patterns(), WORDS, st.data())
def test_another_number_of_folders_never_matches(parts, word, data):
    path = "".join(word if part.startswith(("{", "*")) else part for part in parts)
    levels = path.split("/")
    place = data.draw(st.integers(0, len(levels)))
    names = parse_pattern("".join(parts))
    assert names.read("/".join([*levels[:place], "more", *levels[place:]])) is None


@given(patterns(st.sampled_from(["_", "/", "a"]), "b"), st.data())
def test_what_is_read_is_the_first_of_all_readings(parts, data):
    few = st.text("ab_/1", max_size=3)
    path = "".join(data.draw(few) if part.startswith(("{", "*")) else part for part in parts)
    path = data.draw(st.one_of(st.just(path), few.map(lambda end: path + end)))
    first = next(readings(parts, path), None)
    expected = first and (first["{pid}"], first.get("{camid}"))
    assert parse_pattern("".join(parts)).read(path) == expected


def readings(parts, path):
    """Every way to read a path, by trying all lengths for each part, the longest first."""
    if not parts:
        yield from [{}] if not path else []
        return
    part, *rest = parts
    if not part.startswith(("{", "*")):
        if path.startswith(part):
            yield from readings(rest, path[len(part) :])
        return
    for cut in range(len(path), -1, -1):
        piece = path[:cut]
        if "/" in piece or (part != "*" and (not piece or rest[0][0] in piece)):
            continue
        for reading in readings(rest, path[cut:]):
            yield {part: piece} | reading
