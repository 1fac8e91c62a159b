"""Where shipped data is found, in a checkout and in an installed package."""

import pytest

from arena import resources

FINDERS = [resources.tasks_dir, resources.sandboxes_dir, resources.reports_dir]


@pytest.mark.parametrize("find", FINDERS)
def test_a_checkout_has_it_at_the_top(find):
    assert find().is_dir()
    assert find().parent.joinpath("pyproject.toml").is_file()


@pytest.mark.parametrize("find", FINDERS)
def test_an_installed_package_has_it_inside(find, tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "arena"
    name = find().name
    (package / "_data" / name).mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert find() == package / "_data" / name
