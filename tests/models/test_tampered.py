"""A model folder with any part damaged, exchanged or made by someone else gives one named error."""

from __future__ import annotations

import json
import random
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from policylens.data.errors import ModelFileError
from policylens.data.taxonomy import dump_taxonomy, taxonomy_from_labels
from policylens.infer.classify import Classifier
from policylens.infer.cli import app
from policylens.infer.digests.salience import Salience
from policylens.models.bundle import open_bundle
from policylens.models.inspect import inspect_model

TEXT = "支持农民种植粮食，发展乡村产业。"
WEIGHTS, ENCODER, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
QUERY = "encoder.encoder.layer.0.attention.self.query.weight"


def use(folder):
    """What `classify` and `summarize` do with a model."""
    classifier = Classifier.load(folder, device="cpu")
    assert len(list(classifier.classify([TEXT]))) == 1
    Salience.open(folder)


def cut(name, size):
    def damage(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[:size])

    return damage


def put(name, content):
    return lambda folder: (folder / name).write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )


def set_json(name, **values):
    def damage(folder):
        found = json.loads((folder / name).read_text(encoding="utf-8")) | values
        (folder / name).write_text(
            json.dumps({key: value for key, value in found.items() if value is not None}), encoding="utf-8"
        )

    return damage


def set_tensor(name, values, *, file=WEIGHTS):
    def damage(folder):
        tensors = load_file(folder / file)
        if values is None:
            del tensors[name]
        else:
            tensors[name] = values
        save_file(tensors, folder / file)

    return damage


def header(size_bytes, text=b"{}"):
    return size_bytes.to_bytes(8, "little") + text


def taxonomy_of(themes, stances):
    return put("taxonomy.yaml", dump_taxonomy(taxonomy_from_labels("other", themes, stances)))


def set_vocabulary(folder):
    path = folder / TOKENIZER
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    tokenizer["model"]["vocab"] += [[f"<new{at}>", -9.0] for at in range(5)]
    path.write_text(json.dumps(tokenizer), encoding="utf-8")


def set_template(folder):
    """Special tokens whose numbers the encoder does not know."""
    path = folder / TOKENIZER
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    tokenizer["post_processor"]["special_tokens"]["<s>"]["ids"] = [99_999]
    path.write_text(json.dumps(tokenizer), encoding="utf-8")


# Each list has the one before it nine times: written out they have 9 to the power of 29 entries.
ALIASES = ["&a0 [x, x]", *(f"&a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))]
FEW, MANY = ["a", "b"], ["a", "b", "c", "d"]
STANCES = ["support", "restrict"]

DAMAGES = {
    "weights empty": (put(WEIGHTS, b""), "model.safetensors is damaged"),
    "weights cut in the header": (cut(WEIGHTS, 100), "model.safetensors is damaged"),
    "weights cut in the data": (cut(WEIGHTS, -100), "model.safetensors is damaged"),
    "weights with bytes added": (
        lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes() + b"\0" * 9),
        "model.safetensors is damaged",
    ),
    "weights with a header of 2 GB": (put(WEIGHTS, header(1 << 31)), "model.safetensors is damaged"),
    "weights with a header that is no JSON": (put(WEIGHTS, header(4, b"????")), "is damaged"),
    "weights with a header nested too deep": (put(WEIGHTS, header(50_000, b"[" * 50_000)), "is damaged"),
    "weights without tensors": (put(WEIGHTS, header(2)), "has no theme head"),
    "a pickle under the name of the weights": (put(WEIGHTS, b"\x80\x04cos\nsystem\n."), "is damaged"),
    "a head of other labels": (
        set_tensor("heads.theme.weight", np.zeros((7, 32), np.float16)),
        "the theme head in model.safetensors has 7 × 32 weights",
    ),
    "a head with one dimension": (
        set_tensor("heads.theme.weight", np.zeros(3, np.float16)),
        "the theme head in model.safetensors has 3 weights",
    ),
    "a head of another width": (
        set_tensor("heads.also.weight", np.zeros((3, 8), np.float16)),
        "the also head in model.safetensors is 8 wide; the encoder is 32 wide",
    ),
    "a head too many": (set_tensor("heads.mood.weight", np.zeros((3, 32), np.float16)), "a head 'mood'"),
    "a head too few": (set_tensor("heads.stance.bias", None), "has no stance head"),
    "a layer of another width": (
        set_tensor(QUERY, np.zeros((32, 16), np.float16)),
        r"query\.weight in model\.safetensors is 32 × 16; config\.json says 32 × 32",
    ),
    "a weight is missing": (set_tensor(QUERY, None), "has no weight encoder.encoder.layer.0"),
    "weights that are whole numbers": (
        set_tensor(QUERY, np.zeros((32, 32), np.int64)),
        "weights of type I64; expected floats",
    ),
    "weights that are no numbers": (
        set_tensor(QUERY, np.full((32, 32), np.nan, np.float16)),
        "the weights are damaged: .*query.weight holds values that are no numbers",
    ),
    "taxonomy with fewer themes": (taxonomy_of(FEW, STANCES), "the taxonomy has 2 labels"),
    "taxonomy with more themes": (taxonomy_of(MANY, STANCES), "the taxonomy has 4 labels"),
    "taxonomy without stances": (taxonomy_of([*FEW, "c"], []), "the taxonomy has no stances"),
    "taxonomy that is no YAML": (put("taxonomy.yaml", "{"), "model folder .*taxonomy.yaml"),
    "taxonomy that makes objects": (
        put("taxonomy.yaml", "!!python/object/apply:os.system ['true']\n"),
        "could not determine a constructor",
    ),
    "taxonomy nested too deep": (put("taxonomy.yaml", "[" * 20_000), "model folder .*taxonomy.yaml"),
    "taxonomy of aliases that multiply": (
        put("taxonomy.yaml", f"groups:\n- [{', '.join(ALIASES)}]\n"),
        "model folder .*taxonomy.yaml: groups, entry 1: expected a mapping",
    ),
    "taxonomy that is not UTF-8": (put("taxonomy.yaml", b"\xff\xfe\xff"), "not UTF-8"),
    "tokenizer empty": (put(TOKENIZER, b""), "tokenizer.json cannot be loaded"),
    "tokenizer cut": (cut(TOKENIZER, 500), "tokenizer.json cannot be loaded"),
    "tokenizer that is another JSON": (put(TOKENIZER, b"[]"), "tokenizer.json cannot be loaded"),
    "tokenizer with more pieces": (set_vocabulary, "has tokens up to number .*, the encoder knows"),
    "tokenizer with unknown special tokens": (set_template, "has tokens up to number 99,999"),
    "config.json no object": (put(ENCODER, b"[]"), "config.json holds list, expected a JSON object"),
    "config.json no JSON": (put(ENCODER, b"{"), "config.json cannot be read as JSON"),
    "config.json nested too deep": (put(ENCODER, b"[" * 99_999), "config.json cannot be read as JSON"),
    "config.json without a type": (set_json(ENCODER, model_type=None), "model_type is None"),
    "config.json with a size that is text": (
        set_json(ENCODER, hidden_size="32"), "hidden_size is '32'; expected a whole number above 0"
    ),
    "config.json without a size": (set_json(ENCODER, vocab_size=None), "vocab_size is None"),
    "config.json of another size": (set_json(ENCODER, hidden_size=64), "the encoder is 64 wide"),
    "config.json with heads that do not divide": (
        set_json(ENCODER, num_attention_heads=3), "expected a divisor of hidden_size, 32"
    ),
    "config.json with more layers": (
        set_json(ENCODER, num_hidden_layers=9), "has 2 layers, config.json says 9"
    ),
    "config.json with fewer layers": (
        set_json(ENCODER, num_hidden_layers=1), "has 2 layers, config.json says 1"
    ),
    "config.json of another vocabulary": (
        set_json(ENCODER, vocab_size=50_000), "config.json says 50,000 × 32"
    ),
    "config.json with a norm of none": (set_json(ENCODER, layer_norm_eps="x"), "layer_norm_eps is 'x'"),
    "config.json with a padding token of text": (set_json(ENCODER, pad_token_id="p"), "pad_token_id is 'p'"),
    "config.json with an activation of another": (
        set_json(ENCODER, hidden_act="relu"), "knows BERT encoders with GELU"
    ),
    "policylens.json no object": (put("policylens.json", b"null"), "holds NoneType"),
    "policylens.json with a window too wide": (
        set_json("policylens.json", max_tokens=4096), "max_tokens is 4096, the encoder has 128 positions"
    ),
    "policylens.json of other heads": (
        set_json("policylens.json", temperatures={"mood": 1.0}), "names the head 'mood', which is not there"
    ),
    "policylens.json of another version": (
        set_json("policylens.json", format_version=2), "format_version is 2, expected 1"
    ),
    "ranges no object": (put("int8_ranges.json", b"[1, 2]"), "int8_ranges.json holds list"),
    "ranges of one number": (
        set_json("int8_ranges.json", **{QUERY[:-7]: [1]}), r"has \[1\], expected \[low, high\]"
    ),
    "ranges that are text": (set_json("int8_ranges.json", **{QUERY[:-7]: ["a", "b"]}), "expected .low, high"),
    "ranges without end": (
        set_json("int8_ranges.json", **{QUERY[:-7]: [0, float("inf")]}), "expected .low, high"
    ),
    "ranges that are crossed": (
        set_json("int8_ranges.json", **{QUERY[:-7]: [2, 1]}), "is empty, from 2 to 1"
    ),
    "ranges of another model": (
        set_json("int8_ranges.json", **{"encoder.nowhere": [-1, 1]}), "names 'encoder.nowhere'"
    ),
    "salience.json no object": (put("salience.json", b"3"), "salience.json holds int"),
    "salience.json with other fields": (
        set_json("salience.json", sets="many"), "expected the fields features"
    ),
    "salience weights cut": (cut("salience.safetensors", 90), "salience.safetensors cannot be read"),
    "salience weights of another width": (
        set_tensor("clause", np.zeros((2, 8, 3), np.float32), file="salience.safetensors"),
        r"clause has the shape \(2, 8, 3\), expected .* hidden \(32\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_one_named_error(damage, whole_model, copied):
    folder = copied(whole_model)
    change, message = DAMAGES[damage]
    change(folder)
    with pytest.raises(ModelFileError, match=message):
        use(folder)


@pytest.mark.parametrize("backend", ["openvino", "torch", "onnx"])
def test_weights_that_are_no_numbers_in_float(backend, whole_model, copied):
    if backend == "onnx":
        pytest.importorskip("onnxruntime")
    folder = copied(whole_model)
    (folder / "int8_ranges.json").unlink()
    set_tensor(QUERY, np.full((32, 32), np.nan, np.float16))(folder)
    with pytest.raises(ModelFileError, match=r"are damaged: .* no numbers"):
        list(Classifier.load(folder, device="cpu", backend=backend).classify([TEXT]))


def test_the_folder_of_these_tests_is_whole(whole_model):
    use(whole_model)
    assert Salience.open(whole_model) is not None


@pytest.mark.parametrize("name", [WEIGHTS, ENCODER, TOKENIZER, "taxonomy.yaml", "policylens.json"])
def test_random_damage_is_a_named_error_or_harmless(name, whole_model, copied):
    folder = copied(whole_model)
    whole = (folder / name).read_bytes()
    chance = random.Random(name)
    refused = 0
    for _ in range(40):
        data = bytearray(whole)
        # Most of what can go wrong stands in the first bytes: the header of the weights, the keys of JSON.
        for _ in range(chance.choice([1, 3, 30])):
            data[chance.randrange(min(len(data), 4000))] = chance.randrange(256)
        (folder / name).write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
        try:
            use(folder)
        except ModelFileError:
            refused += 1
    assert refused > 20


def test_a_salience_head_of_another_model_is_left_aside(whole_model, copied, caplog):
    folder = copied(whole_model)
    set_json("salience.json", encoder="0" * 64)(folder)
    assert Salience.open(folder) is None
    assert "was fitted to another model or version and is left aside" in caplog.text


def test_a_pickle_in_place_of_the_weights_is_refused_by_name(whole_model, copied):
    folder = copied(whole_model)
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelFileError, match=r"has no model\.safetensors; pytorch_model\.bin is never read"):
        open_bundle(folder)


def test_a_pickle_beside_the_weights_is_left_alone(whole_model, copied):
    folder = copied(whole_model)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n.")
    use(folder)
    files = {file.name: file.read for file in inspect_model(folder).files}
    assert files["pytorch_model.bin"] is False


def test_the_command_line_says_it_in_one_error(whole_model, copied, tmp_path):
    folder = copied(whole_model)
    cut(WEIGHTS, 100)(folder)
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    for command in ("classify", "summarize"):
        result = CliRunner().invoke(app, [command, str(tmp_path / "a.txt"), "--model", str(folder)])
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.count("error: ") == 1
        assert f"{folder / WEIGHTS} is damaged" in result.stderr
        assert "Traceback" not in result.stderr


def other_taxonomy(folder):
    taxonomy_of(MANY, STANCES)(folder)


GRAPH_DAMAGES = {
    "graph missing": (lambda f, graph: (f / graph).unlink(), "cannot be loaded|missing"),
    "graph cut": (lambda f, graph: cut(graph, 400)(f), "cannot be loaded"),
    "graph empty": (lambda f, graph: put(graph, b"")(f), "cannot be loaded|gives nothing"),
    "graph of other labels": (
        lambda f, graph: other_taxonomy(f),
        "gives also 3, stance 2, states 32, theme 3; taxonomy and encoder config say also 4",
    ),
    "graph of another encoder": (lambda f, graph: set_json(ENCODER, hidden_size=64)(f), "states 64"),
    "export.json cut": (lambda f, graph: cut("export.json", 20)(f), "export.json cannot be read as JSON"),
    "export.json no object": (lambda f, graph: put("export.json", b"[]")(f), "export.json holds list"),
    "export.json without a runtime": (
        lambda f, graph: set_json("export.json", backend=None)(f), "export.json is broken"
    ),
    "export.json of an unknown runtime": (
        lambda f, graph: set_json("export.json", backend="pickle")(f), "names backend 'pickle'"
    ),
    "tokenizer with more pieces": (lambda f, graph: set_vocabulary(f), "has tokens up to number"),
    "window too wide": (
        lambda f, graph: set_json("policylens.json", max_tokens=4096)(f), "the encoder has 128 positions"
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", GRAPH_DAMAGES)
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_damage_of_an_export_is_one_named_error(damage, runtime, request, copied):
    folder = copied(request.getfixturevalue(f"{runtime}_export"))
    change, message = GRAPH_DAMAGES[damage]
    change(folder, "model.onnx" if runtime == "onnx" else "model.xml")
    with pytest.raises(ModelFileError, match=message):
        use(folder)
    with pytest.raises(ModelFileError, match=message):
        inspect_model(folder)


def test_openvino_weights_are_cut(openvino_export, copied):
    folder = copied(openvino_export)
    cut("model.bin", 200)(folder)
    with pytest.raises(ModelFileError, match=r"model\.xml cannot be loaded"):
        use(folder)


def test_openvino_graph_of_another_vocabulary(openvino_export, copied):
    folder = copied(openvino_export)
    set_json(ENCODER, vocab_size=50_000)(folder)
    with pytest.raises(ModelFileError, match=r"knows tokens: .*; config.json says 50000"):
        use(folder)


@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_info_of_an_export(runtime, request):
    folder = request.getfixturevalue(f"{runtime}_export")
    info = inspect_model(folder)
    assert (info.export.backend, info.export.source) == (runtime, "model")
    assert info.parameters is None
    assert info.int8 is (runtime == "openvino")
    assert all(file.read for file in info.files)
    for form in ("text", "json"):
        result = CliRunner().invoke(app, ["model", "info", str(folder), "--format", form])
        assert result.exit_code == 0, result.stderr
        assert runtime in result.stdout
    assert json.loads(result.stdout)["export"]["backend"] == runtime


@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_an_export_keeps_its_salience_head(runtime, request, copied, tmp_path):
    source = request.getfixturevalue(f"{runtime}_export")
    assert Salience.open(source) is not None
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    result = CliRunner().invoke(app, ["summarize", str(tmp_path / "a.txt"), "--model", str(source)])
    assert result.exit_code == 0, result.stderr
    folder = copied(source)
    # One that was exported before the digest was kept.
    set_json("export.json", weights=None)(folder)
    assert Salience.open(folder) is None


CODE = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
"""


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_code_in_the_folder_never_runs(backend, whole_model, copied):
    folder = copied(whole_model)
    for name in ("modeling_own.py", "configuration_own.py", "tokenization_own.py", "__init__.py"):
        (folder / name).write_text(CODE)
    set_json(
        ENCODER,
        auto_map={
            "AutoConfig": "configuration_own.OwnConfig",
            "AutoModel": "modeling_own.OwnModel",
            "AutoTokenizer": ["tokenization_own.OwnTokenizer", None],
        },
    )(folder)
    classifier = Classifier.load(folder, device="cpu", backend=backend)
    assert len(list(classifier.classify([TEXT]))) == 1
    assert not (folder / "ran").exists()
    set_json(ENCODER, model_type="own")(folder)
    with pytest.raises(ModelFileError):
        Classifier.load(folder, device="cpu", backend=backend)
    assert not (folder / "ran").exists()


def test_a_base_with_code_or_pickles_is_refused(tiny_base, tmp_path):
    from policylens.train.encoder import load_encoder, pair_encoder

    base = shutil.copytree(tiny_base, tmp_path / "base")
    (base / "modeling_own.py").write_text(CODE)
    set_json(ENCODER, model_type="own", auto_map={"AutoModel": "modeling_own.OwnModel"})(base)
    with pytest.raises(ModelFileError, match=r"the base encoder .* cannot be loaded"):
        load_encoder(str(base), dropout=0.0)
    # A tokenizer of a known class does without the code.
    pair_encoder(str(base), tmp_path / "out", max_tokens=64)
    assert not (base / "ran").exists()
    pickled = shutil.copytree(tiny_base, tmp_path / "pickled")
    (pickled / WEIGHTS).rename(pickled / "pytorch_model.bin")
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        load_encoder(str(pickled), dropout=0.0)
