"""No code of ours loads what could run code: pickles, unsafe YAML, code that comes with a model."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path.relative_to(ROOT)
    for folder in ("data", "models", "train", "infer", "benchmarks", "scripts")
    for path in (ROOT / folder).rglob("*.py")
)
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "_pickle"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_METHODS = {
    *{"torch.load", "torch.hub.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "os.system"},
    *{"numpy.load", "np.load", "pandas.read_pickle", "pd.read_pickle", "torch.package", "os.popen"},
}
# The one that may be: `numpy.load(..., allow_pickle=False)`, for plain arrays.
FROM_PARTS = {"from_pretrained", "from_config"}


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((item.value for item in call.keywords if item.arg == name), None)


def is_false(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def offences(source: str) -> list[str]:
    """What a module does that none may, with lines."""
    tree = ast.parse(source)
    found = [f"imports {name}" for name in sorted(imported(tree) & FORBIDDEN_IMPORTS)]
    for call in calls(tree):
        name, place = dotted(call.func), f"line {call.lineno}"
        if name in FORBIDDEN_CALLS:
            found.append(f"{place}: {name}")
        if name in FORBIDDEN_METHODS and not is_false(keyword(call, "allow_pickle")):
            found.append(f"{place}: {name}")
        if name == "yaml.load" and not _is_safe_yaml(call, tree):
            found.append(f"{place}: yaml.load without a safe loader")
        trust = keyword(call, "trust_remote_code")
        if trust is not None and not is_false(trust):
            found.append(f"{place}: trust_remote_code is not False")
        if name.split(".")[-1] in FROM_PARTS and name.startswith("Auto") and not is_false(trust):
            found.append(f"{place}: {name} without trust_remote_code=False")
    return found


def _is_safe_yaml(call: ast.Call, tree: ast.AST) -> bool:
    loader = keyword(call, "Loader")
    classes = {
        node.name: [dotted(base) for base in node.bases]
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    name = dotted(loader) if loader is not None else ""
    return "SafeLoader" in name or any("SafeLoader" in base for base in classes.get(name, ()))


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_runs_foreign_code(module: Path) -> None:
    assert offences((ROOT / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import torch\ntorch.load(path)",
        "eval(text)",
        "AutoModel.from_pretrained(base)",
        "AutoConfig.from_pretrained(base, trust_remote_code=True)",
        "AutoModel.from_config(config, trust_remote_code=given)",
        "import yaml\nyaml.load(text, Loader=yaml.Loader)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
    ],
)
def test_the_check_sees(source: str) -> None:
    assert offences(source)


def test_every_module_is_looked_at() -> None:
    assert len(MODULES) > 100
