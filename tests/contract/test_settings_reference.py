"""The page of settings says what the code does."""

from shared.settings_reference import reference
from tests.support.services import ROOT


def test_the_page_of_settings_is_up_to_date():
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert page.strip() == reference().strip(), "run `make docs`"


def test_every_setting_says_what_it_means():
    assert "| None |" not in reference()
