"""A Python file of the application, changed without touching what somebody wrote in it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

import libcst as cst
from libcst.helpers import get_full_name_for_node

from sequent_sa.cli.generators.imports import Imports, replaced
from sequent_sa.cli.generators.sorted_lists import first_line, in_lines, inserted
from sequent_sa.exceptions import ConfigurationError

_BLANK = cst.EmptyLine(indent=False)


class PythonFile:
    """The text of the module `name` of `package`, called `path` in errors; lines have at most `width` characters.

    Raises `ConfigurationError` when it is no Python.
    """

    def __init__(self, source: bytes, *, path: str, name: str, package: str, width: int) -> None:
        self.path = path
        self._width = width
        self._imports = Imports(name, package, width)
        try:
            self._tree = cst.parse_module(source)
        except (cst.ParserSyntaxError, UnicodeDecodeError, SyntaxError) as error:
            reason = " ".join(str(error).split())
            raise ConfigurationError(f"{path} cannot be read as Python: {reason}") from error

    @property
    def content(self) -> bytes:
        """The text as it is now."""
        return self._tree.bytes

    def has_class(self, name: str) -> bool:
        """Whether a class of this name is defined at the top."""
        return any(each.name.value == name for each in self._classes())

    def attributes(self, class_name: str) -> dict[str, str]:
        """The annotations of a class's attributes that have no default, by name."""
        found: dict[str, str] = {}
        for line in self._class(class_name).body.body:
            for statement in line.body if isinstance(line, cst.SimpleStatementLine) else ():
                if isinstance(statement, cst.AnnAssign) and statement.value is None:
                    name = get_full_name_for_node(statement.target) or ""
                    found[name] = self._tree.code_for_node(statement.annotation.annotation)
        return found

    def add_import(self, module: str, name: str) -> None:
        """Import a name. Raises `ConfigurationError` when it stands for something else here."""
        self._tree = self._imports.add(self._tree, module, name)

    def append(self, code: str) -> None:
        """Add a class or a function at the end. Raises `ConfigurationError` when its name is taken here."""
        (new,) = cst.parse_module(code).body
        assert isinstance(new, cst.ClassDef | cst.FunctionDef)
        if self._imports.binds(self._tree, new.name.value):
            raise ConfigurationError(f"{self.path} has something of the name {new.name.value} already: choose another")
        leading = [_BLANK, _BLANK] if self._tree.body else []
        self._tree = self._tree.with_changes(body=[*self._tree.body, new.with_changes(leading_lines=leading)])

    def export(self, name: str) -> None:
        """Add a name to `__all__`, if there is a list of that name."""
        for statement in self._statements():
            found = _names_in_all(statement)
            if found is None or any(isinstance(each, cst.StarredElement) for each in found.elements):
                continue
            if name not in map(_text_of, found.elements):
                self._tree = replaced(self._tree, found, self._with_element(statement, found, name))

    def exports_from(self, module: str) -> bool:
        """Whether names of another module are imported here."""
        return self._imports.has(self._tree, module)

    def methods(self, class_name: str) -> set[str]:
        """The names of a class's methods."""
        return {each.name.value for each in _functions(self._class(class_name))}

    def insert_method(self, class_name: str, code: str) -> None:
        """Add a method to a class: behind its last message handler, or at its end."""
        owner = self._class(class_name)
        (wrapped,) = cst.parse_module(f"class _:\n{textwrap.indent(textwrap.dedent(code), '    ')}").body
        (method,) = cst.ensure_type(cst.ensure_type(wrapped, cst.ClassDef).body, cst.IndentedBlock).body
        body = [line for line in _lines(owner) if not _says_nothing(line)]
        handlers = [index for index, line in enumerate(body) if isinstance(line, cst.FunctionDef) and _is_handler(line)]
        place = handlers[-1] + 1 if handlers else len(body)
        new = cst.ensure_type(method, cst.FunctionDef).with_changes(leading_lines=[_BLANK] if place else [])
        block = owner.body if isinstance(owner.body, cst.IndentedBlock) else cst.IndentedBlock(body=[])
        changed = block.with_changes(body=[*body[:place], new, *body[place:]])
        self._tree = replaced(self._tree, owner, owner.with_changes(body=changed))

    def _with_element(self, statement: cst.Assign, found: cst.List | cst.Tuple, name: str) -> cst.List | cst.Tuple:
        if isinstance(found, cst.List):
            opening = found.lbracket.whitespace_after
        else:
            opening = found.lpar[0].whitespace_after if found.lpar else cst.SimpleWhitespace("")
        elements = [each for each in found.elements if isinstance(each, cst.Element)]
        added = inserted(elements, cst.Element(cst.SimpleString(f'"{name}"')), _text_of, opening)
        changed = found.with_changes(elements=added)
        line = self._tree.code_for_node(statement.with_changes(value=changed))
        if isinstance(changed, cst.Tuple) or "\n" in line or len(line) <= self._width:
            return changed
        return changed.with_changes(
            elements=in_lines(added), lbracket=cst.LeftSquareBracket(whitespace_after=first_line())
        )

    def _classes(self) -> Iterator[cst.ClassDef]:
        return (each for each in self._tree.body if isinstance(each, cst.ClassDef))

    def _class(self, name: str) -> cst.ClassDef:
        for each in self._classes():
            if each.name.value == name:
                return each
        raise ConfigurationError(f"{self.path} has no class {name}, which is needed here")

    def _statements(self) -> Iterator[cst.Assign]:
        for line in self._tree.body:
            for statement in line.body if isinstance(line, cst.SimpleStatementLine) else ():
                if isinstance(statement, cst.Assign):
                    yield statement


def _names_in_all(statement: cst.Assign) -> cst.List | cst.Tuple | None:
    target = statement.targets[0].target
    is_all = isinstance(target, cst.Name) and target.value == "__all__"
    return statement.value if is_all and isinstance(statement.value, cst.List | cst.Tuple) else None


def _text_of(element: cst.BaseElement) -> str:
    value = element.value
    return str(value.evaluated_value) if isinstance(value, cst.SimpleString) else ""


def _functions(owner: cst.ClassDef) -> Iterable[cst.FunctionDef]:
    return (line for line in owner.body.body if isinstance(line, cst.FunctionDef))


def _lines(owner: cst.ClassDef) -> Sequence[cst.BaseStatement]:
    if isinstance(owner.body, cst.IndentedBlock):
        return list(owner.body.body)
    suite = cst.ensure_type(owner.body, cst.SimpleStatementSuite)
    return [cst.SimpleStatementLine([each.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)]) for each in suite.body]


def _says_nothing(line: cst.BaseStatement) -> bool:
    """`pass` and `...`, which a body needs only as long as there is nothing else."""
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return False
    if line.trailing_whitespace.comment or any(each.comment for each in line.leading_lines):
        return False
    statement = line.body[0]
    return isinstance(statement, cst.Pass) or (
        isinstance(statement, cst.Expr) and isinstance(statement.value, cst.Ellipsis)
    )


def _is_handler(function: cst.FunctionDef) -> bool:
    for decorator in function.decorators:
        called = decorator.decorator
        name = get_full_name_for_node(called.func) if isinstance(called, cst.Call) else None
        if name is not None and name.rpartition(".")[2] == "on":
            return True
    return False
