"""What is looked at before anything is packaged."""

import pytest

import app
from tinyllama.deployment import checks
from tinyllama.deployment.failures import DeploymentFailed


@pytest.mark.parametrize(
    "paths",
    [
        ["/ping"],
        ["/health", "/sping"],
        ["/a b"],
        ["/a/{b"],
        ["/café/{id}"],
        ["/jobs/{job_id}", "/jobs/{id}/cancel"],
    ],
)
def test_a_path_that_api_gateway_does_not_take_is_named(paths: list[str]) -> None:
    with pytest.raises(DeploymentFailed, match=r"/.* API Gateway|API Gateway .*\{id\}"):
        checks.paths(paths)


@pytest.mark.parametrize("path", ["/", "/ping/{id}", "/pings", "/files/{path+}", "/v1:batch"])
def test_a_path_that_only_looks_like_one_passes(path: str) -> None:
    checks.paths([path, "/jobs/{job_id}", "/jobs/{job_id}/stream"])


def test_the_routers_own_paths_pass() -> None:
    checks.paths(app.app.routes)


@pytest.mark.parametrize("version", [(3, 12), (3, 14)])
def test_another_python_is_refused_by_name(version: tuple[int, int]) -> None:
    with pytest.raises(DeploymentFailed, match=rf"Python 3\.13, and this is 3\.{version[1]}"):
        checks.python(version)


def test_lambdas_python_is_welcome() -> None:
    checks.python((3, 13))
