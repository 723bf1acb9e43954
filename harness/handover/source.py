"""Collects the source of functions and classes with all that they use, so that it runs without medfuzz.

What a protocol's live fields need is what its wire class says in Python: nothing is written a second time.
"""

from __future__ import annotations

import ast
import copy
import inspect
import symtable
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any, cast

from harness.errors import UsageError

_NEEDED = frozenset({"bleak"})  # what a script of a Bluetooth finding imports
_LIBRARIES = ("site-packages", "dist-packages")
_OURS = frozenset({"harness", "protocols", "fuzzers", "targets", "reports"})
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


class CannotCollect(UsageError):
    """Something that cannot be copied; `what` it is, and why."""


class Collection:
    """Definitions in an order in which they can be executed, and the imports that they need.

    `kept` names, by class, the members to keep (others are left out); classes that are not in it stay whole.
    `change` is applied to each definition before it is looked at.
    """

    def __init__(self, kept: Mapping[type[Any], frozenset[str]], change: ast.NodeTransformer | None = None) -> None:
        self._kept, self._change = kept, change or ast.NodeTransformer()
        self._names = dict[tuple[str, str], str]()
        self._taken = dict[str, str]()
        self._imports = dict[str, set[str]]()
        self.texts = list[str]()

    def add(self, thing: Any) -> str:
        """A function or class with all that it uses; its name in the script. Raises CannotCollect."""
        return self._want(sys.modules[thing.__module__], thing.__name__)

    @property
    def imports_text(self) -> str:
        """The import statements of what comes with Python, one a line."""
        lines = [f"import {source}" for source, names in self._imports.items() if not names]
        lines += [
            f"from {source} import {', '.join(sorted(names))}" for source, names in self._imports.items() if names
        ]
        return "\n".join(sorted(lines))

    def _want(self, module: ModuleType, name: str) -> str:
        """The name in the script of what a module calls `name`."""
        node = _defined(module).get(name)
        if node is None:
            raise CannotCollect(f"'{name}' of {module.__name__} is not defined at its top, so it cannot be copied")
        if isinstance(node, ast.Import | ast.ImportFrom):
            return self._import(module, node, name)
        if (module.__name__, name) not in self._names:
            for own in _names_of(node):
                self._names[module.__name__, own] = self._free(own, module)
            self._define(module, node)
        return self._names[module.__name__, name]

    def _free(self, name: str, module: ModuleType) -> str:
        """The name itself, or with its module's where another module has one."""
        free = name if name not in self._taken else f"{name}_{module.__name__.rpartition('.')[2]}"
        if free in self._taken:
            raise CannotCollect(f"'{name}' of {module.__name__} is also in {self._taken[free]}; rename one of them")
        self._taken[free] = module.__name__
        return free

    def _define(self, module: ModuleType, node: Definition) -> None:
        """What it uses comes first."""
        bare = self._change.visit(_bare(module, node, self._kept))
        used = sorted(_globals_of(bare) & _defined(module).keys())
        names = {name: self._want(module, name) for name in used}
        names |= {name: self._names[module.__name__, name] for name in _names_of(node)}
        self.texts.append(ast.unparse(_Renamed(names).visit(bare)))

    def _import(self, module: ModuleType, node: ast.Import | ast.ImportFrom, name: str) -> str:
        alias = next(one for one in node.names if (one.asname or one.name.partition(".")[0]) == name)
        source = alias.name if isinstance(node, ast.Import) else str(node.module)
        if source.partition(".")[0] in sys.stdlib_module_names | _NEEDED:
            return self._from_python(source, "" if isinstance(node, ast.Import) else alias.name, name)
        if isinstance(node, ast.ImportFrom) and _is_own(sys.modules[source]):
            return self._want(sys.modules[source], alias.name)
        raise CannotCollect(f"{module.__name__} uses '{name}' of {source}, which cannot be copied into a script")

    def _from_python(self, source: str, attribute: str, name: str) -> str:
        """Import it by its own name, or as `name` where that is another."""
        whole = source if not attribute and name == source.partition(".")[0] else f"{source} as {name}"
        taken = f"{source} {attribute}"
        if self._taken.setdefault(name, taken) != taken:
            raise CannotCollect(f"'{name}' of {self._taken[name]} is also a name of Python's {source}; rename it")
        if source == "__future__":
            return name
        if attribute:
            self._imports.setdefault(source, set()).add(attribute if attribute == name else f"{attribute} as {name}")
        else:
            self._imports.setdefault(whole, set())
        return name


def members_used(
    kind: type[Any], wanted: Iterable[str], change: ast.NodeTransformer | None = None
) -> dict[type[Any], frozenset[str]]:
    """By class of `kind`'s ancestry, the members that `wanted` methods reach through `self` and `super()`.

    `change` is applied to each before it is looked at.
    """
    classes = [one for one in kind.__mro__ if one is not object and _is_own(sys.modules[one.__module__])]
    reached, waiting = set[str](), list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [used for one in classes for used in _through_self(one, name, change)]
    return {one: frozenset(reached & vars(one).keys()) for one in classes}


def attributes_used(kept: Mapping[type[Any], frozenset[str]], change: ast.NodeTransformer | None = None) -> set[str]:
    """The names of attributes that kept members, changed alike, read of `self`."""
    return {used for kind, names in kept.items() for name in names for used in _through_self(kind, name, change)}


def _through_self(kind: type[Any], name: str, change: ast.NodeTransformer | None = None) -> Iterator[str]:
    member = next((node for node in _body(kind) if name in _names_of(node)), None)
    if member is not None and change is not None:
        member = change.visit(copy.deepcopy(member))
    for node in ast.walk(member) if member else ():
        if isinstance(node, ast.Attribute) and _is_self(node.value):
            yield node.attr


def _is_self(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _body(kind: type[Any]) -> list[ast.stmt]:
    node = _defined(sys.modules[kind.__module__]).get(kind.__name__)
    return node.body if isinstance(node, ast.ClassDef) else []


def _is_own(module: ModuleType) -> bool:
    """True for medfuzz's own and for a user's files, false for what comes with Python or is installed."""
    top, file = module.__name__.partition(".")[0], str(getattr(module, "__file__", None) or "")
    if top in _OURS:
        return True
    return file.endswith(".py") and top not in sys.stdlib_module_names and not any(name in file for name in _LIBRARIES)


@cache
def _defined(module: ModuleType) -> Mapping[str, Definition | ast.Import | ast.ImportFrom]:
    """What a module defines or imports at its top, by name."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError) as error:
        raise CannotCollect(f"the source of {module.__name__} cannot be read: {error}") from error
    found: dict[str, Definition | ast.Import | ast.ImportFrom] = {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0]: node for alias in node.names}
        elif isinstance(node, Definition):
            found |= dict.fromkeys(_names_of(node), node)
    return found


def _names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]


def _bare(module: ModuleType, node: Definition, kept: Mapping[type[Any], frozenset[str]]) -> ast.stmt:
    """Without annotations that nothing reads, without decorators that only file a function, without members unkept."""
    bare = cast("Definition", ast.parse(ast.unparse(node)).body[0])
    if isinstance(bare, ast.ClassDef):
        return _trimmed(bare, kept.get(getattr(module, bare.name)))
    if isinstance(bare, ast.FunctionDef) and _is_itself(getattr(module, bare.name), bare.name):
        bare.decorator_list = []
    return _Unannotated().visit(bare)


def _is_itself(function: Any, name: str) -> bool:
    """True where decorators gave back the function that was defined."""
    return inspect.isfunction(function) and function.__code__.co_name == name and not hasattr(function, "__wrapped__")


def _trimmed(node: ast.ClassDef, names: frozenset[str] | None) -> ast.ClassDef:
    if names is not None:
        body = [one for one in node.body if _is_docstring(one) or names & set(_names_of(one))]
        node.body = body or [ast.Pass()]
    node.body = [one if isinstance(one, ast.AnnAssign) else _Unannotated().visit(one) for one in node.body]
    return node


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Unannotated(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:
            return ast.Pass()
        return ast.fix_missing_locations(ast.Assign([node.target], self.visit(node.value), lineno=node.lineno))


class _Renamed(ast.NodeTransformer):
    """With other names for what is at a module's top, where no argument has that name."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = {old: new for old, new in names.items() if old != new}

    def visit(self, node: ast.AST) -> Any:
        """Nothing to do where all names stay."""
        return super().visit(node) if self._names else node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.name = self._names.get(node.name, node.name)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = self._names.get(node.name, node.name)
        outer, arguments = self._names, {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        self._names = {old: new for old, new in outer.items() if old not in arguments}
        self.generic_visit(node)
        self._names = outer
        return node


def _globals_of(node: ast.stmt) -> set[str]:
    """Names that are looked up in the module, those of a class's annotations included."""
    text = f"from __future__ import annotations\n{ast.unparse(node)}"
    used = set(_looked_up(symtable.symtable(text, "definition", "exec")))
    for part in ast.walk(node):
        if isinstance(part, ast.AnnAssign):
            used |= {name.id for name in ast.walk(part.annotation) if isinstance(name, ast.Name)}
    return used - set(_names_of(node))


def _looked_up(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_global() or (table.get_type() == "module" and symbol.is_referenced()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _looked_up(child)
