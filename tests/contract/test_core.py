"""The pure core: which modules do no I/O, and whose every branch is tested."""

import tomllib

from tests.support.services import ROOT


def test_every_branch_is_tested_of_the_modules_that_do_no_io():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contracts = tools["importlinter"]["contracts"]
    (pure,) = (contract for contract in contracts if contract["name"].endswith("do no I/O"))
    run, report = tools["coverage"]["run"], tools["coverage"]["report"]
    assert run == {"branch": True, "source_pkgs": pure["source_modules"]}
    assert report == {"fail_under": 100, "show_missing": True, "skip_covered": True}
