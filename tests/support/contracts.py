"""What of other people's insides we stand on, said so that a change of it fails with what moved."""

from __future__ import annotations

import hashlib
import inspect
import textwrap
from importlib.metadata import packages_distributions, version
from typing import Any, NamedTuple


class Body(NamedTuple):
    """A function whose body we replace, or rely on to the letter.

    Parameters
    ----------
    owner
        Class or module.
    name
        The function's name.
    digest
        Of its source, as :func:`digest_of` says.
    why
        What we do with it.
    """

    owner: Any
    name: str
    digest: str
    why: str


class Call(NamedTuple):
    """A function that we call, or are called in the place of.

    Parameters
    ----------
    owner
        Class or module.
    name
        The function's name.
    parameters
        Their names, in order.
    why
        What we do with it.
    """

    owner: Any
    name: str
    parameters: str
    why: str


def name_of(pin: Body | Call) -> str:
    """A pin's name, for the list of tests."""
    return f"{pin.owner.__name__}.{pin.name}"


def release_of(owner: Any) -> str:
    """The package and version that a class comes from."""
    module = owner.__module__ if inspect.isclass(owner) else owner.__name__
    distribution = packages_distributions()[module.partition(".")[0]][0]
    return f"{distribution} {version(distribution)}"


def find(pin: Body | Call) -> Any:
    """The function that is pinned; fails when it is not there."""
    found = inspect.getattr_static(pin.owner, pin.name, None)
    assert found is not None, f"{name_of(pin)} is gone from {release_of(pin.owner)}: {pin.why}"
    found = getattr(found, "fun", found)  # a task of a service
    return inspect.unwrap(getattr(found, "__func__", found))


def digest_of(function: Any) -> str:
    """The first 12 digits of the SHA-256 of a function's source, whatever its indentation."""
    source = textwrap.dedent(inspect.getsource(function))
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def assert_same_body(pin: Body) -> None:
    """Fail when a function is no longer the one that was read."""
    found = digest_of(find(pin))
    assert found == pin.digest, (
        f"the body of {name_of(pin)} is another one in {release_of(pin.owner)}. We rely on it: "
        f"{pin.why}. Read what has changed, adapt us if need be, and then pin {found!r}."
    )


def assert_same_parameters(call: Call) -> None:
    """Fail when a function takes something else."""
    found = " ".join(inspect.signature(find(call)).parameters)
    assert found == call.parameters, (
        f"{name_of(call)} takes ({found}) in {release_of(call.owner)}, not ({call.parameters}). "
        f"We rely on it: {call.why}."
    )
