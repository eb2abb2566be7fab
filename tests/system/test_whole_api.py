"""Every public function: none is left out, all from 16 threads at once, all in a forked child."""

from __future__ import annotations

import inspect
import os

import pytest

import cormack

from . import whole_api

NAMESPACES = ("filters", "enhance", "segment", "features", "detect", "anatomy", "io")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return whole_api.run_all(tmp_path_factory.mktemp("one") / "thread")


@pytest.fixture
def four_threads():
    before = cormack.get_num_threads()
    cormack.set_num_threads(4)
    yield
    cormack.set_num_threads(before)


@pytest.mark.parametrize("name", NAMESPACES)
def test_no_function_is_left_out(name):
    namespace = getattr(cormack, name)
    functions = {f"{name}.{each}" for each in namespace.__all__ if inspect.isfunction(getattr(namespace, each))}
    called = {each for each in whole_api.CALLS if each.startswith(f"{name}.")}
    assert called == functions - whole_api.NOT_CALLED


def test_sixteen_threads_have_the_results_of_one(expected, tmp_path, four_threads):
    wrong = [whole_api.differences(result, expected) for result in whole_api.run_from_threads(tmp_path)]
    assert wrong == [[]] * 16


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_the_results_of_its_parent(expected, tmp_path, four_threads):
    assert whole_api.differences_after_fork(tmp_path / "child", expected) == 0
