r"""Rooted trees of nested communities, and the densities that go with them.

A tree is a table of integers of shape (depth + 1, units): entry (l, u) is the community of depth l that unit u lies in.
Row 0 is the root, the last row the leaves, the finest communities. Units are blocks of nodes of equal size: a leaf
that is twice as large as another has twice as many of them. A leaf above the last row repeats itself down to it.
"""

import itertools
from collections.abc import Sequence

import numpy as np

__all__ = [
    "balanced_tree",
    "check_tree",
    "collapsed_tree",
    "common_depths",
    "geometric_densities",
    "leaf_count",
    "nested_tree",
    "tree_distances",
    "tree_merges",
]

Tree = np.ndarray

_TREES = "a depth, nested sequences, or a table of nested communities of shape (depth + 1, units)"


def balanced_tree(depth: int, branching: int = 2) -> Tree:
    """Every community above the leaves has `branching` children; one unit per leaf.

    **Raises:** `ValueError` for a depth below 1 or fewer than 2 children.
    """
    if depth < 1 or branching < 2:
        raise ValueError(f"balanced_tree: got depth {depth} and branching {branching}; at least 1 and 2 are allowed.")
    units = np.arange(branching**depth)
    return np.stack([units // branching ** (depth - level) for level in range(depth + 1)]).astype(np.int32)


def nested_tree(nested) -> Tree:
    """The tree written as nested sequences: a number is a leaf of so many units, a sequence a community of its entries.

    `nested_tree([[1, 1], [2, [1, 1]]])` has five leaves, one of them twice as large, at depths 2 and 3.

    **Raises:** `ValueError` for a leaf without units, a community with fewer than two children, or a lone leaf.
    """
    paths: list[tuple[int, ...]] = []

    def walk(node, path):
        if isinstance(node, (int, np.integer)):
            if node < 1:
                raise ValueError(f"nested_tree: a leaf has {node} units; at least 1 is allowed.")
            paths.extend([path] * int(node))
            return
        if len(node) < 2:
            raise ValueError(f"nested_tree: {node!r} has {len(node)} children; at least 2 are allowed.")
        for position, child in enumerate(node):
            walk(child, (*path, position))

    walk(nested, ())
    depth = max(len(path) for path in paths)
    if depth == 0:
        raise ValueError(f"nested_tree: got {nested!r}; a sequence of at least two communities is allowed.")
    return np.stack([_numbered([path[:level] for path in paths]) for level in range(depth + 1)])


def collapsed_tree(tree: Tree, sizes: Sequence[int]) -> Tree:
    """The tree whose leaves are runs of units of another, of the given sizes: what lies below them is forgotten.

    `collapsed_tree(balanced_tree(5), [2, 2, *24 * [1], 2, 2])` has 28 leaves.

    **Raises:** `ValueError` if the sizes do not sum to the number of units, or a run is no community of `tree` (nor part of
    a leaf).
    """
    tree = np.asarray(tree)
    if sum(sizes) != tree.shape[1] or min(sizes) < 1:
        raise ValueError(
            f"collapsed_tree: `sizes` is {list(sizes)}; numbers from 1 that sum to {tree.shape[1]} are allowed."
        )
    starts = np.cumsum([0, *sizes[:-1]])
    for start, size in zip(starts, sizes, strict=True):
        run = np.zeros(tree.shape[1], bool)
        run[start : start + size] = True
        inside_a_leaf = len(np.unique(tree[-1, run])) == 1
        if not inside_a_leaf and not any(np.array_equal(run, row == row[start]) for row in tree):
            raise ValueError(f"collapsed_tree: units {start} to {start + size - 1} are no community of the tree.")
    first = np.repeat(starts, sizes)
    rows = [[int(community) for community in row[first]] for row in tree]
    return np.stack([_numbered(list(zip(*rows[: level + 1], strict=True))) for level in range(len(rows))])


def _is_nested(tree) -> bool:
    """Whether a value is made of sequences of integers."""
    if isinstance(tree, (tuple, list)):
        return all(_is_nested(each) for each in tree)
    return isinstance(tree, (int, np.integer)) and not isinstance(tree, bool)


def check_tree(owner: str, tree) -> Tree:
    """The table of a tree given as a depth (binary), as a table or as nested sequences.

    **Raises:** `ValueError` naming the owner if it is none.
    """
    if isinstance(tree, (int, np.integer)) and not isinstance(tree, bool):
        if tree < 1:
            raise ValueError(f"{owner}: `tree` is {tree}; a depth of at least 1 is allowed.")
        return balanced_tree(int(tree))
    if not _is_nested(tree) and not isinstance(tree, np.ndarray):
        raise ValueError(f"{owner}: `tree` is {tree!r}; {_TREES} are allowed.")
    try:
        table = tree if isinstance(tree, np.ndarray) else nested_tree(tree)
    except ValueError as error:
        raise ValueError(f"{owner}: `tree` is {tree!r}; {_TREES} are allowed ({error})") from None
    nested = (
        table.ndim == 2
        and table.shape[0] >= 2
        and np.issubdtype(table.dtype, np.integer)
        and len(np.unique(table[0])) == 1
        and all(
            len(np.unique(np.stack([upper, lower]), axis=1).T) == len(np.unique(lower))
            for upper, lower in itertools.pairwise(table)
        )
    )
    if not nested:
        raise ValueError(f"{owner}: `tree` is {tree!r}; {_TREES} are allowed.")
    return np.stack([_numbered(list(row)) for row in table])


def leaf_count(tree: Tree) -> int:
    """Number of finest communities."""
    return len(np.unique(tree[-1]))


def common_depths(tree: Tree) -> np.ndarray:
    """Depth of the lowest common ancestor of every two units, shape (units, units); that of a leaf itself within it."""
    same = tree[:, :, None] == tree[:, None, :]
    sizes = same.sum(axis=2)
    # Below its own depth a leaf only repeats itself.
    proper = sizes[1:] < sizes[:-1]
    return (same[1:] & proper[:, :, None]).sum(axis=0).astype(np.int32)


def tree_distances(tree: Tree) -> np.ndarray:
    """Edges on the path between every two leaves, shape (leaves, leaves)."""
    _, units = np.unique(tree[-1], return_index=True)
    common = common_depths(tree)[np.ix_(units, units)]
    depth = np.diagonal(common)
    return depth[:, None] + depth[None, :] - 2 * common


def tree_merges(tree: Tree) -> np.ndarray:
    """Pairs of leaves whose communities are joined one after the other, deepest first; shape (leaves - 1, 2).

    A community with more than two children is joined child by child. The second of a pair is absorbed by the first.
    """
    leaves = tree[-1]
    merges = []
    for upper in tree[-2::-1]:
        for community in np.unique(upper):
            inside = np.unique(leaves[upper == community])
            absorbed = {pair[1] for pair in merges}
            first, *others = [leaf for leaf in inside if leaf not in absorbed]
            merges += [(first, other) for other in others]
    return np.asarray(merges, np.int32).reshape(-1, 2)


def geometric_densities(last: float, ratio: float, depth: int) -> np.ndarray:
    r"""$p_l = p_L \beta^{L - l}$ for $l = 0, \dots, L$, with $p_L$ = `last`, $\beta$ = `ratio` and $L$ = `depth`."""
    return last * ratio ** np.arange(depth, -1, -1, dtype=float)


def _numbered(keys: list) -> np.ndarray:
    """Numbers keys from 0 on in the order in which they first occur."""
    numbers: dict = {}
    return np.asarray([numbers.setdefault(key, len(numbers)) for key in keys], np.int32)
