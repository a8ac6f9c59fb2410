"""Adding an import to a module, where isort and ruff would put it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import libcst as cst
from libcst.helpers import get_absolute_module_for_import, get_full_name_for_node

from sequent_sa.cli.generators.sorted_lists import first_line, in_lines, inserted
from sequent_sa.exceptions import ConfigurationError

Key = tuple[int, bool, str]
Origin = tuple[str, str]


def replaced(tree: cst.Module, old: cst.CSTNode, new: cst.CSTNode) -> cst.Module:
    """The module with another node in the place of one, which is somewhere in it."""
    any_node: Any = new
    return cst.ensure_type(tree.deep_replace(old, any_node), cst.Module)


class Imports:
    """The imports of the module `name`, which is part of `package`; lines have at most `width` characters."""

    def __init__(self, name: str, package: str, width: int) -> None:
        self._name = name
        self._package = package
        self._width = width

    def add(self, tree: cst.Module, module: str, name: str) -> cst.Module:
        """The module with `from module import name`; with `import module` for no name, or for one such as ` as other`.

        Raises `ConfigurationError` when the name stands for something else there.
        """
        bound = name.removeprefix(" as ") or module
        for origin in _bindings(tree, self._name).get(bound, ()):
            if origin is not None and _is_same(origin, (module, name)):
                return tree
            raise ConfigurationError(
                f"{self._name} needs {bound} of {module}, but has something else of that name: rename it first"
            )
        found = None if bound != name else self._statement(tree, module)
        if found is None:
            return self._with_statement(tree, module, name)
        line, statement = found
        names = statement.names
        if isinstance(names, cst.ImportStar):
            return tree
        return replaced(tree, statement, self._with_name(tree, line, statement, list(names), name))

    def has(self, tree: cst.Module, module: str) -> bool:
        """Whether the module has `from module import ...`."""
        return self._statement(tree, module) is not None

    def binds(self, tree: cst.Module, name: str) -> bool:
        """Whether a name stands for something at the top of the module."""
        return name in _bindings(tree, self._name)

    def _statement(self, tree: cst.Module, module: str) -> tuple[cst.SimpleStatementLine, cst.ImportFrom] | None:
        for line in tree.body:
            if isinstance(line, cst.SimpleStatementLine):
                for statement in line.body:
                    if isinstance(statement, cst.ImportFrom) and _module_of(statement, self._name) == module:
                        return line, statement
        return None

    def _with_name(
        self,
        tree: cst.Module,
        line: cst.SimpleStatementLine,
        statement: cst.ImportFrom,
        names: list[cst.ImportAlias],
        name: str,
    ) -> cst.ImportFrom:
        opening = statement.lpar.whitespace_after if statement.lpar else cst.SimpleWhitespace("")
        added = inserted(names, cst.ImportAlias(cst.Name(name)), _name_of, opening)
        changed = statement.with_changes(names=added)
        is_long = len(tree.code_for_node(changed)) > self._width and len(line.body) == 1
        if not is_long or isinstance(opening, cst.ParenthesizedWhitespace):
            return changed
        return changed.with_changes(
            names=in_lines(added),
            lpar=cst.LeftParen(whitespace_after=first_line()),
            rpar=cst.RightParen(),
        )

    def _with_statement(self, tree: cst.Module, module: str, name: str) -> cst.Module:
        code = f"import {module}{name}" if name[:1] in ("", " ") else f"from {module} import {name}"
        new = cst.ensure_type(cst.parse_statement(code), cst.SimpleStatementLine)
        key = self._key(new.body[0])
        block = [(index, self._key(_import_in(tree.body[index]))) for index in _block(tree)]
        place = next((index for index, other in block if other > key), None)
        if place is None:
            return self._after_block(tree, new, key, block)
        following = cst.ensure_type(tree.body[place], cst.SimpleStatementLine)
        blank, rest = _leading(following)
        sections = {other[0] for _, other in block}
        if key[0] not in sections:
            rest = [cst.EmptyLine(indent=False), *rest]
        elif key[0] != self._key(following.body[0])[0]:
            blank, rest = [], [*blank, *rest]  # the last of its section
        new = new.with_changes(leading_lines=blank)
        body = [*tree.body[:place], new, following.with_changes(leading_lines=rest), *tree.body[place + 1 :]]
        return tree.with_changes(body=body)

    def _after_block(
        self, tree: cst.Module, new: cst.SimpleStatementLine, key: Key, block: list[tuple[int, Key]]
    ) -> cst.Module:
        if block:
            last, before = block[-1]
            place = last + 1
            is_apart = before[0] != key[0]
        else:
            place = 1 if tree.get_docstring() is not None else 0
            is_apart = place == 1
        new = new.with_changes(leading_lines=[cst.EmptyLine(indent=False)] if is_apart else [])
        return tree.with_changes(body=[*tree.body[:place], new, *tree.body[place:]])

    def _key(self, statement: cst.BaseSmallStatement) -> Key:
        if isinstance(statement, cst.ImportFrom):
            name = _module_of(statement, self._name)
            section = 4 if statement.relative else self._section(name)
            return section, True, name.lower()
        name = get_full_name_for_node(cst.ensure_type(statement, cst.Import).names[0].name) or ""
        return self._section(name), False, name.lower()

    def _section(self, module: str) -> int:
        root = module.partition(".")[0]
        if root == "__future__":
            return 0
        return 3 if root == self._package else 1 if root in sys.stdlib_module_names else 2


def _block(tree: cst.Module) -> Iterator[int]:
    """Where the imports at the beginning of a module are."""
    for index, line in enumerate(tree.body):
        if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Import | cst.ImportFrom):
            yield index
        elif index > 0 or tree.get_docstring() is None:
            return


def _import_in(line: cst.BaseStatement) -> cst.BaseSmallStatement:
    return cst.ensure_type(line, cst.SimpleStatementLine).body[0]


def _leading(line: cst.SimpleStatementLine) -> tuple[list[cst.EmptyLine], list[cst.EmptyLine]]:
    """The empty lines in front of a line, and from the first comment on all others."""
    lines = list(line.leading_lines)
    comment = next((index for index, each in enumerate(lines) if each.comment), len(lines))
    return lines[:comment], lines[comment:]


def _bindings(tree: cst.Module, module: str) -> dict[str, list[Origin | None]]:
    """What the names at the top of a module stand for: where they are imported from, None for anything else."""
    found: dict[str, list[Origin | None]] = {}
    for line in tree.body:
        if isinstance(line, cst.FunctionDef | cst.ClassDef):
            found.setdefault(line.name.value, []).append(None)
        for statement in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            for name, origin in _bound_by(statement, module):
                found.setdefault(name, []).append(origin)
    return found


def _bound_by(statement: cst.BaseSmallStatement, module: str) -> Iterator[tuple[str, Origin | None]]:
    if isinstance(statement, cst.ImportFrom) and not isinstance(statement.names, cst.ImportStar):
        for alias in statement.names:
            origin = (_module_of(statement, module), alias.evaluated_name)
            yield alias.evaluated_alias or alias.evaluated_name, origin if alias.asname is None else None
    elif isinstance(statement, cst.Import):
        for alias in statement.names:
            other = alias.evaluated_alias
            name = other or alias.evaluated_name.partition(".")[0]
            yield name, (alias.evaluated_name, f" as {other}" if other else "")
    elif isinstance(statement, cst.Assign | cst.AnnAssign):
        targets = (
            [each.target for each in statement.targets] if isinstance(statement, cst.Assign) else [statement.target]
        )
        for target in targets:
            if isinstance(target, cst.Name):
                yield target.value, None


def _is_same(origin: Origin, wanted: Origin) -> bool:
    (module, name), (wanted_module, wanted_name) = origin, wanted
    if name != wanted_name:
        return False
    # A package may hand on what its modules have.
    is_above = f"{wanted_module}.".startswith(f"{module}.") or f"{module}.".startswith(f"{wanted_module}.")
    return module == wanted_module or (is_above and name[:1] not in ("", " "))


def _module_of(statement: cst.ImportFrom, module: str) -> str:
    return get_absolute_module_for_import(module, statement) or ""


def _name_of(alias: cst.ImportAlias) -> str:
    return alias.evaluated_name
