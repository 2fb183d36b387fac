"""Weights that are broken or meant to harm: refused in one line, nothing run, nothing changed."""

import io
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from dataclasses import dataclass

import pytest
import torch
from command import crosscam as command
from pickled_2018 import (
    DTYPE,
    REBUILD,
    SCALAR,
    Call,
    Global,
    Pickler,
    Storage,
    Stored,
    old_file,
    view,
    zip_file,
)
from safetensors.torch import save

import crosscam
from crosscam.cli.main import run
from crosscam.errors import WeightsError

NAME, SIZE = "conv1.bn.bias", 32
STEPS = "conv1.bn.num_batches_tracked"
FORMATS = {"old": old_file, "zip": zip_file}
BROKEN = "is not a file of weights, or is broken or cut short, or holds more than tensors: "


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return crosscam.create_model("mobilenetv2", num_classes=2)


@pytest.fixture(scope="module")
def weights():
    """Those of another such model, which would all fit."""
    torch.manual_seed(2)
    return crosscam.create_model("mobilenetv2", num_classes=2).state_dict()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder, where a payload leaves its mark."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(model, file, message):
    """The file is refused with `message`, and nothing else has happened."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        crosscam.load_weights(model, file)
    text = str(caught.value)
    assert text.startswith(f"{file} ")
    assert message in text
    assert text.isprintable()  # and so on one line
    assert len(text) < 600
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert list(file.parent.iterdir()) == [file]


# Calls that leave a file named "mark" in the working folder, and how a refusal names them.
IMPORTED_OS = Call(Global("importlib", "import_module"), ("os",))
LIVE = {
    "os.system": ("os.system", Call(Global("os", "system"), ("touch mark",))),
    "posix.system": ("posix.system", Call(Global("posix", "system"), ("touch mark",))),
    "eval": ("builtins.eval", Call(Global("builtins", "eval"), ("open('mark', 'w').close()",))),
    "exec of Python 2": (
        "__builtin__.exec",
        Call(Global("__builtin__", "exec"), ("open('mark', 'w').close()",)),
    ),
    "open": ("builtins.open", Call(Global("builtins", "open"), ("mark", "w"))),
    "io.open": ("io.open", Call(Global("io", "open"), ("mark", "w"))),
    "Popen": ("subprocess.Popen", Call(Global("subprocess", "Popen"), (["touch", "mark"],))),
    "getattr": (
        "builtins.getattr",
        Call(Call(Global("builtins", "getattr"), (IMPORTED_OS, "system")), ("touch mark",)),
    ),
    "map": (
        "builtins.list",
        Call(
            Global("builtins", "list"),
            (Call(Global("builtins", "map"), (Global("os", "system"), ["touch mark"])),),
        ),
    ),
}


@pytest.mark.parametrize("kind", LIVE)
def test_the_payloads_do_harm_where_they_are_run(here, kind):
    made = pickle.loads(Pickler().dumps(LIVE[kind][1]))
    getattr(made, "wait", getattr(made, "close", int))()  # as a process or a file wants
    assert (here / "mark").exists()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", LIVE)
def test_no_payload_is_run(here, model, kind, form):
    named, payload = LIVE[kind]
    file = here / "w.pth"
    file.write_bytes(FORMATS[form](payload))
    refused(model, file, f"holds more than tensors: it asks for {named}; nothing of it was run")


SYSTEM = LIVE["os.system"][1]
PLACES = {
    "a tensor": {"state_dict": OrderedDict({NAME: SYSTEM})},
    "a note": {"state_dict": {NAME: torch.ones(1)}, "rank1": SYSTEM},
    "a name": {SYSTEM: torch.ones(1)},
    "the bytes of a number": {
        "rank1": Call(SCALAR, (Call(DTYPE, ("f8", 0, 1)), SYSTEM)),
    },
    "the type of a number": {"rank1": Call(SCALAR, (SYSTEM, "x"))},
    "the state of a type": {"rank1": Call(DTYPE, ("f8", 0, 1), (3, SYSTEM))},
    "the state of a dictionary": Call(
        Global("collections", "OrderedDict"), ([],), {"__class__": SYSTEM}
    ),
    "a method of a dictionary": Call(
        Global("collections", "OrderedDict"), ([],), {"items": Global("os", "system")}
    ),
    "a hook of a tensor": Call(REBUILD, (Storage("0", 1), 0, (1,), (1,), False, {0: SYSTEM})),
    "a persistent id": {NAME: Stored(("storage", SYSTEM, "0", "cpu", 1, None))},
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("place", PLACES)
def test_no_payload_is_run_wherever_it_is(here, model, place, form):
    file = here / "w.pth"
    file.write_bytes(FORMATS[form](PLACES[place], storages={"0": (1, bytes(4))}))
    refused(model, file, "holds more than tensors: it asks for os.system")


@dataclass
class Bomb:
    """Pickled, it is a call."""

    function: object
    argument: object

    def __reduce__(self):
        return self.function, (self.argument,)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_no_bare_pickle_is_run(here, model, protocol):
    file = here / "w.pth"
    file.write_bytes(pickle.dumps(Bomb(eval, "open('mark', 'w').close()"), protocol))
    refused(model, file, "holds more than tensors" if protocol < 4 else BROKEN)


@pytest.mark.parametrize(
    "name",
    [
        "torch.load",
        "torch.serialization.load",
        "torch.storage._load_from_bytes",
        "torch.hub.load",
        "torch.nn.modules.linear.Linear",
        "torch._utils._import_dotted_name",
        "torch.utils.data._utils.worker._worker_loop",
        "numpy.load",
        "numpy.core.multiarray._reconstruct",
        "numpy.ndarray",
        "copyreg._reconstructor",
        "copyreg.__newobj__",
        "copyreg.add_extension",
        "functools.partial",
        "operator.attrgetter",
        "types.FunctionType",
        "crosscam.files.replacing",
        "crosscam.weights.reading._number",
        "no.such.module.at.all",
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_no_name_is_looked_up_but_those_of_tensors(here, model, name, form):
    file = here / "w.pth"
    file.write_bytes(FORMATS[form](Call(Global(*name.rsplit(".", 1)), ())))
    refused(model, file, f"holds more than tensors: it asks for {name}; nothing of it was run")


def test_names_cannot_write_to_the_terminal(here, model):
    file = here / "w.pth"
    file.write_bytes(old_file(Call(Global("\x1b[2Jevil", "\x07name"), ())))
    refused(model, file, "it asks for \\x1b[2Jevil.\\x07name; nothing of it was run")


HIDDEN = {"items": 5, "get": 5, "keys": 5, "__iter__": 5, "__class__": 5, "_metadata": {}}


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_file_attaches_to_a_dictionary_or_a_tensor_is_not_used(here, weights, form):
    hidden = Call(
        Global("torch._tensor", "_rebuild_from_type_v2"),
        (
            REBUILD,
            Global("torch", "Tensor"),
            (Storage("0", SIZE), 0, (SIZE,), (1,), False, OrderedDict()),
            {"detach": 5, "is_floating_point": 5, "is_complex": 5, "to": 5, "__deepcopy__": 5},
        ),
    )
    entries = [[name, value] for name, value in {**weights, NAME: hidden}.items()]
    inner = Call(Global("collections", "OrderedDict"), (entries,), HIDDEN)
    outer = Call(Global("collections", "OrderedDict"), ([["state_dict", inner]],), HIDDEN)
    (here / "w.pth").write_bytes(FORMATS[form](outer, storages={"0": (SIZE, bytes(4 * SIZE))}))
    model = crosscam.create_model("mobilenetv2", num_classes=2)
    crosscam.load_weights(model, here / "w.pth")
    for name, value in model.state_dict().items():
        assert torch.equal(value, torch.zeros(SIZE) if name == NAME else weights[name])


def saved(content):
    whole = io.BytesIO()
    torch.save(content, whole)
    return whole.getvalue()


def flipped(content, part):
    """The file with one bit changed in the middle of what holds `part`."""
    place = content.index(part) + len(part) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def archive(*names):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as made:
        for name in names:
            made.writestr(name, b"")
    return whole.getvalue()


def tar():
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as made:
        for name in ("storages", "tensors", "pickle", "../mark"):
            made.addfile(tarfile.TarInfo(name))
    return whole.getvalue()


PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"
BROKEN_FILES = {
    "empty": lambda w: b"",
    "one byte": lambda w: b"\x80",
    "text": lambda w: b"hello\n",
    "a web page": lambda w: PAGE,
    "zeros": lambda w: bytes(4096),
    "a pickle of nothing": lambda w: Pickler().dumps(None),
    "an endless tuple": lambda w: b"\x80\x02" + b"(" * 200_000,
    "a magic number alone": lambda w: old_file(w)[:15],
    "an old file cut in its names": lambda w: old_file(w)[:2000],
    "an old file cut in a tensor": lambda w: old_file(w)[:-100_000],
    "an old file without its last byte": lambda w: old_file(w)[:-1],
    "a zip cut in its names": lambda w: zip_file(w)[:2000],
    "a zip cut in a tensor": lambda w: zip_file(w)[:-100_000],
    "a zip without its last byte": lambda w: zip_file(w)[:-1],
    "a zip with other names": lambda w: archive("a", "b"),
    "a zip of folders": lambda w: archive("archive/", "archive/data/", "archive/data.pkl/"),
    "a zip that leads out": lambda w: archive("../mark", "/mark", "archive/../../mark"),
    "a tar": lambda w: tar(),
    "a compiled model": lambda w: archive("archive/data.pkl", "archive/constants.pkl"),
}


@pytest.mark.parametrize("kind", BROKEN_FILES)
def test_broken_files_are_refused(here, model, weights, kind):
    file = here / "w.pth.tar"
    file.write_bytes(BROKEN_FILES[kind](weights))
    refused(model, file, BROKEN)


DAMAGE = {
    "a changed bit in a tensor": (
        lambda w: flipped(zip_file(w), w["conv1.conv.weight"].numpy().tobytes()),
        "Bad CRC-32 for file 'archive/data/94000000000000'",
    ),
    "a changed bit in a name": (
        lambda w: flipped(zip_file(w), NAME.encode()),
        "Bad CRC-32 for file 'archive/data.pkl'",
    ),
    "compression": (
        lambda w: zip_file(w, compression=zipfile.ZIP_DEFLATED),
        "it is compressed, which no checkpoint is",
    ),
    "an object for a number": (
        lambda w: old_file({**w, "rank1": Call(SCALAR, (Call(DTYPE, ("O8", 0, 1)), "x"))}),
        "'O8'",
    ),
    "a list for the name of a type": (
        lambda w: old_file({**w, "rank1": Call(SCALAR, (Call(DTYPE, ([],)), "x"))}),
        "unhashable",
    ),
    "a short number": (
        lambda w: old_file({**w, "rank1": Call(SCALAR, (Call(DTYPE, ("f8", 0, 1)), "x"))}),
        "8 bytes",
    ),
    "no type of a number": (lambda w: old_file(Call(SCALAR, ("f8", "x" * 8))), "'str'"),
    "a huge epoch": (
        lambda w: old_file({"state_dict": w, "epoch": 1 << 2000}),
        "a number of 2001 bits",
    ),
    **{
        f"{state!r} for the state of a type": (
            lambda w, state=state: old_file(
                {"state_dict": w, "rank1": Call(DTYPE, ("f8", 0, 1), state)}
            ),
            BROKEN,
        )
        for state in (5, (), (3,), "<", {"order": ">"})
    },
    **{
        f"the persistent id {identity!r}": (
            lambda w, identity=identity: zip_file({**w, NAME: Stored(identity)}),
            BROKEN,
        )
        for identity in (
            *(7, "storage", (), ("storage",), ("module", "a", "b", "c")),
            ("storage", "FloatStorage", "0", "cpu", 1),
            ("storage", Global("torch", "FloatStorage"), "../../mark", "cpu", 1),
        )
    },
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named(here, model, weights, kind):
    make, message = DAMAGE[kind]
    file = here / "w.pth"
    file.write_bytes(make(weights))
    refused(model, file, message)


GEOMETRIES = {
    "more numbers than bytes": view((SIZE,), (1,), count=SIZE),
    "more numbers than memory": view((SIZE,), (1,), count=1 << 45),
    "more numbers than can be counted": view((SIZE,), (1,), count=1 << 70),
    "fewer numbers than none": view((SIZE,), (1,), count=-1),
    "a tensor beyond its numbers": view((SIZE,), (1,)),
    "a tensor expanded from one number": view((SIZE,), (0,)),
    "a huge tensor expanded from one number": view((10**6, 10**6), (0, 0)),
    "a negative size": view((-SIZE,), (1,)),
    "a negative stride": view((SIZE,), (-1,)),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", [NAME, "classifier.weight"])
@pytest.mark.parametrize("kind", GEOMETRIES)
def test_tensors_that_the_file_does_not_hold_are_refused(here, model, weights, kind, name, form):
    content = {**weights, name: GEOMETRIES[kind]}
    file = here / "w.pth"
    file.write_bytes(FORMATS[form](content, storages={"0": (1, bytes(4))}))
    refused(model, file, f"{BROKEN}a tensor of shape" if "expanded" in kind else BROKEN)


def test_a_tensor_without_a_file_behind_it_is_refused(here, model, weights):
    meta = Call(
        Global("torch._utils", "_rebuild_meta_tensor_no_storage"),
        (Global("torch", "float32"), (SIZE,), (1,), False),
    )
    file = here / "w.pth"
    file.write_bytes(zip_file({**weights, NAME: meta}))
    refused(model, file, "asks for torch._utils._rebuild_meta_tensor_no_storage")


def without(weights, name):
    return {key: value for key, value in weights.items() if key != name}


def changed(value, name=NAME):
    return lambda weights: {**weights, name: value}


ONES = torch.ones(SIZE)
MISFITS = {
    "a tensor too few": (lambda w: without(w, NAME), f"lacks: {NAME}; it was made for another"),
    "many tensors too few": (
        lambda w: {k: v for k, v in w.items() if k.startswith("classifier")},
        "lacks: conv1.conv.weight, conv1.bn.weight, conv1.bn.bias and ",
    ),
    "a tensor too many": (changed(ONES, "extra"), "has what this model does not: extra"),
    "another shape": (changed(torch.ones(3)), f"{NAME} (3,) instead of ({SIZE},)"),
    "no shape": (changed(torch.tensor(1.0)), f"{NAME} () instead of ({SIZE},)"),
    "no number": (changed(ONES * torch.nan), f"has values that are not finite: {NAME}"),
    "infinity": (changed(ONES * -torch.inf), f"has values that are not finite: {NAME}"),
    "a number too large for the model": (
        changed(ONES.double() * 1e300),
        f"has values that are not finite: {NAME}",
    ),
    "integers": (changed(ONES.long()), f"{NAME} torch.int64 instead of torch.float32"),
    "bytes": (changed(ONES.byte()), f"{NAME} torch.uint8 instead of torch.float32"),
    "truths": (changed(ONES.bool()), f"{NAME} torch.bool instead of torch.float32"),
    "complex numbers": (changed(ONES.cfloat()), f"{NAME} torch.complex64 instead of"),
    "quarter floats": (changed(ONES.to(torch.float8_e4m3fn)), "_rebuild_tensor_v3"),
    "a sparse tensor": (changed(ONES.to_sparse()), "_rebuild_sparse_tensor"),
    "a quantised tensor": (
        lambda w: {**w, NAME: torch.quantize_per_tensor(ONES, 0.1, 0, torch.qint8)},
        "_rebuild_qtensor",
    ),
    "steps in floats": (changed(torch.tensor(1.0), STEPS), f"{STEPS} torch.float32 instead of"),
    "steps in truths": (changed(torch.tensor(True), STEPS), f"{STEPS} torch.bool instead of"),
    "a word": (changed("text"), f"'{NAME}' is a str"),
    "nothing": (changed(None), f"'{NAME}' is a NoneType"),
    "two sets of weights": (
        lambda w: {"student": w, "more": {"teacher": w}},
        "holds 2 sets of weights (more.teacher, student); save the one that you want alone",
    ),
    "a name that is a number": (changed(ONES, 7), "one of its names is no text but int"),
    "a name that is a tensor": (changed(ONES, ONES), "one of its names is no text but Tensor"),
    "a name of two lines": (changed(ONES, "a\nb"), r"'a\nb' is no name of a tensor"),
    "a name that moves the cursor": (changed(ONES, "\x1b[2J"), r"'\x1b[2J' is no name of a"),
    "an endless name": (changed(ONES, "a" * 10**6), "' is no name of a tensor"),
    "a name with and without module.": (
        changed(ONES, f"module.{NAME}"),
        f"has what this model does not: module.{NAME}",
    ),
    "a former and a present name": (
        changed(torch.ones(1), "block2.conv1.conv.weight"),
        "has conv2.0.conv1.conv.weight twice, once as block2.conv1.conv.weight",
    ),
    "a list": (lambda w: [1, 2], "holds no state_dict: list at its top"),
    "a tensor alone": (lambda w: ONES, "holds no state_dict: Tensor at its top"),
    "an empty dictionary": (lambda w: {}, "holds no state_dict: dict at its top"),
    "an empty state_dict": (lambda w: {"state_dict": {}}, "holds no state_dict"),
}


@pytest.mark.parametrize("kind", MISFITS)
@pytest.mark.filterwarnings("ignore:.*quantize:UserWarning")  # that it will go from PyTorch
def test_what_does_not_fit_is_refused(here, model, weights, kind):
    make, message = MISFITS[kind]
    file = here / "w.pth"
    file.write_bytes(saved(make(weights)))
    refused(model, file, message)


def test_tuples_in_tuples_without_end_are_refused(here, model, weights):
    file = here / "w.pth"
    file.write_bytes(old_file({**weights, "x": b")" + b"\x85" * 200_000}))
    refused(model, file, "it is nested more than 32 deep")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: save(w)[:5000], BROKEN),
        (lambda w: save(w)[:-1], BROKEN),
        (lambda w: b"", BROKEN),
        (lambda w: (1 << 60).to_bytes(8, "little") + save(w)[8:], BROKEN),
        (old_file, BROKEN),
        (lambda w: save({**w, NAME: ONES * torch.nan}), "has values that are not finite"),
        (lambda w: save({**w, "a\nb": ONES}), r"'a\nb' is no name of a tensor"),
        (
            lambda w: save({**w, f"module.{NAME}": ONES}),
            f"has what this model does not: module.{NAME}",
        ),
    ],
)
def test_broken_safetensors_are_refused(here, model, weights, change, message):
    file = here / "w.safetensors"
    file.write_bytes(change(weights))
    refused(model, file, message)


COMMANDS = {
    "a payload": (lambda w: old_file(SYSTEM), "it asks for os.system"),
    "a web page": (lambda w: PAGE, BROKEN),
    "a million people from one number": (
        lambda w: old_file(
            {**w, "classifier.weight": view((10**6, 1280), (0, 0))},
            storages={"0": (1, bytes(4))},
        ),
        "a tensor of shape (1000000, 1280) is more than the file holds",
    ),
    **{
        f"people in the shape {shape}": (
            lambda w, shape=shape: old_file({**w, "classifier.weight": torch.ones(shape)}),
            f"has no usable classifier.weight: its shape is {shape}",
        )
        for shape in ((), (5,), (0, 1280), (10**6, 0), (10**5, 1), (3, 1280, 1))
    },
    "two names": (
        lambda w: old_file({**w, "block2.conv1.conv.weight": torch.ones(1)}),
        "has conv2.0.conv1.conv.weight twice",
    ),
    "no number": (lambda w: old_file({**w, NAME: ONES * torch.nan}), "not finite"),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_convert_refuses_them_and_leaves_nothing(capfd, here, weights, kind):
    make, message = COMMANDS[kind]
    file = here / "mobilenetv2_mine.pth"
    file.write_bytes(make(weights))
    assert run(["convert", file.name]) == 2
    captured = capfd.readouterr()
    assert captured.err.startswith(f"crosscam: error: {file.name} ")
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert captured.out == ""
    assert list(here.iterdir()) == [file]


@pytest.mark.slow
def test_convert_runs_no_payload_as_a_process_either(here):
    file = here / "mobilenetv2_mine.pth"
    file.write_bytes(zip_file({"state_dict": {NAME: LIVE["eval"][1]}}))
    done = command("convert", file.name, cwd=here)
    assert done.returncode == 2
    assert done.stderr.startswith(f"crosscam: error: {file.name} holds more than tensors")
    assert len(done.stderr.splitlines()) == 1
    assert list(here.iterdir()) == [file]
