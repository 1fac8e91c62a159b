import pytest


@pytest.fixture
def people():
    return 3
