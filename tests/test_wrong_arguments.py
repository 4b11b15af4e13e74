"""What is said of wrong arguments, over the registry: the argument, its value and what is allowed, and no word of JAX."""

import json
import pathlib
import re
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).with_name("wrong_arguments.py")
# What NumPy, JAX, pandas and Python say of arguments that nobody has looked at.
JARGON = re.compile(
    r"[Tt]racer|jit|hashable|broadcast|inhomogeneous|array element with a sequence|ambiguous|dtype promotion|dot_general|"
    r"zero-size array|ufunc|Cannot interpret|could not convert|not supported between|object is not|has no attribute|"
    r"has no len|cannot convert|not a valid|must be real number|PRNGKey dtype|NoneType"
)
ALLOWED = re.compile(
    r"allowed|expected|needed|takes a|has two axes|must be the same|give `noise` |give either `active`|must lie strictly|"
    r"must be finite with|lacks the columns|shapes must be equal"
)
# Functions of tables, whose message may be that of a column that is not there, or of both counts.
FUNCTIONS, COLUMNS = ("boundary", "success_table", "binomial_interval"), ("axis", "by")
# A number in the place of a module becomes one, whose own field is then named.
PIECE = re.compile(r"\w+: `\w+` is .* allowed", re.DOTALL)


def _named(each) -> bool:
    """Whether the argument is named, or a column of that name is missing."""
    quoted = f"`{each['argument']}" in each["message"] or each["message"].startswith(each["argument"])
    return quoted or (each["constructor"] in FUNCTIONS and each["argument"] in (*COLUMNS, "successes", "count"))


@pytest.fixture(scope="module")
def said():
    """All trials of the script, which runs without type checking, as users do."""
    root = SCRIPT.parent.parent
    found = subprocess.run([sys.executable, "-m", "tests.wrong_arguments"], capture_output=True, text=True, cwd=root)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_every_message_names_the_argument_and_what_is_allowed(said):
    refused = [each for each in said if each["error"] is not None]
    assert len(refused) > 4000
    bad = [
        (each["constructor"], each["argument"], each["kind"], each["error"], each["message"][:200])
        for each in refused
        if each["error"] not in ("TypeError", "ValueError", "KeyError")
        or JARGON.search(each["message"].replace(repr(each["argument"]), ""))
        or not ALLOWED.search(each["message"])
        or not (_named(each) or PIECE.match(each["message"]))
    ]
    assert bad == []


@pytest.mark.parametrize(
    "kind", ["string", "complex", "ragged", "object", "dictionary", "function", "class", "date", "nan"]
)
def test_what_is_nothing_of_the_kind_is_taken_nowhere(said, kind):
    taken = [(each["constructor"], each["argument"]) for each in said if each["kind"] == kind and each["error"] is None]
    assert [pair for pair in taken if pair != ("KroneckerProblem", "observations")] == []
